"""What stands on the screen, where, and in which order: hanging lists, eyes-only text, no question above the step before it."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from ir.adapters.issuers import dashboard_steps
from ir.adapters.issuers.dashboard_steps import Marks
from ir.cli.terminal import follow as following
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.model import Danger, Did, Item, Json, KeyKind, Mode, Outcome, Policy
from ir.core.secret import Secret
from ir.incident import folding
from ir.incident.context import Options
from ir.incident.plan import Plan, Step
from ir.incident.record import Incident
from ir.incident.world_parts import Run
from ir.ports import MintOrder
from tests.unit.report_samples import overlap

OLD, NEW = (Secret("sk_" + "live_" + letter * 40) for letter in ("a", "b"))


def narrow(width: int = 60) -> tuple[Screen, io.StringIO]:
    """A terminal of `width` columns, and what stands on it."""
    seen = io.StringIO()
    return Screen(console=Console(file=seen, force_terminal=True, color_system=None, width=width, highlight=False)), seen


def test_a_numbered_step_goes_on_under_its_first_word() -> None:
    screen, seen = narrow()
    order = MintOrder("INC-1", "ir-INC-1-1", "i", KeyKind.RESTRICTED, Mode.LIVE, "acct_1", ("charge_read", "balance_read"), OLD, 0.0)
    text = dashboard_steps.to_mint(order)
    screen.say(text)
    lines = [line.rstrip() for line in seen.getvalue().splitlines()]
    assert len(lines) > len(text.splitlines()), "it is narrow enough to be broken"
    starts = [line[:5] for line in lines[1:]]
    assert all(start[:4].strip() == "" or (start[2].isdigit() and start[3:] == ". ") for start in starts), lines
    assert " ".join(" ".join(lines).split()) == " ".join(text.split()), "no word is lost"


def test_a_command_in_a_list_stays_whole() -> None:
    screen, seen = narrow()
    command = "ir resume INC-20261127-abcdef --new-key-from file:/a/rather/long/path/to/a/key/file"
    screen.say(f"  1. {command}")
    assert command in seen.getvalue()


PATHS = (
    "/srv/our-company/infrastructure/incident-response/inventory.production.yaml",
    "https://dashboard.stripe.com/test/apikeys?and=a-rather-long-query-that-no-line-holds-in-eighty-columns",
)
COMMAND = f"ir rotate stripe payments --inventory '{PATHS[0].replace('work', 'my work')}' --policy exploited"


@pytest.mark.parametrize("whole", [*PATHS, COMMAND, "ir resume INC-20261127-abcdef --new-key-from file:/a/rather/long/path/to/a/key/file"])
@pytest.mark.parametrize("width", [80, 40])
def test_what_is_copied_is_never_broken_whatever_says_it(whole: str, width: int) -> None:
    """Nor does it share its line with a sentence where it does not fit."""
    said = f"the first words of a sentence, then {whole} and what else there is to be said about it at some length"
    outcome = Outcome(Did.FAILED, said, items=(Item("checkout", Did.FAILED, said),), todo=said)
    shown: tuple[Callable[[Screen], None], ...] = (
        lambda screen: screen.say(said),
        lambda screen: screen.say(f"  1. {said}"),
        lambda screen: screen.warn(f"  still to do: {said}"),
        lambda screen: screen.show(said),
        lambda screen: screen.step("waves.main", outcome),
    )
    for show in shown:
        screen, seen = narrow(width)
        show(screen)
        lines = seen.getvalue().splitlines()
        held = [line for line in lines if whole in line]
        assert len(held) == said.count(whole) * max(1, sum("first words" in line for line in lines)), lines
        assert [line for line in held if line.strip() != whole and len(line.rstrip()) > width] == [], "alone where it does not fit"
        assert all(len(line.rstrip()) <= width for line in lines if line not in held), lines
        words = " ".join(" ".join(lines).split())
        assert " ".join(said.split()) in words, "no word is lost"


def test_an_undo_stands_on_a_line_of_its_own() -> None:
    screen, seen = narrow(80)
    mint = Step("mint", "mint", Danger.REVERSIBLE, "get a replacement key and keep it", "expire the replacement", {})
    screen.plan(Plan("stripe-exposed", Policy.EXPOSED, "payments", (mint,), ()))
    lines = [line.strip() for line in seen.getvalue().splitlines()]
    assert "undo: expire the replacement" in lines


def test_no_line_of_a_step_begins_as_one_of_ours_however_narrow() -> None:
    screen, seen = narrow(40)
    screen.step("watch", Outcome(Did.FAILED, f"bad {'x' * 60}\n✓ retire         the old key is dead"))
    assert [line for line in seen.getvalue().splitlines()[1:] if not line.startswith("    ")] == []


def test_what_shows_the_end_of_a_key_reaches_eyes_only(capsys: pytest.CaptureFixture[str]) -> None:
    """`ir rotate … | tee log` has somebody at the terminal and a log behind it."""
    screen = Screen()
    screen.err = Console(stderr=True, force_terminal=True, color_system=None)
    there = Terminal(screen, name="ann", yes=False)
    there.interactive = True
    there.tell("its token ends in …aaaa")
    said = capsys.readouterr()
    assert said.out == "" and "…aaaa" in said.err


@pytest.mark.parametrize("created", [0.0, 1_795_000_000.0])
def test_where_nobody_watches_no_part_of_a_key_is_told(created: float) -> None:
    log = dashboard_steps.to_retire(Mode.LIVE, OLD, NEW, Marks(created), watched=False)
    assert "aaaa" not in log and "bbbb" not in log and "Do not touch the new key" in log
    assert ("2026-11" in log) is bool(created)
    eyes = dashboard_steps.to_retire(Mode.LIVE, OLD, NEW, Marks(created))
    assert "its token ends in …aaaa" in eyes and "it ends in …bbbb" in eyes


class _SlowRunner:
    """Hands out entries later than they were written, as a poll does."""

    def __init__(self, entries: list[Json]) -> None:
        self.broken: dict[str, str] = {}
        self._entries, self.written = entries, threading.Semaphore(0)

    def follow(self, _name: str) -> Iterator[Json]:
        for entry in self._entries:
            assert self.written.acquire(timeout=30), "the writer died"
            time.sleep(0.05)
            yield entry


def _kept() -> Any:
    """The state of this process: no signal was sent, and no other terminal looks at its questions."""
    signals, questions = SimpleNamespace(sent=lambda _name, _after: []), SimpleNamespace(put=lambda *_: nullcontext())
    return SimpleNamespace(signals=signals, questions=questions, me=None)


def test_a_question_stands_below_the_step_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [entry for entry in overlap().entries if entry["kind"] in ("opened", "step")][:6]
    runner, (screen, seen) = _SlowRunner(entries), narrow(100)
    world: Any = SimpleNamespace(incident="INC-1", run=Run("", patient=True), now=time.time, options=Options())
    operator = Terminal(screen, name="ann", yes=False)
    operator.interactive = True
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 9))
    monkeypatch.setattr(following, "finish", lambda *_: 0)

    def engine() -> None:
        record = Incident()
        while not world.run.readers:
            time.sleep(0.001)
        for entry in entries:
            folding.absorb(record, entry)
            world.run.readers[0](record)
            runner.written.release()
            assert operator.confirm(f"Go on after {entry['step'] or 'the opening'}?")

    writer = threading.Thread(target=engine, daemon=True)
    writer.start()
    following.follow(cast(Any, runner), _kept(), world, operator)
    writer.join()
    shown = seen.getvalue()
    for entry in entries[1:]:
        assert shown.index(f" {entry['step']} ") < shown.index(f"Go on after {entry['step']}?")


def test_a_signal_is_told_in_words_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wake` is a word of the engine."""
    entries = [entry for entry in overlap().entries if entry["kind"] in ("opened", "signal")]
    entries.append({**entries[-1], "body": {"kind": "wake", "id": 2}})
    runner, (screen, seen) = _SlowRunner(entries), narrow(100)
    for _ in entries:
        runner.written.release()
    world: Any = SimpleNamespace(incident="INC-1", run=Run("", patient=True))
    monkeypatch.setattr(following, "finish", lambda *_: 0)
    following.follow(cast(Any, runner), _kept(), world, Terminal(screen, name="ann", yes=False))
    assert "approved retire" in seen.getvalue() and "went on" in seen.getvalue()
    assert "wake" not in seen.getvalue()
