"""The first things that a reader must know, the run in a few sentences, and the exceptions that a person accepted."""

from ir.core.model import Json
from ir.incident import reversibility
from ir.report.formatting import UNKNOWN, moment, span, utc
from ir.report.source import Story, as_object, as_rows, words

_ENDS = {
    "rolled back": ("bad", "Rolled back", "the services are back on the leaked key, and the leaked key lives"),
    "aborted": ("bad", "Aborted", "the run was stopped before its end; nothing in use was killed"),
    "attested": ("warn", "Attested, not proven", "a human closed this incident without proof"),
    "refused": ("warn", "Refused", "the run did not start; nothing was changed"),
    "waiting": ("warn", "Waiting for a human", "the incident is open"),
    "running": ("warn", "Still running", "the incident is open"),
    "debt": ("warn", "Done, with something still to do", "see below"),
    "reopened": ("bad", "Reopened", "misuse was found after the end"),
}
_ENDED_AS = {"debt": "done, with something still to do"}


def banners(story: Story) -> list[Json]:
    """What a reader must know before anything else; empty for a plain success."""
    rows = []
    if story.dry_run:
        rows.append(_banner("info", "Dry run", "nothing was changed, and nothing below says that anything was"))
    if story.drill:
        rows.append(_banner("info", "Drill", "this happened in an embedded world, with keys and money that are not real"))
    kind, title, text = _ENDS.get(story.incident.status, ("", "", ""))
    if kind:
        rows.append(_banner(kind, title, _with_reason(story, text)))
    if story.facts.get("dead_on_arrival"):
        rows.append(
            _banner("warn", "Dead on arrival", "the leaked key was dead already when this run first looked at it; the services came first")
        )
    return rows


def _banner(kind: str, title: str, text: str) -> Json:
    return {"kind": kind, "title": title, "text": text}


def _with_reason(story: Story, text: str) -> str:
    end = story.ended
    by = words(end.get("by") or end.get("attested_by"))
    said = words(end.get("reason") or end.get("said"))
    waiting = "" if story.ended or not story.incident.runs else _open_question(story)
    return "; ".join(part for part in (text, f"by {by}" if by else "", said, waiting) if part)


def _open_question(story: Story) -> str:
    last = story.incident.runs[-1]
    return words(story.tamer(f"{last.id}: {last.outcome.todo or last.outcome.said}"))


def summary(story: Story) -> list[str]:
    """What happened, in a few sentences."""
    told, plan = story.facts, story.plan
    account = " ".join(words(story.old.get(n)) for n in ("account", "mode") if story.old.get(n)) or "account unknown"
    actor, key, playbook = words(story.tamer(story.incident.actor)) or "Somebody", words(plan.get("key")), words(plan.get("playbook"))
    asked = f"key {key or UNKNOWN} ({account}), policy {story.policy or UNKNOWN}, playbook {playbook or UNKNOWN}"
    said = [f"{actor} opened this incident at {utc(story.incident.opened_at)}: {asked}."]
    reason = words(story.options.get("reason"))
    via = words(story.options.get("leaked_via")) or UNKNOWN
    said.append(f"Reason given: {reason or 'none'}. It leaked through: {via}{_source(story)}.")
    if said_leaked := story.emergency:
        because = f", because: {words(said_leaked.get('reason'))}" if said_leaked.get("reason") else ""
        by, at = words(said_leaked.get("by")) or "Somebody", utc(said_leaked.get("at"))
        said.append(f"{by} said at {at} that the old key has leaked{because}: nothing was waited for any more before its death.")
    if undone := words(reversibility.promise_of(story.plan)):
        said.append(f"By plan: {undone}")
    if told.get("containment"):
        said.append(f"Contained at {utc(told.get('contained_at'))}: {words(as_object(told['containment']).get('said')) or UNKNOWN}.")
    said += _last_words(story)
    if story.ended:
        took = (story.incident.ended_at, story.incident.opened_at)
        said.append(f"It ended at {utc(took[0])}{_took(story)} as: {_ENDED_AS.get(story.incident.status, story.incident.status)}.")
    return said


def _source(story: Story) -> str:
    source, closed = words(story.options.get("source")), words(story.options.get("source_closed_by"))
    if not source:
        return ""
    return f", from {source}" + (f", which {closed} says is closed" if closed else ", and no one has said that it is closed")


def _took(story: Story) -> str:
    start, end = moment(story.incident.opened_at), moment(story.incident.ended_at)
    return f", after {span(end - start)}," if start and end and end >= start else ""


def _last_words(story: Story) -> list[str]:
    """What the informing steps said, in their own words."""
    told = []
    for action in ("mint", "verify", "retire", "prove"):
        run = story.settled_run(action)
        if run is not None and run.outcome.said:
            text = words(story.tamer(run.outcome.said))
            told.append(f"{text[:1].upper()}{text[1:].rstrip('.')}.")
    return told


def exceptions(story: Story) -> list[Json]:
    """The exceptions that a person accepted, by name and reason."""
    rows = []
    for option in ("accept_unverified", "accept_unhealthy", "accept_unreachable"):
        given = story.options.get(option)
        pairs = given if isinstance(given, dict) else dict(str(pair).partition("=")[::2] for pair in as_rows(given))
        what = option.removeprefix("accept_")
        rows += [{"what": what, "name": name, "reason": words(reason) or "none given"} for name, reason in pairs.items()]
    for name, row in as_object(story.ended.get("accepted")).items():
        kept = as_object(row)
        given = f"{words(kept.get('reason')) or 'none given'} ({words(kept.get('by'))})"
        rows.append({"what": f"kept alive: {words(kept.get('why'))}", "name": name, "reason": given})
    if because := words(story.new.get("because")):
        rows.append({"what": "a pasted key that is in use already", "name": words(story.new.get("fingerprint")), "reason": because})
    for name, row in as_object(story.facts.get("pending")).items():
        told = f"unfinished rotation of {words(as_object(row).get('owner'))} discarded"
        rows.append({"what": told, "name": words(name), "reason": words(story.options.get("discard_pending")) or "none given"})
    return rows
