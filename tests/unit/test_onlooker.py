"""A second terminal looks on: it shows the open question, and its answer reaches the process that waits."""

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from ir.cli.answer_here import answers
from ir.cli.terminal.onlooker import look_on
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.model import Did, Outcome
from ir.evidence import audit_log
from ir.runtime.app_state import State, open_state
from tests.unit import report_samples as stories
from tests.unit.report_samples import Builder


class Run:
    """An incident that this process holds, and a thread that goes on with it once it is told to."""

    def __init__(self, story: Builder, goes_on: Callable[[], None]) -> None:
        self.kept: State = open_state()
        self.story, self._goes_on = story, goes_on
        self.kept.leases.take(self.kept.me, story.id, ["key acct_1/payments"])
        self.record()

    def record(self) -> None:
        for entry in self.story.entries:
            audit_log.append(self.kept.engine, entry)

    def waits(self) -> threading.Thread:
        def work() -> None:
            while not self.kept.signals.sent(self.story.id):
                time.sleep(0.01)
            self._goes_on()
            self.record()

        made = threading.Thread(target=work, daemon=True)
        made.start()
        return made


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, io.StringIO]:
    monkeypatch.setenv("IR_HOME", str(tmp_path))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    shown = io.StringIO()
    screen = Screen(console=Console(file=shown, force_terminal=True, color_system=None, width=200, highlight=False))
    operator = Terminal(screen, name="bob@desk", yes=False)
    operator.interactive = True
    monkeypatch.setattr("sys.stdin", io.StringIO("\n" * 3))
    return operator, shown


def test_the_answer_given_here_wakes_the_process_that_waits_elsewhere(seen: tuple[Terminal, io.StringIO]) -> None:
    operator, shown = seen
    story = stories.waiting()

    def goes_on() -> None:
        story.write("signal", body={"kind": "wake", "id": 1}, actor="bob@desk")
        story.end("done", 0, "done")

    run = Run(story, goes_on)
    worker = run.waits()
    record = look_on(operator, run.kept, story.id, answers=answers(operator, run.kept))
    worker.join(5)
    assert record.status == "done", "it looked on until the end"
    (sent,) = run.kept.signals.sent(story.id)
    assert (sent["kind"], sent["actor"]) == ("wake", "bob@desk")
    assert "a human has to create the replacement" in shown.getvalue() and "is asked the same" in shown.getvalue()


def test_who_was_first_is_told_to_the_other(seen: tuple[Terminal, io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    operator, shown = seen
    story = stories.waiting()
    run = Run(story, lambda: story.end("done", 0, "done"))

    def asked(_question: str, _elsewhere: Callable[[], str]) -> bool:
        run.kept.signals.send(story.id, "wake", "ann@laptop")  # at the first terminal, while the question stands here
        return True

    monkeypatch.setattr(operator, "pause", asked)
    worker = run.waits()
    assert look_on(operator, run.kept, story.id, answers=answers(operator, run.kept)).status == "done"
    worker.join(5)
    assert [row["actor"] for row in run.kept.signals.sent(story.id)] == ["ann@laptop"], "one answer is enough"
    assert "ann@laptop has answered already" in shown.getvalue()


def test_an_approval_is_not_given_by_a_stroke_of_a_key(seen: tuple[Terminal, io.StringIO]) -> None:
    operator, shown = seen
    story = stories.waiting()
    asks = Outcome(Did.WAITING, "`retire` needs an approval", todo=f"ir approve {story.id}")
    body = {"action": "approve", "attempt": 1, "started": story.at.isoformat(), "outcome": asks.to_json()}
    story.write("step", step="retire", body=body)
    run = Run(story, lambda: None)
    record = look_on(operator, run.kept, story.id, answers=answers(operator, run.kept))
    assert record.status == "waiting" and run.kept.signals.sent(story.id) == []
    assert f"ir approve {story.id}" in shown.getvalue()


def test_where_the_process_is_gone_nothing_is_asked(seen: tuple[Terminal, io.StringIO]) -> None:
    operator, shown = seen
    story = stories.waiting()
    run = Run(story, lambda: None)
    run.kept.leases.let_go(run.kept.me, story.id, 1)
    assert look_on(operator, run.kept, story.id, answers=answers(operator, run.kept)).status == "waiting"
    assert "asked the same" not in shown.getvalue() and run.kept.signals.sent(story.id) == []
