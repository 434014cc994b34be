"""The outage of each service: from the loss of its key, or a failed check, until it was seen to work again."""

from ir.core.model import Did, Json
from ir.report.before_after import moved_at, named_services
from ir.report.exposure import contained_at
from ir.report.formatting import iso, moment, span
from ir.report.source import Story, as_object, words

_LOOKS = ("wave", "verify", "retire", "watch", "undo", "contain")


def outages(story: Story) -> list[Json]:
    """`{service, down, from, to, seconds, basis, checks, failed[{at, step, said, entry}], said, entries[]}` of every listed service.

    `down` is None where no check looked at it. `to` None with `from` set: not seen to work since. Only our checks count: payments that
    failed between two looks are not in it.
    """
    cut = _cut(story)
    moved, looks = moved_at(story), _looks(story)
    return [_outage(story, name, looks.get(name, []), cut, moved.get(name)) for name in named_services(story)]


def _cut(story: Story) -> float | None:
    """The time at which the key stopped working for our services; None = it did not, as under an access policy."""
    told = story.facts
    if story.dry_run or story.incident.status == "rolled back":
        return None
    contained = contained_at(story)
    if contained is not None and as_object(told.get("containment")).get("how") != "policy":
        return contained
    return moment(story.incident.opened_at) if told.get("dead_on_arrival") else moment(told.get("dead_at"))


def _outage(story: Story, name: str, looks: list[Json], cut: float | None, moved: float | None) -> Json:
    failed = [look for look in looks if look["did"] in (Did.FAILED.value, Did.UNKNOWN.value)]
    start, end, basis = None, None, ""
    if cut and (moved is None or moved >= cut):
        start, end, basis = cut, moved, "the key was taken away before this service had another"
    elif failed:
        start, basis = failed[0]["epoch"], "a check failed"
        end = next((look["epoch"] for look in looks if look["did"] == Did.DONE.value and look["epoch"] > failed[-1]["epoch"]), None)
    known = bool(looks) or bool(basis)
    length = end - start if start is not None and end is not None else None
    shown = [{"at": iso(look["epoch"]), **{name: look[name] for name in ("step", "said", "entry")}} for look in failed]
    row = {"service": name, "down": bool(basis) if known else None, "from": iso(start), "to": iso(end), "seconds": length, "basis": basis}
    told_by = [*(look["entry"] for look in looks), *(_cuts(story) if basis and cut else [])]
    entries = sorted({entry for entry in told_by if entry is not None})
    return {**row, "checks": len(looks), "failed": shown, "said": _said(start, length, known=known), "entries": entries}


def _cuts(story: Story) -> list[int | None]:
    """Entries of the steps that took the key away."""
    return [
        story.entry_of(run) for run in story.incident.runs if run.action in ("contain", "retire", "prove") and run.outcome.did is Did.DONE
    ]


def _said(start: float | None, length: float | None, *, known: bool) -> str:
    if not known:
        return "not looked at"
    if start is None:
        return "no outage seen by our checks"
    return f"down for {span(length)}" if length is not None else "down, not seen to work since"


def _looks(story: Story) -> dict[str, list[Json]]:
    """What each step saw of each thing that it looked at, in order, by its name; read once, however many services there are."""
    found: dict[str, list[Json]] = {}
    for run in story.incident.runs:
        epoch, entry = moment(run.ended), story.entry_of(run)
        for item in run.outcome.items if run.action in _LOOKS and epoch is not None else ():
            said = words(as_object(story.tamer({"said": item.said}))["said"])
            look = {"epoch": epoch, "step": run.id, "did": item.did.value, "said": said, "entry": entry}
            found.setdefault(words(item.name), []).append(look)
    return found
