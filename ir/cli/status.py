"""`ir status`: where every incident stands, from any terminal and any machine."""

import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from ir.cli.answer_here import answers
from ir.cli.incidents import record_of
from ir.cli.options import AsJson
from ir.cli.terminal.onlooker import look_on
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.durations import spoken
from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.fleet.due import moment
from ir.incident import deadlines, earlier_debts
from ir.incident.record import FINAL
from ir.incident.standing import Standing
from ir.runtime import following, removals, standings
from ir.runtime.app_state import State, actor, open_state
from ir.storage.notice_log import NoticeLog


def status(
    name: Annotated[str, typer.Argument(help="Incident id; without one, all of them.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Show steps as they come; without an id, of the open incident.")] = False,
    as_json: AsJson = False,
) -> None:
    """Where incidents stand, and the next command. Exit code: of the named incident, else 5 when anything is still to do."""
    screen, kept = Screen(as_json=as_json), open_state()
    operator = Terminal(screen, name=actor(), yes=False)
    name = name or (_followed(operator, kept) if follow else "")
    if not name:
        sys.exit(_all(screen, kept))
    record = record_of(kept, name)
    if follow:
        look_on(operator, kept, name, answers=answers(operator, kept))
        record = record_of(kept, name)
    stands = standings.of(kept, record)
    if as_json:
        holder = kept.leases.holder(name)
        screen.document(
            {
                **following.document(record, record.standing_code),
                "holder": asdict(holder) if holder is not None else None,
                **stands.to_json(),
            },
        )
    else:
        for run in record.runs if not follow else ():
            screen.step(run.id, run.outcome)
        _show(screen, stands)
        _show_who(screen, kept, name)
        for removal in removals.planned(kept.index.rows(), name):
            screen.say(f"  {removal.said}")
    sys.exit(int(record.standing_code))


def _followed(operator: Terminal, kept: State) -> str:
    """The only open incident; of several the one that is chosen, and without a terminal the newest. "" when none is open."""
    names = [str(row.incident) for row in kept.index.rows() if row.status in ("running", "waiting")]
    if len(names) > 1 and operator.interactive:
        return operator.choose("Several incidents are open. Which one?", tuple(names), proposed=names[0])
    if len(names) > 1:
        operator.screen.warn(f"{len(names)} incidents are open; this is the newest, {names[0]}; the others: {', '.join(names[1:])}")
    return names[0] if names else ""


def _all(screen: Screen, kept: State) -> int:
    index, found = kept.index.rows(), standings.all_of(kept)
    debts = earlier_debts.still(index)
    if screen.as_json:
        more = {row.incident: row.to_json() for row in found}
        rows: list[Json] = [{**asdict(row), **more.get(row.incident, {})} for row in index]
        screen.document({"incidents": rows, "debts": debts})
        return int(ExitCode.DEBT if debts else ExitCode.DONE)
    if not found:
        screen.say("No incident yet.")
    for row in [row for row in found if not _over(row)]:
        _show(screen, row)
        screen.say("")
    for row in [row for row in found if _over(row)]:
        screen.say(f"{row.incident}  {row.state} since {moment(row.since)}, {_about(row)}{_dead_or_not(row)}")
        _show_accepted(screen, row)
    for removal in removals.planned(index):
        screen.say(removal.said)
    return int(ExitCode.DEBT if debts else ExitCode.DONE)


def _over(row: Standing) -> bool:
    """One line: nothing is left to do."""
    return row.state == "taken over" or (row.status in FINAL and not row.left and not row.clocks and row.state != "rolled back")


def _about(row: Standing) -> str:
    return f"key {row.key or 'not known'}, policy {row.policy or 'not known'}"


def _dead_or_not(row: Standing) -> str:
    known = row.leaked["state"] != "unknown"
    return f", the leaked key is {row.leaked['state']}" if known else ""


def _show(screen: Screen, row: Standing) -> None:
    """One incident: state, key, outage, what it waits for or what is left, and the next command on a line of its own."""
    now = time.time()
    screen.say(f"{row.incident}  {row.state}, since {moment(row.since)} ({spoken(max(now - row.since, 0.0))})")
    screen.say(f"  {_about(row)}")
    screen.say(f"  leaked key: {_leaked(row, now)}")
    if row.outage:
        screen.say(f"  outage: {_outage(row.outage, now)}")
    if row.said and row.state.startswith("waiting"):
        screen.say("  waits for: " + row.said.replace("\n", "\n  "))
    elif row.said:
        screen.say(f"  last step: {row.said.splitlines()[0]}")
    if row.todo and row.todo != row.next:
        screen.say("  to do: " + row.todo.replace("\n", "\n  "))
    for debt in row.left:
        screen.warn(f"  still to do: {debt['why']}")
        if debt["todo"] != row.next:
            screen.say(f"    by: {debt['todo']}")
    for clock in deadlines.countdown(row.clocks, now):
        screen.warn(f"  still to do: {clock}")
    if row.clocks:
        screen.say(f"    by: ir notify record {row.incident} --to WHOM --at TIME --by NAME --reference REF (ir notify list)")
    _show_accepted(screen, row)
    if row.next:
        screen.say(f"  next:\n    {row.next}")


def _show_accepted(screen: Screen, row: Standing) -> None:
    """Living keys that a person keeps: shown, and not counted."""
    for kept in row.accepted.values():
        screen.say(f"  accepted by {kept['by']}: {kept['why']}; reason: {kept['reason']}")


def _leaked(row: Standing, now: float) -> str:
    state, since = row.leaked["state"], float(row.leaked["since"])
    words = {"unknown": "cannot tell: not looked at, or not proven", "dead": "dead, proven"}
    known = f" since {moment(since)}" + (f" ({spoken(now - since)})" if state != "dead" else "") if 0 < since <= now else ""
    return words.get(state, str(state)) + known


def _outage(outage: Json, now: float) -> str:
    since, until = float(outage["since"]), float(outage["until"])
    if until:
        return f"over; from {moment(since)} to {moment(until)} ({spoken(until - since)})"
    names = ", ".join(outage["services"])
    return f"since {moment(since)} ({spoken(max(now - since, 0.0))}), not seen on a working key: {names}"


def _show_who(screen: Screen, kept: State, name: str) -> None:
    """The process that holds it, the incident that took over its debts, and the destinations that were not reached."""
    holder = kept.leases.holder(name)
    if holder and holder.alive:
        screen.say(f"  run by {holder.actor} on {holder.host} (process {holder.pid})")
    for place, why in NoticeLog(kept.engine, kept.me.executor).untold(name).items():
        screen.warn(f"  not told: {place}: {why}")
