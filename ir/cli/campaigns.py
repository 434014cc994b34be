"""`ir campaign status|pause|resume|report` and the table of a campaign that runs."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Annotated, NoReturn

import typer
from rich.live import Live
from rich.table import Table

from ir.cli.campaign_view import ORDER, code_of, document, markdown, table_rows, title
from ir.cli.options import AsJson
from ir.cli.terminal import database_watch
from ir.cli.terminal.follow import leave
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.plain_text import plain
from ir.cli.terminal.screen import Screen
from ir.cli.terminal.work_signing import trusted
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Json
from ir.fleet import standing
from ir.fleet.campaign import KEPT, Child, ChildState
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import only
from ir.fleet.worker import SLOTS, Worker
from ir.runtime.app_state import State, actor, open_state

Name = Annotated[str, typer.Argument(help="Campaign id, CAM-…; the newest needs no name.")]
AtOnce = Annotated[int, typer.Option(min=1, max=64, help="Incidents that this process runs together.")]
_AROUND = 6
"""Lines of the terminal for the title, the heads and the prompt."""


def status(name: Name = "", as_json: AsJson = False) -> None:
    """How a campaign stands: every key, progress, time left. Exit code: as the campaign's, 4 while it runs."""
    screen, kept, book = _open(as_json=as_json)
    row = row_of(book, name)
    children = standing.settled(kept.index, book, row["campaign"])
    if as_json:
        screen.document(document(kept, book, row, children))
    else:
        screen.table(title(row, children, time.time()), *table_rows(children, time.time(), book.workers.living()))
        for worker in book.workers.living():
            screen.say(f"worker {worker['name']}, by {worker['actor']}" + (f", takes nothing: {worker['said']}" if worker["said"] else ""))
    sys.exit(int(code_of(kept, row, children)))


def pause(name: Name = "", reason: Annotated[str, typer.Option(help="Why.")] = "") -> None:
    """Begin no more keys; those under way go on to their end."""
    screen, _, book = _open()
    row = _unfinished(book, name)
    book.say(row["campaign"], "paused", f"{actor()} paused it" + (f": {reason}" if reason else ""))
    screen.say(f"{row['campaign']} is paused; go on with: ir campaign resume {row['campaign']}")


def resume(
    name: Name = "",
    at_once: AtOnce = SLOTS,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers (ir worker).")] = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a campaign that is paused or that no process runs; failures so far no longer stop it."""
    screen, kept, book = _open(as_json=as_json)
    row = _unfinished(book, name)
    book.say(row["campaign"], "running", "")
    operator = Terminal(screen, name=actor(), yes=True)
    if detach:
        screen.say(f"{row['campaign']} goes on as workers find it")
        return
    run_here(kept, book, row["campaign"], operator, slots=at_once)


def report(
    name: Name = "",
    format: Annotated[str, typer.Option(help="md | json")] = "md",  # noqa: A002 - the flag's name, as in `ir report`
) -> None:
    """One page about a campaign: what it was, every key with its incident, what is still to do."""
    screen, kept, book = _open(as_json=format == "json")
    row = row_of(book, name)
    children = standing.settled(kept.index, book, row["campaign"])
    if format == "json":
        screen.document(document(kept, book, row, children))
    elif format == "md":
        typer.echo(markdown(row, children))
    else:
        raise UsageError(f"--format {format}: not known", next_step="one of md, json")


# ── running ──


def run_here(
    kept: State,
    book: CampaignLedger,
    name: str,
    operator: Terminal,
    *,
    slots: int = 0,
    file: str = "",
    pin: str = "",
    ends: Callable[[Json], None] | None = None,
    waits: Callable[[Child], None] = lambda _child: None,
) -> NoReturn:
    """Run a campaign in this process, beside whatever workers there are, until nothing is left to begin or to end.

    `file`, `pin`: the inventory that it was begun with, and the SHA-256 that was named; "" = the default one, and none. `ends` shows how
    it stands then, given its document; without it the table or the document itself is shown. `waits` hears of every child that begins to
    wait for a person.

    Raises:
        Refused: there is something to run, without the consent of a person whom this machine trusts.
    """
    screen, stop = operator.screen, threading.Event()
    row = row_of(book, name)
    slots = slots or min(int(row["limits"]["at_once"]) or SLOTS, 8)
    shown = screen.err.is_terminal and not screen.as_json

    def tell(child: Child) -> None:
        if child.state is ChildState.WAITING:
            waits(child)
        if not shown:
            screen.say(
                f"  {child.key}: {child.state.value} ({child.incident})" + (f": {child.said}" if child.state is not ChildState.DONE else "")
            )

    worker = Worker(kept, book, only(name), slots=slots, trust=trusted(kept, operator, file, pin), tell=tell)
    height = screen.err.height
    live = Live(get_renderable=lambda: _live(book, name, height), console=screen.err, refresh_per_second=1, transient=True)
    try:
        with database_watch.told(screen, worker.runner), live if shown else nullcontext():
            _until_over(worker, book, name, stop)
    except KeyboardInterrupt:
        screen.say(f"interrupted; nothing is lost: ir {'breach' if 'breach' in row['about'] else 'campaign'} resume {name}")
        leave(int(ExitCode.INTERRUPTED))
    row, children = row_of(book, name), standing.settled(kept.index, book, name)
    if ends is not None:
        ends(document(kept, book, row))
    elif screen.as_json:
        screen.document(document(kept, book, row, children))
    else:
        screen.table(title(row, children, time.time()), *table_rows(children, time.time()))
    worker.runner.forget_queue()
    leave(int(code_of(kept, row, children)))


def _until_over(worker: Worker, book: CampaignLedger, name: str, stop: threading.Event) -> None:
    """Wait for children that others run, also those that were taken over, not for those that wait for a person."""
    while True:
        worker.run(until_idle=True, stop=stop)
        if name in worker.admission.shunned:
            raise worker.admission.shunned[name]
        if worker.fitness.said:
            raise Refused(
                f"this machine takes no key: {worker.fitness.said}",
                safe="what was not begun is as it was",
                next_step=f"fix that, then: ir campaign resume {name}",
            )
        children = book.children(name)
        states = {child.state for child in children} | ({ChildState.RUNNING} if _run_elsewhere(worker.kept, children) else set())
        paused = row_of(book, name)["status"] == "paused"
        if not states & {*KEPT} and (paused or ChildState.QUEUED not in states or ChildState.WAITING in states):
            return
        time.sleep(0.5)


def _run_elsewhere(kept: State, children: Sequence[Child]) -> bool:
    """Whether a process works on the incident of a child that no worker keeps."""
    waiting = [child.incident for child in children if child.state is ChildState.WAITING]
    running = [name for name, row in kept.index.named(waiting).items() if row.status == "running"]
    return bool(kept.leases.alive(running))


def _live(book: CampaignLedger, name: str, height: int) -> Table:
    """As many lines as the terminal has room for, moving and waiting children first."""
    row, children = row_of(book, name), book.children(name)
    first = sorted(children, key=lambda child: (ORDER.index(child.state), child.position))
    shown = first[: max(height - _AROUND, 3)]
    heads, lines = table_rows(shown, time.time())
    table = Table(title=plain(title(row, children, time.time())), box=None, title_justify="left", header_style="bold", expand=True)
    for head in heads:
        table.add_column(head, no_wrap=True, overflow="ellipsis", ratio=1 if head == "last" else None)
    for line in lines:
        table.add_row(*map(plain, line))
    if len(first) > len(shown):
        table.add_row(f"… and {len(first) - len(shown)} more")
    return table


def row_of(book: CampaignLedger, name: str) -> Json:
    """One campaign, the newest where none is named. Raises UsageError: there is none."""
    if not name:
        found = book.campaigns()
        if not found:
            raise UsageError("there is no campaign yet", next_step="ir campaign start --all begins one")
        return found[0]
    row = book.campaign(name)
    if row is None:
        raise UsageError(f"there is no campaign {name}", next_step="ir campaign status shows the newest")
    return row


def _unfinished(book: CampaignLedger, name: str) -> Json:
    row = row_of(book, name)
    if row["status"] == "done":
        raise UsageError(f"{row['campaign']} is done", next_step=f"ir campaign status {row['campaign']}")
    return row


def _open(*, as_json: bool = False) -> tuple[Screen, State, CampaignLedger]:
    kept = open_state()
    return Screen(as_json=as_json), kept, CampaignLedger(kept.engine)
