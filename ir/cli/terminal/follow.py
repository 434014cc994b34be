"""Run an incident from a command: start or resume it, show it as it goes, leave with its exit code."""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NoReturn

from ir.cli.terminal import database_watch, tty_guard
from ir.cli.terminal.interruption import is_interruption
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode
from ir.core.model import Outcome
from ir.core.secret import Secret
from ir.engine.dbos_records import read_entries
from ir.engine.dbos_runner import Runner
from ir.engine.heartbeat import TAKEN_OVER
from ir.incident import debts, exposure_clock, folding, signal_words
from ir.incident import record as incident_record
from ir.incident.context import World
from ir.runtime import following, notifications
from ir.runtime.app_state import State
from ir.runtime.publish import signer_of
from ir.runtime.worlds import ProcessContext, resting_alone
from ir.storage.patience import FellBack

PUBLISHED_WITHIN = 30.0
"""Seconds for writing the report, before the process ends without it; `ir report` writes it at any time."""

SHOWN_WITHIN = 3.0
"""Seconds that a question waits for the lines before it."""

RECORDED_WITHIN = 5.0
"""Seconds for the checkpoint over the last entry."""


def given(operator: Terminal, leaked: Secret | None, control: Secret | None) -> ProcessContext:
    """What this terminal brings to an incident."""

    def lost(name: str) -> None:
        operator.screen.rest()
        sys.stderr.write(f"{name} was taken over by another process; this one stops\n")
        leave(int(ExitCode.REFUSED))

    return ProcessContext(operator, lost, operator.screen.progress, resting_alone, leaked=leaked, control=control)


class _Reading:
    """The distance between the reader of an incident's entries and their writer: the engine's thread asks and tells, too.

    Without it a question, or a prompt for a key, could stand above the line of the step that it follows. What the progress line waits
    for is told by the writer, too: the reader would overwrite what the next step has said meanwhile.
    """

    def __init__(self, world: World, screen: Screen) -> None:
        self._written = self._read = 0
        self._reader, self._moved = threading.current_thread(), threading.Condition()

        def written(record: incident_record.Incident) -> None:
            _keep_clock(screen, world, record)
            self._written = int((record.last or {"n": -1})["n"]) + 1

        world.run.readers.append(written)

    def read(self, count: int) -> None:
        """`count` entries are on the screen."""
        with self._moved:
            self._read = count
            self._moved.notify_all()

    def caught_up(self) -> None:
        """Wait until all that is written was read, not for ever; the reader itself does not wait for itself."""
        if threading.current_thread() is not self._reader:
            with self._moved:
                self._moved.wait_for(lambda: self._read >= self._written, SHOWN_WITHIN)


def follow(runner: Runner, kept: State, world: World, operator: Terminal, *, skip: int = 0) -> int:
    """Show entries as they come, the first `skip` silently; returns the exit code when the incident ends, waits or has debts.

    An incident that has ended is followed until its engine has finished too, so that nothing of it stays behind: the
    report that tells its end, its row in the index, its lease. One with debts waits on, so its report is awaited.
    """
    screen, record, name = operator.screen, incident_record.Incident(), world.incident
    reading = _Reading(world, screen)
    operator.shown = reading.caught_up
    operator.while_asked = partial(kept.questions.put, kept.me, name)
    for seen, entry in enumerate(runner.follow(name)):
        folding.absorb(record, entry)
        if seen < skip:
            reading.read(seen + 1)
            continue
        if entry["kind"] == "signal":
            screen.say(f"  {entry['actor']}: {signal_words.did(entry['body']['kind'], entry['body'].get('step', ''))}")
        if entry["kind"] == "word":
            screen.say(f"  {entry['actor']}: {signal_words.did(entry['body']['kind'])}")
        if entry["kind"] == "step":
            screen.step(entry["step"], Outcome.from_json(entry["body"]["outcome"]), dry_run=record.dry_run)
        reading.read(seen + 1)
        code = following.stands_still(kept, record)
        if code is ExitCode.WAITING:
            if not operator.interactive or operator.declined or not _woken(operator, kept, record):
                return finish(screen, kept, record, code)
        elif code is not None:
            world.run.published.wait(PUBLISHED_WITHIN)
            return finish(screen, kept, record, code)
    if not record.ended:
        why = runner.broken.get(name, "its engine ended, which is a bug; what was done is recorded")
        screen.warn(f"{name} stopped: {why}")
        lost = _rebuilds(kept, record) if why == FellBack().what else ""
        return finish(screen, kept, record, ExitCode.UNEXPECTED, lost)
    return finish(screen, kept, record, record.exit_code)


def _rebuilds(kept: State, record: incident_record.Incident) -> str:
    """What to do about an incident of which a database that fell back knows nothing any more, "" = it knows something."""
    if not record.opened or read_entries(kept.engine, record.id):
        return ""
    return f"stores and Stripe still tell of it: {debts.again(record)} --adopt {record.id}"


def _woken(operator: Terminal, kept: State, record: incident_record.Incident) -> bool:
    """Wait for a word that it may be looked at again, from here or another terminal; False: there is no person to say it."""

    def spoken() -> str:
        return next((str(row["actor"]) for row in kept.signals.sent(record.id, record.heard)), "")

    if not operator.pause("Press Enter when it is done, Ctrl-C to leave.", spoken):
        return False
    if not spoken():
        kept.signals.send(record.id, "wake", operator.name)
    return True


def _keep_clock(screen: Screen, world: World, record: incident_record.Incident) -> None:
    """The progress line of an incident: its clock, and the step that is under way."""
    todo = next((step for step in record.plan.get("steps", []) if not record.settled(step["id"])), None)
    doing = f"{todo['id']}: {todo.get('says', '')}" if todo and not record.ended else "writing the report"
    told = ["rehearsal"] if world.options.drill else []

    def clock(minutes: bool) -> str:
        return " · ".join(part for part in [*told, exposure_clock.said(record.facts, world.now(), minutes=minutes)] if part)

    screen.keep_clock(clock, doing)


def finish(screen: Screen, kept: State, record: incident_record.Incident, code: ExitCode, lost: str = "") -> int:
    """The last words of a run; of one that ended, what has to be kept outside so that later edits can be told.

    `lost`: what to do, where the database knows nothing of it any more.
    """
    screen.rest()
    signer = signer_of(kept, record.id) if record.ended else ""
    if screen.as_json:
        screen.document({**following.document(record, code), "evidence_key": signer})
        return int(code)
    for debt in record.debts.values():
        screen.warn(f"still to do: {debt.why} → {debt.todo}")
    if record.ended:
        screen.say(f"{record.id}: {record.status} (exit {int(code)}); report: ir report {record.id}")
        screen.say("keep these outside (ticket, chat), then `ir verify` tells later edits:")
        screen.say(f"  chain head   {record.head}\n  evidence key {signer or 'none: nothing was signed'}")
    elif lost:
        screen.say(f"{record.id} is recorded nowhere any more (exit {int(code)}); {lost}")
    else:
        screen.say(f"{record.id} waits (exit {int(code)}); go on with: ir resume {record.id}")
    return int(code)


def leave(code: int) -> NoReturn:
    """End the process at once: the engine's threads would keep a waiting incident's process alive."""
    _flush(2.0 if code == ExitCode.INTERRUPTED else notifications.FLUSH)
    tty_guard.give_back()
    os._exit(code)


def _flush(seconds: float) -> None:
    for why in notifications.flush_all(seconds):
        sys.stderr.write(f"not told: {why}\n")
    with suppress(OSError):  # the terminal may be gone
        sys.stdout.flush()
        sys.stderr.flush()


def become(words: Sequence[str]) -> NoReturn:
    """Run another command of this tool in place of this process, whose threads and leases end with it."""
    _flush(notifications.FLUSH)
    tty_guard.give_back()
    os.execv(sys.executable, [sys.executable, "-m", "ir.cli", *words])  # noqa: S606 - our own command, and no key in its words


def drive(
    runner: Runner, kept: State, world: World, operator: Terminal, *, skip: int = 0, then: Callable[[], Sequence[str]] | None = None
) -> NoReturn:
    """Follow to the end and leave; Ctrl-C leaves a resumable incident and says so.

    `then`: asked when all is followed, for another command of this tool that takes this one's place, as words; empty = none does.
    """
    name, words = world.incident, list[str]()
    runner.heartbeat.taken_over = lambda: tty_guard.end_at_once(TAKEN_OVER)
    try:
        with database_watch.told(operator.screen, runner):
            code = follow(runner, kept, world, operator, skip=skip)
            words = list(then()) if then is not None else []
    except BaseException as error:
        if not is_interruption(error):
            raise
        tty_guard.ask_no_more()
        with suppress(Exception):  # it may have been in the middle of a line
            operator.screen.rest()
        safe = (
            "nothing is lost"
            if following.in_custody(world)
            else "the new key is in no custody: LEAVE the Dashboard's dialog OPEN, then paste it again"
        )
        sys.stderr.write(f"\ninterrupted; {safe}: ir resume {name}\n")
        code = int(ExitCode.INTERRUPTED)
    runner.forget_queue()
    world.run.recording.acquire(timeout=RECORDED_WITHIN)  # the checkpoint over the entry that was just shown may still be missing
    if words:
        runner.heartbeat.fences.pop(name, None)  # or a beat takes the lease for lost
        kept.leases.release(name)
        become(words)
    leave(code)
