"""The top row of a report: misused? how long open? key dead? services moved? still to do?

A card is red or amber as long as something is found, unproven or cannot be told; it is green only for what was seen.
"""

from ir.core.model import Json
from ir.core.wording import counted
from ir.report import misuse_card
from ir.report.before_after import ACCEPTED, ON_NEW, leaked_key_debts, proven_dead, services
from ir.report.exposure import contained_at, first_misuse, open_line, stated_exposure, window
from ir.report.formatting import UNKNOWN, span, utc
from ir.report.misuse import grave
from ir.report.source import Story, as_object, named, words

_ANSWERS = ("key", "services", "todo")


def cards(story: Story) -> list[Json]:
    """`{id, question, answer, tone, text, facts[{name, said, tone}], line[]}`: five questions in the order in which they are asked.

    `tone`: `good | warn | bad | none` (does not apply); `line` holds the points of the small time line, and is empty elsewhere.
    """
    key, moved = _dead(story), _moved(story)
    return [misuse_card.card(story), _open(story), key, moved, _todo(story, key, moved)]


def answers(row: list[Json]) -> list[Json]:
    """The first three cards: `{question, answer, tone, text}`."""
    return [{name: card[name] for name in ("question", "answer", "tone", "text")} for card in row if card["id"] in _ANSWERS]


def _card(id_: str, question: str, answer: str, tone: str, text: str, line: list[Json] | None = None) -> Json:
    return {"id": id_, "question": question, "answer": answer, "tone": tone, "text": text, "facts": [], "line": line or []}


# ── how long it was open ──


def _open(story: Story) -> Json:
    question, told = "How long was it open?", window(story)
    if not story.leaked and told["from"] is None:
        return _card("open", question, "not applicable", "none", "a scheduled rotation: nothing leaked")
    answer = span(told["seconds"]) if told["seconds"] is not None else UNKNOWN if told["to"] else "still open"
    doubts = _doubts(story) if told["to"] else []
    tone = "bad" if not told["to"] else "warn" if doubts or told["seconds"] is None else "good"
    return _card("open", question, answer, tone, "; ".join([told["said"], *doubts]), open_line(story))


def _doubts(story: Story) -> list[str]:
    """Reasons to doubt a window that has closed."""
    doubts, start, misused = [], stated_exposure(story), first_misuse(story)
    if contained_at(story) is not None and not proven_dead(story):
        doubts.append("contained, but not proven dead")
    if start is not None and misused is not None and misused < start:
        doubts.append(f"the first finding is {span(start - misused)} earlier than the stated exposure")
    elif grave(story):
        doubts.append("the key was misused meanwhile")
    return doubts


# ── the key ──


def _dead(story: Story) -> Json:
    question = "Is the leaked key proven dead?" if story.leaked else "Is the old key proven dead?"
    answer, tone, text = _death(story)
    name = named(story, story.old)
    return _card("key", question, answer, tone, f"{name}: {text}" if name else text)


def _death(story: Story) -> tuple[str, str, str]:
    """Answer, tone and text."""
    unfinished = leaked_key_debts(story)
    if story.dry_run:
        return "not applicable", "none", "a dry run kills nothing"
    if proven_dead(story):
        return "yes", "good", _proof_said(story, as_object(story.facts.get("proof")))
    if story.incident.status == "rolled back":
        return "no", "bad", "it lives: the run was rolled back before it was killed"
    if unfinished:
        return "no" if _alive(story) else "not proven", "bad", "; ".join(unfinished)
    if kept := as_object(as_object(story.ended.get("accepted")).get(str(story.old.get("fingerprint")))):
        return "no", "bad", f"it answers, and {words(kept.get('by'))} keeps it: {words(kept.get('reason'))}"
    if story.incident.status == "attested":
        return "not proven", "warn", "attested by a human instead"
    if story.facts.get("retire_asked_at"):
        return "not yet", "warn", f"its death was asked for at {utc(story.facts['retire_asked_at'])}; asked is not dead"
    seen = str(story.old.get("liveness") or UNKNOWN)
    alive = _alive(story)
    return "no" if alive else UNKNOWN, "bad" if alive else "warn", f"{seen} when last looked at; no kill was asked for"


def _alive(story: Story) -> bool:
    return story.old.get("liveness") in ("alive", "narrow") or any(d.kind == "key-alive" for d in story.debts)


def _proof_said(story: Story, proof: Json) -> str:
    parts = [f"since {utc(story.facts.get('dead_at'))}"]
    if proof.get("polls"):
        parts.append(f"{words(proof['polls'])} polls, all {words(proof.get('code')) or '401'}")
    control = words(proof.get("control"))
    if control and control == story.new.get("fingerprint"):
        control = "the replacement"
    parts.append(f"control key: {control}" if control else "control key: not checked, none was at hand")
    return "; ".join(parts)


# ── the services ──


def _moved(story: Story) -> Json:
    answer, tone, text = _move(story)
    return _card("services", "Are all services on the replacement?", answer, tone, text)


def _move(story: Story) -> tuple[str, str, str]:
    """Answer, tone and text."""
    rows = services(story)
    if story.dry_run:
        return "not applicable", "none", f"a dry run moves nothing; {counted(len(rows), 'service')} would be moved"
    if story.options.get("no_replacement"):
        return "not applicable", "none", "no replacement was asked for: the operator says that nothing uses the key"
    if not rows:
        return UNKNOWN, "warn", "the record names no service; consumers that are not listed cannot be checked"
    if story.incident.status == "rolled back":
        verb = "belongs" if len(rows) == 1 else "belong"
        return "no", "bad", f"rolled back: {counted(len(rows), 'service')} {verb} on the leaked key again"
    there = [row for row in rows if row["state"] == ON_NEW]
    accepted = [row["name"] for row in rows if row["state"].startswith(ACCEPTED)]
    rest = [f"{row['name']} ({row['state']})" for row in rows if row not in there and row["name"] not in accepted]
    if rest:
        others = f"the {'other' if len(rest) == 1 else 'others'}: {_some(rest)}"
        answer, tone = ("no", "bad") if story.ended else ("not yet", "warn")
        return answer, tone, f"{len(there)} of {len(rows)}; {others}"
    if accepted:
        return "not proven", "warn", f"{len(there)} of {len(rows)}; accepted without proof: {_some(accepted)}"
    return "yes", "good", f"{len(rows)} of {len(rows)}, each seen holding it"


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# ── what is still to do ──

_UNDONE = {
    "attested": ("proof", "warn", "the death of the key was attested, not shown"),
    "debt": (UNKNOWN, "bad", "it ended with something still to do, and this record does not name it"),
    "aborted": ("the rotation", "bad", "the leaked key has to be rotated still"),
    "rolled back": ("the rotation", "bad", "the leaked key has to be rotated still"),
    "refused": ("the rotation", "bad", "nothing was changed, so everything is still to be done"),
}


def _todo(story: Story, key: Json, moved: Json) -> Json:
    answer, tone, text = _left(story, key, moved)
    return _card("todo", "What is still to do?", answer, tone, text)


def _left(story: Story, key: Json, moved: Json) -> tuple[str, str, str]:
    """Answer, tone and text."""
    if story.debts:
        return counted(len(story.debts), "thing"), "bad", "; ".join(d.why for d in story.debts)
    if story.dry_run:
        return "not applicable", "none", "a dry run leaves nothing to do; the rotation itself has not been done"
    if not story.ended:
        return "not finished", "warn", "the rest of the plan"
    if story.incident.status in _UNDONE:
        return _UNDONE[story.incident.status]
    rest = [*_follow_up(story), *[f"{card['question']} {card['answer']}" for card in (key, moved) if card["tone"] in ("warn", "bad")]]
    if rest:
        return counted(len(rest), "thing"), "warn", "; ".join(rest)
    swept = as_object(story.facts.get("sweep")).get("checked") is True
    return "nothing", "good", "no key, store, service or leftover is outstanding" if swept else "no key, store or service is outstanding"


def _follow_up(story: Story) -> list[str]:
    """Things that the run does not count as unfinished and that people still have to look at."""
    told, swept = story.reviews(), as_object(story.facts.get("sweep"))
    found = grave(story)
    rest = [f"follow up {counted(len(found), 'finding')} that {'is' if len(found) == 1 else 'are'} critical or high"] if found else []
    if told.get("verdict") in ("confirmed", "suspected") and not story.facts.get("classified_at"):
        rest.append("decide whether it is a personal data breach")
    if swept and swept.get("checked") is not True:
        rest.append("look for leftovers of an attacker: the sweep could not")
    return rest
