"""A webhook's signing secret: the report tells of forged events instead of an API key's misuse."""

from ir.core.model import Json, KeyKind
from ir.core.wording import counted
from ir.report.source import Story, as_object


def about_webhook(story: Story) -> bool:
    """Whether the incident is about a signing secret."""
    return bool(story.old.get("kind") == KeyKind.WEBHOOK)


def steps(story: Story) -> list[Json]:
    """`{what, why}`."""
    return [*_forged(story), *_ELSEWHERE]


def card(story: Story) -> Json:
    """The first card of the report, in place of `misuse_card.card`."""
    seen = as_object(story.facts.get("forged"))
    count, processed = seen.get("count"), seen.get("processed")
    if not seen.get("looked"):
        answer, tone, said = "not looked at", "warn", _why_not(seen)
    elif isinstance(count, int) and count:
        answer, tone, said = "yes", "bad", f"{counted(count, 'processed event')} unknown to Stripe: {', '.join(as_names(seen.get('ids')))}"
    else:
        answer, tone, said = "none seen", "good", "each event that the services say they processed is known to Stripe"
    looked = counted(processed, "event") if isinstance(processed, int) else "not looked at"
    facts: list[Json] = [{"name": f"Processed {seen.get('window') or 'since the exposure'}", "said": looked, "tone": tone}]
    return {
        "id": "misuse",
        "question": "Was a forged event processed?",
        "answer": answer,
        "tone": tone,
        "text": said,
        "facts": facts,
        "line": [],
    }


def _why_not(seen: Json) -> str:
    """The reason why it was not looked at; the step may not have been reached."""
    return str(seen.get("why") or "no service was asked which events it processed")


def as_names(found: object) -> list[str]:
    """The first five of a list of ids."""
    return [str(name) for name in found[:5]] if isinstance(found, list | tuple) else []


def _forged(story: Story) -> list[Json]:
    seen = as_object(story.facts.get("forged"))
    if not seen.get("looked"):
        what = (
            "compare the ids of the events that your services processed since the exposure with Stripe's (`GET /v1/events/ID`): "
            "one that Stripe does not know was forged"
        )
        return [_step(what, f"with the secret anybody could send events that a service believes, and {_why_not(seen)}")]
    count = seen.get("count")
    if isinstance(count, int) and count:
        why = f"{counted(count, 'processed event')} unknown to Stripe"
        return [_step("undo what the services did for forged events: orders shipped, balances credited, access granted", why)]
    why = "Stripe keeps events for 30 days, and a service tells only what it recorded"
    return [_step("look at what services did for events older than that, if the exposure is older", why)]


def _step(what: str, why: str) -> Json:
    return {"what": what, "why": why}


_ELSEWHERE = (
    _step(
        "search the git history, forks, CI logs, container images, chat and tickets for the signing secret",
        "removing it from the last commit does not remove it",
    ),
    _step("let services refuse signatures older than five minutes, and events whose id they know", "a recorded delivery can be sent again"),
    _step(
        "let services read an object back from Stripe before they act on an event of weight",
        "an event that was forged names objects that Stripe does not have",
    ),
    _step(
        "rotate API keys that were in the same file or entry: ir rotate stripe",
        "a signing secret opens no API, and the rotation of one does not touch the other",
    ),
)
