"""The end of `ir schedule run`, on the screen: what it did, what it left and what is late."""

from typing import NoReturn

from ir.cli.terminal.follow import leave
from ir.cli.terminal.screen import Screen
from ir.core.wording import counted
from ir.fleet import standing
from ir.fleet.campaign import ChildState
from ir.fleet.due import Row, moment
from ir.fleet.night import Night
from ir.runtime.app_state import State


def end(screen: Screen, kept: State, night: Night) -> NoReturn:
    """Print it, and end: a late key makes the exit code 4 until it is rotated."""
    code = night.code(standing.sleeping(kept.index, night.told, night.looked))
    if screen.as_json:
        screen.document({"exit_code": int(code), **night.to_json()})
        leave(int(code))
    for line in _lines(night):
        screen.say(line)
    leave(int(code))


def _lines(night: Night) -> list[str]:
    lines = []
    for child in night.told:
        said = "" if child.state is ChildState.DONE else f": {child.said}"
        lines.append(f"{child.key}: {child.state.value} ({child.incident}){said}")
    elsewhere = "due, and not begun" if night.unfit else "another worker runs it"
    lines += [f"{child.key}: {elsewhere} (ir schedule list)" for child in night.begun if child.key not in night.named]
    for row in night.held:
        lines.append(f"{row.key.name}: due {moment(row.decision.due)}; {row.why}: ir status {row.stuck}")
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
