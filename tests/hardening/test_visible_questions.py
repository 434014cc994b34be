"""A key at a question that is shown: none of it is echoed, none is kept, the person is told, and the question is asked again."""

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ir
from tests.worlds.person import Person, person

ASKS = """
import sys
from ir.cli.terminal import tty_guard
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.ports import Irreversible
with tty_guard.armed():
    ann = Terminal(Screen(), name="ann", yes=False)
    took = {
        "yes or no": lambda: ann.confirm("Go on?"),
        "name": lambda: ann.confirm_by_name(Irreversible("It dies.", "payments", "the name,")),
        "choice": lambda: ann.choose("Which one?", ("again", "lost")),
        "text": lambda: ann.ask("Whose word is it? Name:"),
    }[sys.argv[1]]()
    print("took", took, flush=True)
"""
QUESTIONS = {"yes or no": "[y/N]", "name": "or n:", "choice": "(again | lost)", "text": "Name:"}
ANSWERS = {"yes or no": ("y", "True"), "name": ("payments", "True"), "choice": ("lost", "lost"), "text": ("Ann Lee", "Ann Lee")}
SLOW, BREAK = 0.004, 0.1
"""Seconds between two keys, and of a break in a paste: each piece comes by itself."""


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Person]:
    environment = {"PATH": os.environ["PATH"], "IR_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path(ir.__file__).parents[1])}
    with person(tmp_path, environment, forked=True) as made:
        yield made


def key() -> str:
    return "sk" + "_live_51" + secrets.token_urlsafe(72).replace("-", "x").replace("_", "y")


def asked(who: Person, kind: str) -> int:
    who.runs(sys.executable, "-c", ASKS, kind)
    at = who.sees(QUESTIONS[kind])
    who.until_echo(on=True)
    return at


def pieced(who: Person, pieces: list[str], pause: float = SLOW) -> None:
    for one in pieces:
        who.types(one)
        time.sleep(pause)


def asked_again(who: Person, kind: str, at: int, value: str) -> None:
    """And answered this time; of the key no eight characters in a row ever stood on the screen, nor in what the shell would read."""
    told = who.sees("may be a key", after=at)
    who.sees(QUESTIONS[kind], after=told)
    who.until_echo(on=True)
    answer, took = ANSWERS[kind]
    who.types(answer + "\n")
    who.sees(f"took {took}", after=told)
    assert who.ends() == 0
    assert who.modes() == who.before
    assert who.left() == b""
    unseen(who, value)


def unseen(who: Person, value: str) -> None:
    body = value.rpartition("_")[2]
    seen = bytes(who.screen)
    assert not [body[at : at + 8] for at in range(len(body) - 7) if body[at : at + 8].encode() in seen], who.shown()


def each(value: str, size: int = 1) -> list[str]:
    return [value[at : at + size] for at in range(0, len(value), size)]


WAYS: dict[str, tuple[float, Callable[[str], list[str]]]] = {
    "in one piece": (0.0, lambda value: [value]),
    "with Enter": (0.0, lambda value: [value + "\n"]),
    "with Enter twice": (0.0, lambda value: [value + "\n\n"]),
    "key by key": (SLOW, lambda value: each(value + "\n")),
    "cut within its prefix": (BREAK, lambda value: [value[:2], value[2:] + "\n"]),
    "cut behind its prefix": (BREAK, lambda value: [value[:9], value[9:]]),
    "in small pieces": (SLOW, lambda value: each(value + "\n", 5)),
    "behind an answer": (0.0, lambda value: [f"ye{value}\n"]),
    "as a paste with marks": (0.0, lambda value: [f"\x1b[200~{value}\n\x1b[201~"]),
    "as a marked paste in pieces": (BREAK, lambda value: [f"\x1b[200~{value[:4]}", f"{value[4:]}\n", "\x1b[201~"]),
}
"""Seconds between two pieces, and the pieces."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_key_is_not_shown_and_not_taken_and_the_question_is_asked_again(ann: Person, kind: str, way: str) -> None:
    at, value = asked(ann, kind), key()
    pause, pieces = WAYS[way]
    pieced(ann, pieces(value), pause)
    asked_again(ann, kind, at, value)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_nor_is_a_part_of_a_key_without_its_beginning(ann: Person, kind: str) -> None:
    at, value = asked(ann, kind), key()
    ann.types(value[20:] + "\n")
    asked_again(ann, kind, at, value)


@pytest.mark.parametrize("prefix", ["rk_" + "test_", "whsec_", "mk_", "sk_" + "org_live_", "pk_" + "live_"])
def test_every_kind_of_key_is_known(ann: Person, prefix: str) -> None:
    at, value = asked(ann, "name"), prefix + key()[8:40]
    ann.types(value + "\n")
    asked_again(ann, "name", at, value)


def test_what_stood_there_of_it_is_said_and_taken_away(ann: Person) -> None:
    at = asked(ann, "yes or no")
    ann.types("sk")
    ann.sees("sk", after=at)
    ann.types("_live_51abcdefgh\n")
    ann.sees("The first 2 characters of it stood here for", after=at)


def test_a_key_that_comes_with_an_answer_before_it_is_thrown_away_unseen(ann: Person) -> None:
    at, value = asked(ann, "yes or no"), key()
    ann.types(f"n\n{value}\n")
    ann.sees("took False", after=at)
    assert ann.ends() == 0
    assert ann.left() == b""
    unseen(ann, value)


def test_after_three_keys_there_is_no_answer(ann: Person) -> None:
    at, values = asked(ann, "name"), [key() for _ in range(3)]
    for value in values:
        ann.until_echo(on=True)
        ann.types(value + "\n")
        at = ann.sees("may be a key", after=at)
    ann.sees("took False", after=at)
    assert ann.ends() == 0
    for value in values:
        unseen(ann, value)


# ── a line is edited as before ──


@pytest.mark.parametrize(
    ("typed", "took"),
    [
        ("paymentz\x7fs\n", "True"),
        ("x\x15payments\n", "True"),
        ("my payments\x17\x17payments\n", "True"),
        ("pay\x1b[Dments\n", "True"),
        ("\x1b[200~payments\n\x1b[201~\n", "True"),
        ("n\n", "False"),
        ("\n", "False"),
        ("\x04", "False"),
    ],
)
def test_a_line_is_edited(ann: Person, typed: str, took: str) -> None:
    at = asked(ann, "name")
    pieced(ann, list(typed))
    ann.sees(f"took {took}", after=at)
    assert ann.ends() == 0
    assert ann.modes() == ann.before


def test_enter_within_a_paste_is_no_answer(ann: Person) -> None:
    at = asked(ann, "name")
    ann.types("\x1b[200~payments\n\x1b[201~")
    ann.sees("payments", after=at)
    time.sleep(0.2)
    assert "took" not in ann.shown(at)
    ann.types("\n")
    ann.sees("took True", after=at)
    assert ann.ends() == 0


def test_a_name_beyond_ascii_is_shown_and_taken(ann: Person) -> None:
    at = asked(ann, "text")
    ann.types("Zoë Łu")
    ann.sees("Zoë Łu", after=at)
    ann.types("\x7f\x7fÅs\n")
    ann.sees("took Zoë Ås", after=at)
    assert ann.ends() == 0


@pytest.mark.parametrize(("letter", "code"), [("c", 130), ("\\", -3)])
def test_the_keys_of_signals_work_while_a_line_is_typed(ann: Person, letter: str, code: int) -> None:
    at = asked(ann, "name")
    ann.types("pay")
    ann.sees("pay", after=at)
    ann.presses(letter)
    ended = ann.ends()
    assert ended in (code, 1, -2), ann.shown()
    assert ann.modes() == ann.before and ann.left() == b""


def test_ctrl_z_and_fg_leave_the_line_as_it_was(ann: Person) -> None:
    at = asked(ann, "name")
    ann.types("pay")
    ann.sees("pay", after=at)
    ann.presses("z")
    ann.stops()
    assert ann.modes() == ann.before and ann.screen.count(b"\x1b[?2004l") == 1
    ann.brings_back()
    at = ann.sees("or n: pay", after=at)
    ann.until_echo(on=True)
    ann.types("ments\n")
    ann.sees("took True", after=at)
    assert ann.ends() == 0


def test_pastes_are_marked_only_while_a_question_is_open(ann: Person) -> None:
    asked(ann, "name")
    assert ann.screen.count(b"\x1b[?2004h") == 1 and ann.screen.index(b"\x1b[?2004h") < ann.screen.index(b"or n:")
    ann.types("n\n")
    assert ann.ends() == 0
    assert ann.screen.count(b"\x1b[?2004l") == 1
