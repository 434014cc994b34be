"""Decide which keys are due, from the inventory, earlier tries, and the time. Pure.

Due dates of a key lie on a grid, one period (`rotate_every`) apart, so that late rotations do not add up. The grid begins at the last
rotation for any other reason (a leak), else at `rotate_from`, else when the key is first looked at. Rules:

* One rotation per due date. Dates that passed untried are one, the newest; it may begin when the oldest of them might have, or a date
  that comes in each window would for ever put off the one before.
* A date in the future (a clock that had jumped) binds nothing.
* A try that changed nothing or was rolled back is repeated for the same date, later and later.
* Two rotations of one key are never nearer than half its period: a date that comes too soon after a late rotation waits.
* Late is counted from the first date that was missed, however many dates and tries came since.
* An incident that is open or has debts blocks the schedule of its key, never an emergency.
* A key that only a human can mint is opened ahead of its date.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum

from ir.core.durations import spoken
from ir.inventory import Key

LEAD = 7 * 86400.0
"""Seconds before the due date at which a human is asked for a new key; a quarter of the period at most."""
SPREAD = 6 * 3600.0
"""Longest delay that keeps keys of one date from starting at once; a twentieth of the period at most."""
RETRY, RETRY_MOST = 3600.0, 86400.0
_LATE = 86400.0
_FIRST = "no rotation is on record"


class When(StrEnum):
    """The schedule's decision on a key now."""

    LATER = "later"
    DUE = "due"
    CLOSED = "closed"
    """Due, and its window is closed."""
    AGAIN = "again"
    """Due, tried in vain, and not yet to be tried again."""
    BLOCKED = "blocked"
    """Due, and an incident of the key is open."""
    RUNNING = "running"
    """Its scheduled incident is under way."""


@dataclass(frozen=True)
class Try:
    """One scheduled incident.

    Attributes:
        due: the date it is for, whole epoch seconds. at: when it was begun or, if it has ended, when it ended.
        began: when it was begun, 0 = as `at`.
        state: `open` | `rotated` | `nothing` (refused, rolled back, given up: the key is the old one).
    """

    due: int
    attempt: int
    state: str
    at: float
    began: float = 0.0


@dataclass(frozen=True)
class Known:
    """What is known of a key.

    Attributes:
        rotated_at: when it was last rotated for another reason than the schedule, 0 = never. open: id of one that is open or has debts.
    """

    tries: tuple[Try, ...] = ()
    rotated_at: float = 0.0
    open: str = ""


@dataclass(frozen=True)
class Decision:
    """The decision on one key.

    Attributes:
        due: the date, whole epoch seconds. starts: from when on it may begin. attempt: counts from 1.
        missed: the first date that was not served, of those that have come; else as `due`.
        overdue: a day and more has gone by since `missed`.
    """

    key: str
    when: When
    due: int
    starts: float
    attempt: int
    overdue: bool
    why: str
    missed: int = 0


def decide(key: Key, known: Known, now: float, *, guided: bool) -> Decision:
    """Decide about a key with `rotate_every` at `now` (epoch seconds)."""
    period = float(key.rotate_every or 0)
    lead = min(LEAD, period / 4) if guided else 0.0
    past = [row for row in known.tries if row.due <= now + lead]
    untried, due, why = _date(key, known, past, now, lead)
    soonest = _soonest(known, period, now)
    missed = min(untried, due, _unserved(key, known, past, period) or due)
    tried = max((row for row in past if row.due == due), key=lambda row: row.attempt, default=None)
    if tried is not None and tried.state != "nothing":
        if tried.state == "open":
            late = _late(max(missed, soonest), now)
            return Decision(key.name, When.RUNNING, due, tried.at, tried.attempt, late, "its incident is open", missed)
        untried = due = missed = due + round(period)
        tried, why = None, f"{spoken(period)} after the date before"
    attempt = tried.attempt + 1 if tried else 1
    starts = _starts(key, max(untried - lead, soonest), period, spread=why != _FIRST)
    if soonest > untried - lead:
        why += f"; not before {spoken(period / 2)} after the last rotation"
    if tried is not None:
        starts = max(starts, min(tried.at, now) + min(RETRY * 4 ** (tried.attempt - 1), RETRY_MOST))
        why = f"try {tried.attempt} changed nothing"
    when, said = _now(key, known, starts, now, again=tried is not None)
    late = _late(max(missed, soonest), now)
    return Decision(key.name, when, due, starts, attempt, late, "; ".join(part for part in (why, said) if part), missed)


def _soonest(known: Known, period: float, now: float) -> float:
    """Half a period after the last rotation of any kind; 0 = there was none."""
    rotated = [row.began or row.at for row in known.tries if row.state == "rotated"]
    last = max((at for at in (*rotated, known.rotated_at) if at <= now), default=0.0)
    return last + period / 2 if last else 0.0


def _unserved(key: Key, known: Known, past: list[Try], period: float) -> int:
    """The first unserved date after the last served one, else the first of all; 0 = there is none on record."""
    served = max((row.due for row in known.tries if row.state == "rotated"), default=0)
    if max(served, known.rotated_at):
        return round(max(served, known.rotated_at) + period)
    if key.rotate_from is not None:
        return round(datetime.combine(key.rotate_from, time(0, 0), UTC).timestamp() + period)
    return min((row.due for row in past), default=0)


def _date(key: Key, known: Known, past: list[Try], now: float, lead: float) -> tuple[int, int, str]:
    """The dates that have come, else the next one alone: the oldest untried, the newest; and the beginning of the grid."""
    period = round(float(key.rotate_every or 0))
    last = max(past, key=lambda row: row.due, default=None)
    since = max(last.due, last.at if last.at <= now else 0.0) if last else 0.0
    if since < known.rotated_at <= now:
        first, why = round(known.rotated_at) + period, "counted from the last rotation for another reason"
    elif last is not None:
        first, why = last.due, f"{spoken(period)} after the date before"
    elif key.rotate_from is not None:
        zone = datetime.combine(key.rotate_from, time(0, 0), UTC)
        first, why = round(zone.timestamp()) + period, f"counted from {key.rotate_from.isoformat()}"
    else:
        return int(now), int(now), _FIRST  # cut, not rounded: a date half a second ahead would not have come
    newest = first + max(0, int((now + lead - first) // period)) * period
    tried = last is not None and first == last.due
    return min(first + period if tried else first, newest), newest, why


def _starts(key: Key, moment: float, period: float, *, spread: bool) -> float:
    """The real beginning of a date that lets a key begin at `moment`: within its window, spread out by name."""
    longest = min(SPREAD, period / 20) if spread else 0.0
    if key.rotate_window is None:
        return moment + fraction(key.name) * longest
    span = key.rotate_window.open_at(moment)
    if span is not None:
        return moment + fraction(key.name) * min(longest, (span[1] - moment) / 2)
    begin, end = key.rotate_window.next_after(moment)
    return begin + fraction(key.name) * min(3600.0, (end - begin) / 2)


def fraction(name: str) -> float:
    """A number from 0 to 1 that is the same for a name on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def _now(key: Key, known: Known, starts: float, now: float, *, again: bool) -> tuple[When, str]:
    if now < starts:
        return (When.AGAIN if again else When.LATER), ""
    if known.open:
        return When.BLOCKED, f"{known.open} is open or has something still to do: ir status {known.open}"
    if key.rotate_window is not None and key.rotate_window.open_at(now) is None:
        return When.CLOSED, f"its window is closed ({key.rotate_window.said()})"
    return When.DUE, ""


def _late(due: float, now: float) -> bool:
    return now > due + _LATE
