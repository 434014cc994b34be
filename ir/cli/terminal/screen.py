"""The terminal: progress where someone watches, quiet where it is piped, plain words, colours only where welcome.

Results go to standard output, everything else to standard error. With `--json` standard output carries one document.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from ir.cli.terminal.plain_text import escaped, plain, printable
from ir.cli.terminal.question_shown import QuestionShown
from ir.cli.terminal.status_line import StatusLine
from ir.cli.terminal.wrapping import put
from ir.core.errors import IrError, unexpected
from ir.core.model import Danger, Did, Json, Outcome
from ir.core.secret import scrub
from ir.incident.plan import Plan

MARKS = {
    Did.DONE: ("✓", "green"),
    Did.SKIPPED: ("–", "dim"),
    Did.WAITING: ("…", "yellow"),
    Did.REFUSED: ("✗", "red"),
    Did.FAILED: ("✗", "red"),
    Did.UNKNOWN: ("?", "yellow"),
}
DANGERS = {Danger.READ: ("looks", "dim"), Danger.REVERSIBLE: ("changes", "yellow"), Danger.IRREVERSIBLE: ("irreversible", "red")}


_NO_EDGE = 10_000
"""Columns of a line without a terminal."""


class Screen:
    """The output of a command. Thread-safe: the engine's threads report progress while the main thread prints.

    Without a terminal, lines are not broken at all, so that a command or path stays whole when it is piped.
    """

    def __init__(self, *, as_json: bool = False, console: Console | None = None) -> None:
        self.as_json = as_json
        self.err = console or Console(stderr=True, highlight=False, soft_wrap=False, emoji=False)
        self.out = self.err if console else Console(highlight=False, emoji=False)
        for target in (self.err, self.out):
            if not target.is_terminal:
                target.width = _NO_EDGE
        self._lock = threading.RLock()
        self._line = StatusLine(self.err)
        self._question = QuestionShown(self.err, lambda: self._line.clock(True) if self._line.steady else "")

    def say(self, text: str) -> None:
        """Print a line for a person."""
        with self._printing():
            put(self.err if self.as_json else self.out, plain(text))
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """A remark about the command itself, never part of its result: to standard error, and not to a machine that asked for JSON."""
        if self.as_json:
            return
        with self._printing():
            put(self.err, plain(text))

    def show(self, text: str) -> None:
        """Print a line for a person's eyes: to the terminal, also where standard output goes into a file."""
        with self._printing():
            put(self.out if self.out.is_terminal and not self.as_json else self.err, plain(text))

    def warn(self, text: str) -> None:
        """A line that must be seen."""
        with self._printing():
            put(self.err, plain(text), style="bold yellow")

    def progress(self, text: str) -> None:
        """What is going on now; on a terminal only, and replaced by the next line."""
        if text.startswith("WARNING"):
            self.warn(text)
            return
        with self._lock:
            if self._question.words:
                return
            self._line.doing(" ".join(printable(text).split()))

    def hush(self) -> None:
        """Take the progress line away, before anything else is printed or asked."""
        with self._lock:
            self._line.clear()

    def keep_clock(self, clock: Callable[[bool], str], doing: str) -> None:
        """From now on the progress line stays, begins with the clock (see `StatusLine`), and gives way only to a question."""
        with self._lock:
            self._line.clock, self._line.steady = clock, True
            if not self._question.words:
                self._line.doing(doing)

    def rest(self) -> None:
        """The work is over: no progress line any more."""
        with self._lock:
            self._line.steady = False
            self._line.clear()

    @contextmanager
    def prompting(self, prompt: str) -> Iterator[Callable[[], None]]:
        """While a question is open: yields what prints it. Other output appears above it, and progress does not."""

        def ask() -> None:
            with self._lock:
                self._question.draw()

        with self._lock:
            self._line.clear()
            self._question.open(prompt)
        try:
            yield ask
        finally:
            with self._lock:
                self._question.close()
                if self._line.steady:
                    self._line.draw()

    def typed(self, text: str) -> None:
        """What was typed at the open question so far, in place of what stood there."""
        with self._lock:
            self._question.typed(text)

    def tick(self) -> None:
        """Bring the clock above the open question up to date."""
        with self._lock:
            self._question.tick()

    def end_line(self) -> None:
        """Leave the line of a question."""
        with self._lock:
            self.err.print()

    @contextmanager
    def _printing(self) -> Iterator[None]:
        with self._lock:
            self._line.clear()
            if self._question.words:
                self.err.print()
            yield
            if self._question.words:
                self._question.draw()
            elif self._line.steady:
                self._line.draw()

    def document(self, data: Json) -> None:
        """The one JSON document of a `--json` run."""
        sys.stdout.write(escaped(scrub(json.dumps(data, indent=2, ensure_ascii=False))) + "\n")
        sys.stdout.flush()

    def plan(self, plan: Plan) -> None:
        """Every step, its danger, the last reversible step, the undo, and what cannot be checked in advance."""
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for head in ("step", "does", "what"):
            table.add_column(head, overflow="fold")
        for step in plan.steps:
            word, colour = DANGERS[step.danger]
            asks = f" (needs {step.approvals} people)" if step.approvals > 1 else " (asks first)" if step.approval else ""
            undo = f"\n[dim]undo: {plain(step.undo)}[/]" if step.undo else ""
            table.add_row(plain(step.id), f"[{colour}]{word}[/]", plain(step.says) + asks + undo)
        self._rows(f"Playbook {plan.playbook}, policy {plan.policy.value}, key {plan.key}", table)
        self.say(plan.reversibility)
        for note in plan.notes:
            self.say(f"Cannot be checked in advance: {note}.")

    def _rows(self, title: str, table: Table) -> None:
        with self._printing():
            target = self.err if self.as_json else self.out
            target.print(f"[bold]{plain(title)}[/]")
            if table.row_count:
                target.print(table)

    def step(self, name: str, outcome: Outcome, *, dry_run: bool = False) -> None:
        """One finished step, with what went wrong and what to do."""
        mark, colour = MARKS[outcome.did]
        with self._printing():
            target = self.err if self.as_json else self.out
            put(target, plain(outcome.said), head=f"[{colour}]{mark}[/] [bold]{plain(name):<14}[/] ")
            for item in outcome.items:
                if item.said and (dry_run or item.did not in (Did.DONE, Did.SKIPPED)):
                    put(target, f"{plain(item.name)}: {plain(item.said)}", head="    ")
            if outcome.todo and outcome.did not in (Did.DONE, Did.SKIPPED):
                put(target, plain(outcome.todo), head="    [bold]next:[/] ")

    def table(self, title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """A small table."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in heads:
            table.add_column(plain(head), overflow="fold")
        for row in rows:
            table.add_row(*[plain(cell) for cell in row])
        self._rows(title, table)


def show_error(error: IrError, *, as_json: bool) -> None:
    """What happened, what is safe now, what to do next."""
    if as_json:
        said = {"error": error.what, "safe": error.safe, "next": error.next_step, "exit_code": int(error.exit_code)}
        Screen(as_json=True).document(said)
    console = Console(stderr=True, highlight=False, emoji=False)
    put(console, f"[bold red]{type(error).__name__}:[/] {plain(error.what)}")
    if error.safe:
        put(console, f"  safe now: {plain(error.safe)}")
    if error.next_step:
        put(console, f"  next: {plain(error.next_step)}")


def show_crash(error: Exception, *, as_json: bool) -> None:
    """An unexpected error: its class and place, never its text or its frames, which may hold a secret."""
    show_error(IrError(unexpected(error), next_step="this is a bug; ir status shows open incidents"), as_json=as_json)
