"""The exposure window: the clocks of such an incident, and the milestones between them."""

from typing import Any

from ir.core.model import Json
from ir.incident import deadlines, ladder
from ir.report.before_after import moved_at, proven_dead
from ir.report.formatting import UNKNOWN, iso, moment, span, utc
from ir.report.source import Story, as_object, as_rows, words

GDPR_HOURS = 72


def milestones(story: Story) -> list[Json]:
    """The milestones of the time line, in order of time; `at` None = not known, or not yet."""
    told, moved = story.facts, sorted(moved_at(story).values())
    proof = as_object(told.get("proof"))
    proven = proven_dead(story)
    first_401 = moment(proof.get("from")) or (moment(told.get("dead_at")) if proven else None)
    rows = [
        ("exposed", "key exposed", stated_exposure(story)),
        ("opened", "incident opened", moment(story.incident.opened_at)),
        ("contained", "contained" if contained_at(story) else "containment not seen", moment(told.get("contained_at"))),
        ("minted", "replacement minted", moment(told.get("minted_at"))),
        ("first_moved", "first service moved", moved[0] if moved else None),
        ("last_moved", "last service moved", moved[-1] if len(moved) > 1 else None),
        ("retire_asked", "kill asked for", moment(told.get("retire_asked_at"))),
        ("first_401", "first 401", first_401),
        ("proven", "proven dead", (moment(proof.get("to")) or moment(told.get("dead_at"))) if proven else None),
    ]
    shown = [row for row in rows if row[2] is not None or row[0] in _ALWAYS]
    return [{"id": id_, "name": name, "at": iso(at), "epoch": at} for id_, name, at in _in_order(shown)]


def stated_exposure(story: Story) -> float | None:
    """The time at which the key got out, as a person or an alert said; epoch seconds, None without a statement."""
    return moment(story.facts.get("exposed_at") or story.options.get("exposed_at"))


def contained_at(story: Story) -> float | None:
    """The time at which containment was seen to hold; epoch seconds, None when it was not seen, or was undone."""
    told = as_object(story.facts.get("containment"))
    return None if told.get("unseen") or told.get("undone") else moment(story.facts.get("contained_at"))


def open_line(story: Story) -> list[Json]:
    """The small time line: first exposed, contained, dead; as milestones, in that order."""
    dead = moment(story.facts.get("dead_at")) if proven_dead(story) else None
    points = (("exposed", "exposed", stated_exposure(story)), ("contained", "contained", contained_at(story)), ("proven", "dead", dead))
    return [{"id": id_, "name": name, "at": iso(at), "epoch": at} for id_, name, at in points]


_ALWAYS = ("exposed", "opened", "minted", "retire_asked", "first_401", "proven")


def _in_order(rows: list[tuple[str, str, float | None]]) -> list[tuple[str, str, float | None]]:
    """Milestones by time; one without a time keeps its usual place after the known one before it."""
    last, keyed = float("-inf"), []
    for place, row in enumerate(rows):
        at = row[2] if row[2] is not None else last
        last = max(last, at)
        keyed.append((at, place, row))
    return [row for _, _, row in sorted(keyed, key=lambda k: k[:2])]


def clocks(story: Story) -> list[Json]:
    """Exposed, first misuse, detected, contained, dead, and the notification deadline; an unknown one says what it needs."""
    told = story.facts
    exposed = stated_exposure(story)
    found, dead = ladder.detected(story.incident), moment(told.get("dead_at")) if proven_dead(story) else None
    late = story.policy == "scheduled" and bool(story.emergency)
    opened = found.at if late else moment(story.incident.opened_at)
    contained = moment(told.get("contained_at"))
    after = "after exposure" if exposed else "after opening"
    when = "when somebody said so" if late else "when this incident was opened"
    return [
        _clock("exposed", exposed, _exposed_said(story), _unstated(story)),
        _clock("first misuse", first_misuse(story), "earliest finding of the review", _no_misuse(story), _none_seen(story)),
        _clock("detected", opened, _since(exposed, opened, "after exposure") or when, "not recorded"),
        _clock(
            "contained", contained, _contained_said(story, _since(exposed or opened, contained, after)), _uncontained(story), "not done"
        ),
        _clock("dead", dead, _since(exposed or opened, dead, after), "no proof is recorded", "not proven"),
        _deadline(story),
    ]


def _clock(name: str, at: float | None, said: str, otherwise: str, when: str = UNKNOWN) -> Json:
    """A clock. Without a time, `at` is None and `when` says why."""
    known = at is not None
    return {"name": name, "at": iso(at), "when": utc(at) if known else when, "said": said if known else otherwise}


def _none_seen(story: Story) -> str:
    return "none seen" if story.reviews().get("verdict") == "none seen within coverage" else UNKNOWN


def _since(start: float | None, end: float | None, what: str) -> str:
    return f"{span(end - start)} {what}" if start is not None and end is not None and end >= start else ""


def _unstated(story: Story) -> str:
    at = moment(story.reviews().get("proposed_at"))
    return f"not stated (--exposed-at); proposed by the review: {utc(at)}" if at else "not stated (--exposed-at)"


def _exposed_said(story: Story) -> str:
    via = str(story.options.get("leaked_via") or UNKNOWN)
    return f"as the operator said; leaked through: {via}"


def _contained_said(story: Story, since: str) -> str:
    return since if contained_at(story) is not None else "asked for, but not seen to hold"


def _no_misuse(story: Story) -> str:
    verdict = str(story.reviews().get("verdict") or "")
    return f"review: {verdict}" if verdict else "not checked: no review ran"


def _uncontained(story: Story) -> str:
    return "no containment in this policy: the overlap ends with the kill" if story.policy != "exploited" else "not contained"


def _deadline(story: Story) -> Json:
    """The deadline of the authority by GDPR art. 33; `deadlines` has all clocks."""
    row = next(row for row in deadlines.all_of(story.incident) if row.clock.id == "gdpr-33")
    no = ladder.no_breach(story.incident)
    if no is not None:
        because = f": {no.reason}" if no.reason else ""
        said = words(story.tamer(f"{no.by} said at {utc(no.at)} that this is not a personal data breach{because}"))
        return _clock("GDPR deadline", None, "", said, "none")
    said = "; ".join([words(story.tamer(row.why)), *_classified(story)])
    otherwise = f"no human has classified this as a personal data breach yet (ir classify --breach); the {GDPR_HOURS} h of GDPR art. 33"
    otherwise += " run from the moment when you know it"
    otherwise += "".join(f"; {words(story.tamer(bound))}" for bound in deadlines.bound_of_detection(story.incident)[:1])
    return _clock("GDPR deadline", row.due or None, f"{GDPR_HOURS} h after {said}", otherwise)


def _classified(story: Story) -> list[str]:
    word = ladder.latest(story.incident, "classified")
    if word is None:
        return []
    about = f"{word.by} classified it as a personal data breach ({utc(word.at)})"
    return [words(story.tamer(f"{about}{': ' + word.reason if word.reason else ''}"))]


def first_misuse(story: Story) -> float | None:
    """Epoch seconds of the earliest finding above `low`; None without one."""
    rows = map(as_object, as_rows(story.reviews().get("findings")))
    times = [moment(row.get("first_seen")) for row in rows if row.get("severity") in ("medium", "high", "critical")]
    return min((t for t in times if t is not None), default=None)


def window(story: Story) -> Json:
    """How long the leaked key worked for strangers: from exposure (else from opening) to containment or proven death."""
    told: dict[str, Any] = story.facts
    start = stated_exposure(story)
    ends = [contained_at(story), moment(told.get("dead_at")) if proven_dead(story) else None]
    end = min((t for t in ends if t is not None), default=None)
    length = end - start if start is not None and end is not None and end >= start else None
    return {"from": iso(start), "to": iso(end), "seconds": length, "said": _window_said(start, end, length)}


def _window_said(start: float | None, end: float | None, length: float | None) -> str:
    if length is not None:
        return f"open for {span(length)}, from {utc(start)} to {utc(end)}"
    if end is None:
        return f"open since {utc(start)}: not closed yet" if start is not None else "not closed yet, and its beginning is unknown"
    return (
        f"closed at {utc(end)}; its beginning is unknown"
        if start is None
        else f"closed at {utc(end)}, before the stated exposure: check the clock"
    )
