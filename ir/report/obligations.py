"""The duties to notify: recipients and deadlines, the notifications made, and the ladder of what a person decided."""

from ir.core.model import Json
from ir.incident import deadlines
from ir.incident import ladder as rungs
from ir.incident.obligations import shipped
from ir.report.formatting import iso, moment, span
from ir.report.source import Story, as_object, words


def ladder(story: Story) -> list[Json]:
    """`{rung, at, by, reason, yes, said_at, entry, counts}` of every word; `counts`: from this one the clocks run."""
    counting = rungs.ladder(story.incident)
    said = [rungs.detected(story.incident), *rungs.words(story.incident)]
    said += [word for word in counting.values() if word not in said]  # known at the latest when it was classified
    rows = [(word, counting.get(word.name) == word) for word in said]
    return [
        {
            "rung": word.name,
            "at": iso(word.at),
            "by": words(story.tamer(word.by)),
            "reason": words(story.tamer(word.reason)),
            "yes": word.yes,
            "said_at": iso(word.said_at),
            "entry": word.entry,
            "counts": counts,
        }
        for word, counts in rows
    ]


def clocks(story: Story) -> list[Json]:
    """Every clock of the packs that count; times ISO 8601, `left` in words at the time of the report ("" = nothing runs)."""
    return [_clock(story, row) for row in deadlines.all_of(story.incident)]


def _clock(story: Story, row: deadlines.Deadline) -> Json:
    told, now = as_object(story.tamer(row.to_json())), moment(story.as_of) or 0.0
    times = {name: iso(told[name]) for name in ("since", "due", "bound")}
    left = row.due - now if row.due and row.state == deadlines.OPEN else None
    said = "" if left is None else f"{span(left)} left" if left > 0 else f"late by {span(-left)}"
    said += " when this was written" if said else ""
    return {**told, **times, "left": said, "word": notification(as_object(told["word"])) if told["word"] else None}


def notifications(story: Story) -> list[Json]:
    """Recipients that were told and those that were not: `{to, told, at, by, reference, reason, clock, said_at, entry}`."""
    found = [word for word in story.incident.words if word.get("kind") in ("told", "not-told")]
    return [notification(as_object(story.tamer(word))) for word in found]


def notification(word: Json) -> Json:
    """One of them."""
    shown = {name: words(word.get(name)) for name in ("to", "by", "reference", "reason", "clock")}
    at = iso(word.get("when") or None)
    return {**shown, "told": word.get("kind") == "told", "at": at, "said_at": iso(word.get("at")), "entry": word.get("n")}


def about(story: Story) -> Json:
    """The source of the clocks, the packs that count, and those that no one has chosen."""
    known, named = shipped(), deadlines.packs(story.incident)
    rest = [{"name": pack.name, "title": pack.title, "applies": pack.applies} for pack in known.packs if pack.name not in named]
    bound = deadlines.bound_of_detection(story.incident)
    return {"as_of": known.as_of.isoformat(), "packs": list(named), "not_named": rest, "from_detection": bound}
