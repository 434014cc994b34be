"""The end of `ir schedule run`: what it did, what it left, what is late, and its exit code."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ir.cli.campaigns import sleeping
from ir.cli.terminal.follow import leave
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.core.wording import counted
from ir.fleet import due as due_rows
from ir.fleet.campaign import Child, ChildState, exit_code
from ir.fleet.due import Row, moment
from ir.runtime.app_state import State


@dataclass(frozen=True)
class Left:
    """Keys whose date has come and that are not rotated.

    Attributes:
        stuck: they do not move until a human does something. late: they were tried in vain, or are overdue.
        found: all keys of the schedule.
        shut: their window is closed; each with when it opens, epoch seconds.
    """

    stuck: Sequence[Row]
    shut: Sequence[tuple[Row, float]]
    late: Sequence[Row]
    found: Sequence[Row] = ()


@dataclass(frozen=True)
class Night:
    """One run.

    Attributes:
        told: children that ended or wait, as they were last told. begun: children that this run wrote. alone: due keys left to a person.
        unfit: why this machine took nothing, "" = it took what there was.
    """

    told: Sequence[Child]
    begun: Sequence[Child]
    alone: Collection[str]
    left: Left
    unfit: str = ""

    @property
    def named(self) -> set[str]:
        """Keys that were told."""
        return {child.key for child in self.told}

    @property
    def held(self) -> list[Row]:
        """Keys that do not move, and of which nothing was told."""
        return [row for row in self.left.stuck if row.key.name not in self.named]


def end(screen: Screen, kept: State, night: Night) -> NoReturn:
    """Say it, and leave: a key that is late ends it with 4 until it is rotated."""
    code = code_of(night, sleeping(kept, list(night.told)))
    if screen.as_json:
        screen.document({"exit_code": int(code), **_document(night)})
        leave(int(code))
    for line in _lines(night):
        screen.say(line)
    leave(int(code))


def code_of(night: Night, asleep: Sequence[str]) -> ExitCode:
    """What a run ends with; `asleep`: incidents that wait for a time, not for a human."""
    codes = {exit_code(night.told, sleeping=asleep)}
    codes |= {ExitCode.DEBT if row.stuck["status"] == "debt" else ExitCode.WAITING for row in night.held}
    late = [row for row in night.left.late if row.decision.overdue or row.key.name not in night.named]
    codes |= {ExitCode.WAITING for _ in (*night.alone, *late, *filter(None, [night.unfit]))}
    return next(code for code in (ExitCode.DEBT, ExitCode.WAITING, ExitCode.REFUSED, ExitCode.DONE) if code in codes)


def _document(night: Night) -> Json:
    return {
        "keys": [{**child.__dict__, "state": child.state.value} for child in night.told],
        "stuck": [{"key": row.key.name, "incident": row.stuck["incident"], "status": row.stuck["status"]} for row in night.held],
        "closed": [{"key": row.key.name, "due": row.decision.due, "opens": opens} for row, opens in night.left.shut],
        "late": [due_rows.as_json(row) for row in night.left.late],
        "left": sorted(night.alone),
        "unfit": night.unfit,
    }


def _lines(night: Night) -> list[str]:
    lines = []
    for child in night.told:
        said = "" if child.state is ChildState.DONE else f": {child.said}"
        lines.append(f"{child.key}: {child.state.value} ({child.incident}){said}")
    elsewhere = "due, and not begun" if night.unfit else "another worker runs it"
    lines += [f"{child.key}: {elsewhere} (ir schedule list)" for child in night.begun if child.key not in night.named]
    for row in night.held:
        lines.append(f"{row.key.name}: due {moment(row.decision.due)}; {row.why}: ir status {row.stuck['incident']}")
    for row, opens in night.left.shut:
        late = ", overdue" if row.decision.overdue else ""
        lines.append(f"{row.key.name}: due {moment(row.decision.due)}{late}; its window is closed, look again from {moment(opens)} on")
    known = {row.key.name for row, _ in night.left.shut} | night.named | set(night.alone)
    lines += [_late(row) for row in night.left.late if row.key.name not in known]
    if not lines and night.alone:
        return [f"{counted(len(night.alone), 'key')} left to a person"]
    return lines if lines or night.unfit else ["nothing is due"]


def _late(row: Row) -> str:
    since = f"due {moment(row.decision.missed)}" + (", overdue" if row.decision.overdue else "")
    _, tries, said = row.failing
    tried = f"; tried {counted(tries, 'time')} in vain: {said}" if tries else ""
    return f"{row.key.name}: {since}{tried}; {row.why}; looked at again from {moment(row.decision.starts)} on"
