"""The end of `ir schedule run`: the results, what is left, what is late, and the exit code."""

from collections.abc import Sequence
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
class LeftKeys:
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
    alone: set[str]
    left: LeftKeys
    unfit: str = ""

    @property
    def named(self) -> set[str]:
        """Keys that were told."""
        return {child.key for child in self.told}

    @property
    def held(self) -> list[Row]:
        """Keys that do not move, and that no message named."""
        return [row for row in self.left.stuck if row.key.name not in self.named]


def end(screen: Screen, kept: State, night: Night) -> NoReturn:
    """Print it, and end: a late key makes the exit code 4 until it is rotated."""
    asleep = sleeping(kept, list(night.told))
    codes = {exit_code(night.told, sleeping=asleep)}
    codes |= {ExitCode.DEBT if row.stuck["status"] == "debt" else ExitCode.WAITING for row in night.held}
    late = [row for row in night.left.late if row.decision.overdue or row.key.name not in night.named]
    codes |= {ExitCode.WAITING for _ in (*night.alone, *late, *filter(None, [night.unfit]))}
    code = next(code for code in (ExitCode.DEBT, ExitCode.WAITING, ExitCode.REFUSED, ExitCode.DONE) if code in codes)
    if screen.as_json:
        screen.document({"exit_code": int(code), **_document(night)})
        leave(int(code))
    for line in _lines(night):
        screen.say(line)
    leave(int(code))


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
    closed = {row.key.name for row, _ in night.left.shut}
    lines += [_late(row) for row in night.left.late if row.key.name not in closed | night.named | night.alone]
    if not lines and night.alone:
        return [f"{counted(len(night.alone), 'key')} left to a person"]
    return lines if lines or night.unfit else ["nothing is due"]


def _late(row: Row) -> str:
    since = f"due {moment(row.decision.missed)}" + (", overdue" if row.decision.overdue else "")
    _, tries, said = row.failing
    tried = f"; tried {counted(tries, 'time')} in vain: {said}" if tries else ""
    return f"{row.key.name}: {since}{tried}; {row.why}; looked at again from {moment(row.decision.starts)} on"
