"""The terminal is given back as it was, whatever ends a command, and nothing that was typed unasked is kept."""

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ir
from tests.worlds.person import Person, person

IMPORTS = "from ir.cli.terminal import questions, tty_guard\nfrom ir.cli.terminal.screen import Screen\n"
WORKS = "import time; print('works', flush=True); time.sleep(30)"
ASKS = """
import sys
try:
    line = questions.ask('asks', Screen(), hidden=HIDDEN)
except KeyboardInterrupt:
    sys.exit(130)
print('took', len(line or ''), flush=True)
"""


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Person]:
    environment = {"PATH": os.environ["PATH"], "IR_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path(ir.__file__).parents[1])}
    with person(tmp_path, environment, forked=True) as made:
        yield made


def script(does: str) -> tuple[str, ...]:
    """What a command is, without anything else of one."""
    inside = "\n".join(f"    {line}" for line in does.strip().splitlines())
    return sys.executable, "-c", f"{IMPORTS}with tty_guard.armed():\n    tty_guard.hold()\n{inside}\n"


def given_back(who: Person) -> None:
    assert who.modes() == who.before
    assert who.left() == b""
    assert b"secret" not in who.screen
    assert not list((who.folder / "home" / "terminals").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_ends_it_gives_the_terminal_back_first(ann: Person, number: signal.Signals) -> None:
    ann.runs(*script(WORKS))
    ann.sees("works")
    ann.types("secret\n")
    ann.sends(number)
    assert ann.ends() == -number
    given_back(ann)


@pytest.mark.parametrize("does", ["raise SystemExit(3)", "raise ValueError('x')", "print('done')"])
def test_so_does_every_end_of_its_own(ann: Person, does: str) -> None:
    ann.runs(*script(f"import time; print('works', flush=True); time.sleep(0.3); {does}"))
    ann.sees("works")
    ann.types("secret")
    ann.ends()
    given_back(ann)


def test_a_paste_that_has_begun_is_drained_until_the_line_is_silent(ann: Person) -> None:
    ann.runs(*script(WORKS))
    ann.sees("works")
    ann.types("secret")
    ann.presses("c")
    for _ in range(8):
        time.sleep(0.1)
        ann.types("secret\n" * 200)
    ann.ends()
    given_back(ann)
    ann.types("mine\n")
    assert ann.left() == b"mine\n", "what is typed after the end is not ours"


@pytest.mark.parametrize("hidden", [True, False])
def test_only_what_is_typed_after_the_question_answers_it(ann: Person, hidden: bool) -> None:
    ann.runs(*script(f"import time; print('works', flush=True); time.sleep(0.5)\n{ASKS}".replace("HIDDEN", str(hidden))))
    ann.sees("works")
    ann.types("secret\nsecret")
    ann.sees("asks")
    assert ann.echoes is not hidden and ann.modes()[3] & termios.ICANON
    ann.types("four\n")
    ann.sees("took 5")
    assert ann.ends() == 0
    given_back(ann)


def test_the_marks_around_a_paste_are_no_part_of_it(ann: Person) -> None:
    """An earlier program left the terminal in the mode in which it puts them there."""
    ann.runs(*script(ASKS.replace("HIDDEN", "True")))
    ann.sees("asks")
    ann.types("\x1b[200~secret\x1b[201~\n")
    ann.sees("took 7")
    assert ann.ends() == 0
    given_back(ann)


def test_ctrl_c_at_a_hidden_question(ann: Person) -> None:
    ann.runs(*script(ASKS.replace("HIDDEN", "True")))
    ann.sees("asks")
    ann.types("secret")
    ann.presses("c")
    assert ann.ends() == 130
    given_back(ann)


def test_no_more_is_typed_is_no_answer(ann: Person) -> None:
    ann.runs(*script(ASKS.replace("HIDDEN", "False")))
    ann.sees("asks")
    ann.presses("d")
    ann.sees("took 0")
    assert ann.ends() == 0
    given_back(ann)


def test_after_sigkill_the_next_one_puts_it_right_and_only_if_nobody_else_did(ann: Person) -> None:
    for mended in (False, True):
        before = len(ann.shown())
        ann.runs(*script(WORKS))
        ann.sees("works", after=before)
        ann.types("secret\n")
        ann.sends(signal.SIGKILL)
        ann.ends()
        assert ann.modes() != ann.before
        if mended:
            ann.sets(echo=True)
        ann.runs(sys.executable, "-c", "from ir.cli.terminal import tty_guard\nwith tty_guard.armed(): pass")
        assert ann.ends() == 0
        assert ann.echoes
        if mended:
            assert ann.modes() != ann.before, "what somebody set since stays"
        else:
            given_back(ann)


def test_of_two_that_hold_one_terminal_the_last_gives_it_back(ann: Person) -> None:
    """As with `xargs -P 2 ir …`."""
    both = f'{sys.executable} -c "$1" & {sys.executable} -c "$2" & wait %1; echo first; wait'
    first, second = (script(f"import time; print('works', flush=True); time.sleep({pause})")[2] for pause in (0.5, 2))
    ann.runs("/bin/sh", "-c", both, "sh", first, second)
    ann.sees("first")
    assert not ann.echoes
    ann.types("secret\n")
    ann.ends()
    given_back(ann)


def test_without_a_terminal_nothing_is_touched(tmp_path: Path) -> None:
    environment = {"IR_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path(ir.__file__).parents[1])}
    done = subprocess.run(script("print(tty_guard.holds())"), env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.stdout == b"False\n" and not (tmp_path / "home").exists()
