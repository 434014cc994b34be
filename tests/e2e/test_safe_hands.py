"""A badly timed person at a real terminal: types ahead, pastes early, interrupts, stops, has a second terminal.

Judged by the terminal's own state, the bytes that it showed, the bytes that are left in its queue, keys and exit codes.
"""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from tests.worlds.person import Person, person
from tests.worlds.responder import PLAYBOOK, Responder, ended, responder

PASTE = "sk_" + "test_" + "Pasted0Too1Early2" * 3
SLOW = PLAYBOOK.replace("soak: 0s", "soak: 3s")
NAME = "payments"
ROTATES = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml")
INTERRUPTED_EARLY = """
from ir.cli import main
from ir.cli.terminal import follow
def drive(runner, kept, world, operator, **_):
    next(iter(runner.follow(world.incident)))
    raise KeyboardInterrupt
follow.drive = drive
main()
"""

WHILE_PRINTING = """
from ir.cli import main
from ir.cli.terminal import follow
def shown(runner, kept, world, operator, **_):
    next(iter(runner.follow(world.incident)))
    try:
        raise KeyboardInterrupt
    finally:
        [].pop()
follow.follow = shown
main()
"""
"""What tidies a progress line up fails, since Ctrl-C came in the middle of it."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    with responder(tmp_path / "world") as made:
        yield made


@pytest.fixture
def ann(world: Responder) -> Iterator[Person]:
    with person(world.folder, world.environment, forked=True) as made:
        yield made


def begins(who: Person, world: Responder, *, slow: bool = False) -> None:
    """Up to the first change; the person has agreed to what the inventory runs, and to begin."""
    if slow:
        (world.folder / "quick.yaml").write_text(SLOW.format(policy=world.policy, contain=""))
    who.starts("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml")
    for question in ("[y/N]", "key dies. [y/N]"):
        who.sees(question)
        who.types("y\n")
    who.sees("incident INC-")


def in_safe_hands(who: Person) -> None:
    """The terminal is as it was, nothing that was typed is left for the shell, and no key ever stood on the screen."""
    assert who.modes() == who.before
    assert who.left() == b""
    assert PASTE.encode() not in who.screen and PASTE not in who.shown().replace(" ", "")


def incident(who: Person) -> str:
    return next(word for word in who.shown().split() if word.startswith("INC-"))


def test_what_is_typed_before_the_question_is_no_answer_and_no_ends_with_both_keys(world: Responder, ann: Person) -> None:
    begins(ann, world, slow=True)
    ann.sees("mint")
    ann.types(f"y\n{NAME}\n")
    asked = ann.sees("or n:")
    assert world.twin.is_alive(world.leaked), "what was typed during the wait killed the key"
    ann.types("y\n")
    ann.sees("or n:", after=ann.sees("not the name", after=asked))
    ann.types("n\n")
    assert ann.ends() == ExitCode.WAITING
    said = ann.shown(asked)
    name = incident(ann)
    assert "both keys work" in said and all(f"ir {word} {name}" in said for word in ("resume", "rollback", "abort"))
    assert "Press Enter" not in said and world.twin.is_alive(world.leaked) and len(world.live()) == 1
    in_safe_hands(ann)

    end = len(ann.shown())
    ann.starts("resume", name)
    ann.sees("or n:", after=end)
    ann.types(f"{NAME}\n")
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert not world.twin.is_alive(world.leaked)
    in_safe_hands(ann)


@pytest.mark.parametrize("ending", ["ctrl-c", "sighup"])
def test_a_key_pasted_while_it_works_is_neither_shown_nor_left_to_the_shell(world: Responder, ann: Person, ending: str) -> None:
    begins(ann, world, slow=True)
    ann.sees("stage")
    assert not ann.echoes
    ann.types(PASTE)
    if ending == "ctrl-c":
        ann.presses("c")
    else:
        ann.sends(signal.SIGHUP)
    ann.types(PASTE + "\n")
    assert ann.ends() == (ExitCode.INTERRUPTED if ending == "ctrl-c" else -signal.SIGHUP)
    in_safe_hands(ann)
    assert world.twin.is_alive(world.leaked)


def test_after_sigkill_the_next_command_puts_the_terminal_right(world: Responder, ann: Person) -> None:
    begins(ann, world, slow=True)
    ann.sees("stage")
    ann.types(PASTE)
    ann.sends(signal.SIGKILL)
    assert ann.ends() == -signal.SIGKILL and not ann.echoes
    ann.starts("status")
    ann.ends()
    in_safe_hands(ann)


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back(world: Responder, ann: Person) -> None:
    begins(ann, world, slow=True)
    ann.sees("stage")
    ann.types(PASTE)
    ann.presses("z")
    ann.stops()
    in_safe_hands(ann)
    ann.brings_back()
    ann.until_echo(on=False)
    ann.types(PASTE)
    asked = ann.sees("or n:")
    ann.until_echo(on=True)
    ann.presses("z")
    ann.stops()
    assert ann.modes() == ann.before
    ann.brings_back()
    ann.sees("or n:", after=asked)
    ann.until_echo(on=True)
    ann.types(f"{NAME}\n")
    assert ann.ends() == ExitCode.DONE, ann.shown()
    in_safe_hands(ann)
    assert world.is_whole() == ""


def test_of_several_terminals_the_first_answer_wins_and_the_others_say_whose_it_was(world: Responder, ann: Person) -> None:
    begins(ann, world)
    ann.sees("or n:")
    name = incident(ann)
    with person(world.folder, world.environment, forked=True) as bob, person(world.folder, world.environment, forked=True) as eve:
        bob.starts("approve", name, "--by", "bob")
        eve.starts("approve", name, "--by", "eve")
        bob.sees("or n:")
        eve.sees("or n:")
        bob.types(f"{NAME}\n")
        assert bob.ends() == ExitCode.DONE, bob.shown()
        eve.sees("bob has approved `retire` already")
        assert eve.ends() == ExitCode.DONE
        for other in (bob, eve):
            in_safe_hands(other)
    ann.sees("Answered at another terminal: bob")
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert {row["actor"] for row in world.recorded() if row["kind"] == "signal" and row["body"]["kind"] == "approve"} == {"bob"}
    in_safe_hands(ann)
    assert world.is_whole() == ""


def follows(who: Person, world: Responder, first: Person) -> int:
    """A second terminal shows the kill question of the first one, without being told which incident."""
    who.starts("status", "--follow")
    at = who.sees(f"process {first.pid}: type the key's name, {NAME}, to confirm, or n")
    at = who.sees("or n:", after=at)
    who.until_echo(on=True)
    return at


def test_a_terminal_that_follows_shows_the_open_question_and_its_answer_counts(world: Responder, ann: Person) -> None:
    begins(ann, world)
    ann.sees("or n:")
    with person(world.folder, world.environment, forked=True) as bob:
        follows(bob, world, ann)
        assert world.twin.is_alive(world.leaked)
        bob.types(f"{NAME}\n")
        ann.sees("Answered at another terminal")
        assert bob.ends() == ExitCode.DONE, bob.shown()
        in_safe_hands(bob)
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert [row["body"]["step"] for row in world.recorded() if row["kind"] == "signal" and row["body"]["kind"] == "approve"] == ["retire"]
    in_safe_hands(ann)
    assert world.is_whole() == ""


def test_where_the_first_terminal_answers_the_one_that_follows_says_who_did(world: Responder, ann: Person) -> None:
    begins(ann, world)
    ann.sees("or n:")
    with person(world.folder, world.environment, forked=True) as bob:
        at = follows(bob, world, ann)
        ann.types(f"{NAME}\n")
        bob.sees("Answered at another terminal", after=at)
        assert bob.ends() == ExitCode.DONE, bob.shown()
        assert "prove" in bob.shown(at)
        in_safe_hands(bob)
    assert ann.ends() == ExitCode.DONE, ann.shown()
    assert world.is_whole() == ""


def test_a_no_where_it_is_followed_leaves_the_question_open_where_it_is_asked(world: Responder, ann: Person) -> None:
    begins(ann, world)
    asked = ann.sees("or n:")
    with person(world.folder, world.environment, forked=True) as bob:
        at = follows(bob, world, ann)
        bob.types("n\n")
        bob.sees("stands open at that terminal", after=at)
        assert world.twin.is_alive(world.leaked) and "Answered" not in ann.shown(asked)
        ann.types("n\n")
        assert ann.ends() == ExitCode.WAITING
        assert bob.ends() == ExitCode.WAITING, bob.shown()
    assert world.twin.is_alive(world.leaked)


def test_status_knows_that_a_question_stands_open(world: Responder, ann: Person) -> None:
    begins(ann, world)
    ann.sees("or n:")
    (row,) = json.loads(world.ir("status", "--json")[1])["incidents"]
    assert row["state"].startswith("waiting for ") and row["question"]["said"].startswith("type the key's name")
    assert row["status"] == "running" and row["next"] == f"ir status {incident(ann)} --follow"
    ann.types(f"{NAME}\n")
    assert ann.ends() == ExitCode.DONE, ann.shown()
    (row,) = json.loads(world.ir("status", "--json")[1])["incidents"]
    assert (row["state"], row["question"]) == ("done", {})


def test_a_prompt_for_a_key_is_shown_where_it_is_followed_and_not_answered_there(tmp_path: Path) -> None:
    with responder(tmp_path / "world", guided=True) as world, person(world.folder, world.environment, forked=True) as ann:
        begins(ann, world)
        ann.sees("(not shown)")
        with person(world.folder, world.environment, forked=True) as bob:
            bob.starts("status", "--follow")
            at = bob.sees(f"process {ann.pid}: ")
            bob.sees("answered at that terminal", after=at)
            assert not bob.echoes
            bob.presses("c")
            assert bob.ends() == ExitCode.INTERRUPTED
            in_safe_hands(bob)
        ann.presses("c")
        assert ann.ends() == ExitCode.INTERRUPTED


def test_a_guided_rotation_takes_the_key_at_its_prompt_alone_and_shows_that_it_watches(tmp_path: Path) -> None:
    with responder(tmp_path / "world", guided=True) as world, person(world.folder, world.environment, forked=True) as ann:
        begins(ann, world)
        early = world.twin.create_secret_key("pasted too early").token.reveal()
        ann.types(early)
        asked = ann.sees("(not shown)")
        new = world.twin.create_secret_key("the replacement").token.reveal()
        ann.types(new + "\n")
        ann.sees("Taken", after=asked)
        ann.sees("leaked key alive", after=asked)
        ann.sees("or n:", after=asked)
        ann.until_echo(on=True)
        ann.types(f"{NAME}\n")
        told = ann.sees("is to be killed")
        ann.sees("leaked key alive", after=told)
        assert not ann.echoes
        world.twin.expire_in_dashboard(world.leaked)
        assert ann.ends() == ExitCode.DONE, ann.shown()
        assert early not in ann.shown() and new not in ann.shown()
        in_safe_hands(ann)
        assert all(new in file.read_text() for file in world.files)


@pytest.mark.parametrize("program", [INTERRUPTED_EARLY, WHILE_PRINTING], ids=["before it is followed", "while a line is printed"])
def test_ctrl_c_at_an_odd_moment_ends_the_process_all_the_same(world: Responder, program: str) -> None:
    """The engine has begun; nothing of it may act on behind a command that said that it was interrupted."""
    code, said = ended(world.start(*ROTATES, "--yes", program=("-c", program)), 30.0)
    assert code == ExitCode.INTERRUPTED and "interrupted" in said, said
    assert (told := ended(world.start("resume", "--yes")))[0] == ExitCode.DONE, told[1]
    assert world.is_whole() == ""
