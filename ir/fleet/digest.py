"""One message for many keys: a night of the schedule, and a campaign that begins, pauses or is done. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Sequence

from ir.core.chat_text import inert
from ir.core.model import Json
from ir.core.secret import excerpt, scrub
from ir.core.wording import counted
from ir.fleet.campaign import FAILURES, Child, ChildState, counts
from ir.fleet.due import HELD, Row, moment
from ir.fleet.schedule import When
from ir.incident import deadlines
from ir.runtime.notice_words import Notice
from ir.storage.incident_index import IncidentRow

MORNING = 6 * 3600.0
"""Seconds after midnight, UTC, at which a night is over."""
_DAY = 86400.0
_NAMES = 12


def night(rows: Sequence[Row], children: Sequence[Child], now: float, laws: Sequence[str] = ()) -> Notice | None:
    """The news of a schedule's keys in the day up to this morning, with late ones and the deadlines of laws.

    Args:
        rows: the keys of the schedule.
        children: all that it has begun.
        now: epoch seconds.
        laws: lines of `countdown`.

    Returns:
        None where there is nothing to tell.
    """
    morning = (now - MORNING) // _DAY * _DAY + MORNING
    mine = {row.key.name for row in rows}
    last = {child.key: child for child in children if child.key in mine}
    ended = [child for child in last.values() if morning - _DAY <= child.ended_at < morning]
    asks = [row for row in rows if row.stuck and row.decision.when in HELD]
    lines = [
        _line("rotated", [child.key for child in ended if child.state is ChildState.DONE]),
        _line("not rotated", [child.key for child in ended if child.state in FAILURES]),
        _line("wait for a person", [f"{row.key.name} ({row.stuck})" for row in asks]),
        _line("overdue", [row.key.name for row in rows if row.decision.overdue]),
        _line(
            "both keys live", [child.key for child in last.values() if child.state is ChildState.WAITING and child.key not in _names(asks)]
        ),
    ]
    told = [line for line in lines if line] + [f"still to do: {line}" for line in laws[:_NAMES]]
    told += [f"and {len(laws) - _NAMES} more: ir status"] if len(laws) > _NAMES else []
    if not told:
        return None
    later = min((row for row in rows if row.decision.when is When.LATER), key=lambda row: row.decision.starts, default=None)
    told += [f"the next is {inert(later.key.name)}, from {moment(later.decision.starts)} on"] if later else []
    title = f"schedule: {counted(len(rows), 'key')}, the night to {moment(morning)}"
    todo = "Next: ir schedule list" + ("; ir notify list INC" if laws else "")
    return Notice(_of(rows), int(morning // _DAY), "digest", title, scrub("\n".join([*told, todo])))


def countdown(index: Iterable[IncidentRow], accounts: Collection[str], now: float) -> list[str]:
    """Deadlines of laws that run without an answer, of all incidents of these accounts, the next one first."""
    ours = [row for row in index if row.summary.get("account") in accounts and not row.summary.get("drill")]
    running = [(clock["due"] or float("inf"), row.incident, clock) for row in ours for clock in row.summary.get("clocks", [])]
    return [
        f"{incident}: {line}"
        for _, incident, clock in sorted(running, key=lambda one: one[:2])
        for line in deadlines.countdown([clock], now)
    ]


def campaign(row: Json, children: Sequence[Child]) -> Notice:
    """The news that a campaign begins, is paused, or is done, from its row and its children."""
    name, status = str(row["campaign"]), str(row["status"])
    word = "begun" if status == "running" else status
    number = {"running": 1, "done": 2}.get(status, 10 + int(row["forgiven"]))
    there = ", ".join(f"{count} {state}" for state, count in sorted(counts(children).items()))
    lines = [f"{counted(len(children), 'key')}: {there}", *([_words(row["said"])] if row["said"] else [])]
    lines += [line] if (line := _line("not rotated", [child.key for child in children if child.state in FAILURES])) else []
    todo = {"running": f"ir campaign status {name}", "done": f"ir campaign report {name}"}.get(status, f"ir campaign resume {name}")
    return Notice(name, number, "digest", f"{name} {word}: {counted(len(children), 'key')}", scrub("\n".join([*lines, f"Next: {todo}"])))


def _names(rows: Sequence[Row]) -> set[str]:
    return {row.key.name for row in rows}


def _line(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{what}: {len(names)} ({', '.join(map(_words, sorted(names)[:_NAMES]))}{more})"


def _words(text: str) -> str:
    return inert(excerpt(str(text), 300))


def _of(rows: Sequence[Row]) -> str:
    """The same for one schedule on every machine."""
    names = "\n".join(sorted(f"{row.key.account} {row.key.name}" for row in rows))
    return f"schedule {hashlib.sha256(names.encode()).hexdigest()[:8]}"
