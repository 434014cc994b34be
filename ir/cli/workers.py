"""`ir worker` and `ir worker list`: the processes that run children of campaigns, and what the schedule says is due."""

import signal
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ir.cli.campaigns import AtOnce
from ir.cli.options import AsJson
from ir.cli.schedules import PLAYBOOK, Book, Pin, begin_due, left, remove_due, scheduled_book
from ir.cli.terminal import database_watch
from ir.cli.terminal.follow import leave
from ir.cli.terminal.json_lines import JsonLines
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.cli.terminal.work_signing import trusted
from ir.core.durations import spoken
from ir.core.errors import ExitCode, IrError
from ir.engine.dbos_records import read_entries
from ir.fleet.campaign import Child
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import of_kind
from ir.fleet.due import moment
from ir.fleet.night import Night
from ir.fleet.worker import SLOTS, Worker
from ir.runtime import wiring
from ir.runtime.app_state import State, open_state
from ir.storage.patience import Away

if TYPE_CHECKING:
    from ir.fleet.metrics import Metrics

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
_EACH = 30.0
"""Seconds between a worker's looks at the schedule."""


@app.callback(invoke_without_command=True)
def worker(
    context: typer.Context,
    inventory_file: Annotated[
        str,
        typer.Option("--inventory", help="Inventory whose schedule it keeps; no default.", metavar="FILE"),
    ] = "",
    playbook_name: Book = PLAYBOOK,
    inventory_sha256: Pin = "",
    at_once: AtOnce = SLOTS,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when there is nothing more to do.")] = False,
    listen: Annotated[str, typer.Option("--listen", help="Serve /healthz and /metrics there.", metavar="127.0.0.1:PORT")] = "",
    beyond: Annotated[bool, typer.Option("--listen-beyond-loopback", help="Others may ask, too.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="One JSON object a line on standard output.")] = False,
) -> None:
    """Run children of campaigns, and what the schedule says is due, until told to stop (SIGTERM, Ctrl-C)."""
    if context.invoked_subcommand:
        return
    screen, kept, stop = JsonLines() if log_json else Screen(), open_state(), threading.Event()
    metrics = _listening(listen, beyond=beyond)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    book = CampaignLedger(kept.engine)
    books = [scheduled_book(playbook_name)] if inventory_file else []
    trust = trusted(kept, Terminal(screen, name=kept.me.actor, yes=True), inventory_file, inventory_sha256, books)
    trust()  # what it was given is wrong from the start: it ends, and says so
    desk = _Desk(screen, kept, book, metrics, _Schedule(inventory_file, playbook_name, inventory_sha256))
    working = Worker(kept, book, of_kind("campaign", "schedule"), trust=trust, slots=at_once, tell=desk.tell)
    screen.say(f"worker {kept.me.executor} begins, {at_once} at a time")
    with database_watch.told(screen, working.runner):
        working.run(until_idle=until_idle, stop=stop, each_look=lambda: desk.look(working.fitness.said))
    working.runner.forget_queue()
    screen.say("worker ends; what was under way is taken over by another worker, or when this one comes back")
    leave(int(desk.code(working.fitness.said) if until_idle else ExitCode.DONE))


@dataclass(frozen=True)
class _Schedule:
    """Whose schedule a worker keeps; `file` "" = none."""

    file: str
    playbook: str
    pin: str


@dataclass
class _Desk:
    """What one worker says and measures, and its looks at the schedule."""

    screen: Screen
    kept: State
    book: CampaignLedger
    metrics: "Metrics | None"
    schedule: _Schedule
    said: str = ""
    looked: float = 0.0
    alone: Collection[str] = ()
    missed: bool = False

    def tell(self, child: Child) -> None:
        """A child ended, waits, or is given back."""
        said = f"{child.campaign} {child.key}: {child.state.value} ({child.incident})" + (f": {child.said}" if child.said else "")
        if isinstance(self.screen, JsonLines):
            self.screen.say(said, campaign=child.campaign, key=child.key, incident=child.incident, state=child.state.value)
        else:
            self.screen.say(said)
        if self.metrics is not None:
            self.metrics.steps(child.incident, read_entries(self.kept.engine, child.incident))

    def look(self, said: str) -> None:
        """Now and then; `said`: why the worker takes nothing, "" = it takes what it finds."""
        if said != self.said:
            self.said = said
            self.screen.warn(f"this worker takes nothing: {said}" if said else "this worker takes keys again")
        if self.metrics is not None:
            mine = [child for child in self.book.kept() if child.owner == self.kept.me.executor]
            self.metrics.look(said, mine, self.kept.index.rows())
        now = wiring.SystemClock().now().timestamp()
        if not self.schedule.file or said or abs(now - self.looked) < _EACH:
            return
        self.looked, self.missed = now, False
        try:
            self._look_at_schedule()
        except Away:
            raise
        except IrError as error:  # a broken file must not end the work on what was begun
            self.missed = True
            self.screen.warn(f"the schedule was not looked at: {error.what}")

    def _look_at_schedule(self) -> None:
        remove_due(self.kept, self.screen)
        due = begin_due(self.kept, self.book, self.screen, self.schedule.file, self.schedule.playbook, self.schedule.pin)
        self.alone = due.alone
        if due.refused is not None:
            self.screen.warn(f"nothing that is due was begun: {due.refused.what}")
        found = left(self.kept, self.book, self.screen, self.schedule.file, tells=due.refused is None).found
        if self.metrics is not None:
            self.metrics.schedule(found)

    def code(self, said: str) -> ExitCode:
        """What a worker that is done ends with: as `ir schedule run` does with what it leaves, where it keeps a schedule."""
        if not self.schedule.file or said or self.missed:
            return ExitCode.WAITING if said or self.missed else ExitCode.DONE
        now = left(self.kept, self.book, self.screen, self.schedule.file, tells=False)
        return Night((), (), self.alone, now, 0.0, said).code(())


def _listening(listen: str, *, beyond: bool) -> "Metrics | None":
    """Raises UsageError: it cannot listen there."""
    if not listen:
        return None
    from ir.fleet.metrics import Metrics
    from ir.fleet.metrics_page import Server, address

    made = Metrics()
    Server(*address(listen, beyond=beyond), made)
    return made


@app.command("list")
def list_workers(as_json: AsJson = False) -> None:
    """Live workers: host, start, and what each has under way. Says why one takes nothing; exit code 4 if one does not."""
    screen, kept = Screen(as_json=as_json), open_state()
    book = CampaignLedger(kept.engine)
    rows, has = book.workers.living(), dict[str, list[str]]()
    for child in book.kept():
        has.setdefault(child.owner, []).append(child.key)
    if as_json:
        screen.document({"workers": [{**row, "keys": has.get(row["executor"], [])} for row in rows]})
    else:
        now = time.time()
        lines = [
            (
                row["name"],
                row["actor"],
                moment(row["since"]),
                spoken(max(now - row["heartbeat"], 0.0)),
                str(len(has.get(row["executor"], []))),
                f"takes nothing: {row['said']}" if row["said"] else "takes keys",
            )
            for row in rows
        ]
        screen.table("Workers" if lines else "No worker lives", ("worker", "by", "since", "seen before", "keys", "state"), lines)
    sys.exit(int(ExitCode.WAITING if any(row["said"] for row in rows) else ExitCode.DONE))
