"""Whoever mistypes finds the way: `-h`, `ir help`, the nearest help page, completion in three shells, a man page."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs import man_page
from ir.cli.command_table import COMMANDS
from ir.core.errors import ExitCode
from ir.core.secret import Secret
from tests.programs import FISH, GROFF, ZSH
from tests.worlds.desk import Desk

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("COLUMNS", "200")
    return Desk(capsys)


@pytest.mark.parametrize(
    "words", [(), ("rotate",), ("rotate", "stripe"), ("inventory", "check"), ("rules",), ("rules", "show"), ("status",)]
)
def test_three_ways_to_one_help_page(words: tuple[str, ...], desk: Desk) -> None:
    code, page = desk(*words, "--help")
    assert code == ExitCode.DONE and page.startswith(f"Usage: {' '.join(['ir', *words])} ")
    assert desk(*words, "-h") == (code, page)
    assert desk("help", *words) == (code, page)


@pytest.mark.parametrize(
    ("words", "meant", "page"),
    [
        (("rotate", "strip"), "`ir rotate stripe`", "ir rotate --help"),
        (("help", "rotate", "strip"), "`ir rotate stripe`", "ir rotate --help"),
        (("rotat", "stripe"), "`ir rotate`", "ir --help"),
        (("statsu",), "`ir status`", "ir --help"),
        (("inventory", "graf"), "`ir inventory graph`", "ir inventory --help"),
        (("rotate", "stripe", "--polcy", "exposed"), "--policy", "ir rotate stripe --help"),
        (("contain", "--inventry", "x"), "--inventory", "ir contain --help"),
        (("evidence", "verify"), "`ir verify`", "ir evidence --help"),
        (("drift",), "`ir inventory drift`", "ir --help"),
        (("xyzzy",), "", "ir --help"),
    ],
)
def test_a_mistyped_word_is_told_with_what_it_may_mean_and_the_nearest_page(
    words: tuple[str, ...], meant: str, page: str, desk: Desk
) -> None:
    code, said = desk(*words)
    assert code == ExitCode.USAGE and f"next: {page}\n" in said, said
    assert meant in said and (meant or "did you mean" not in said), said


def test_a_group_without_a_command_names_its_own_page(desk: Desk) -> None:
    assert desk("inventory")[1].endswith("Try `ir inventory --help`.\n")


# ── completion ──


def completed(shell: str, line: str) -> list[str]:
    """What a shell is offered for a line that ends where the cursor stands."""
    words = line.split(" ")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    env = {**kept, **asked, "_IR_COMPLETE": f"complete_{shell}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "ir.cli"], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_and_options_are_completed_and_a_key_is_repeated_nowhere(shell: str) -> None:
    for line, offered in [("ir rota", "rotate"), ("ir inventory dr", "drift"), ("ir rotate stripe --leaked-k", "--leaked-key-from")]:
        found = completed(shell, line)
        assert len(found) == 1 and offered in found[0], (line, found)
    key = Secret("sk_" + "live_" + "Zq9" * 12)
    for line in (f"ir rotate stripe {key.reveal()}", f"ir contain {key.reveal()} --in"):
        assert key.reveal() not in "".join(completed(shell, line))


def test_completing_a_command_imports_none() -> None:
    """The names stand in the table; with all commands it would take a second at every press of the key."""
    code = (
        "import sys, ir.cli, typer; sys.argv = ['ir']\n"
        "try: ir.cli.main()\n"
        "except SystemExit: print(sorted(m for m in sys.modules if m.startswith(('sqlalchemy', 'stripe', 'dbos', 'ir.cli.r'))))"
    )
    env = {"PATH": os.environ["PATH"], "COMP_WORDS": "ir ", "COMP_CWORD": "1", "_IR_COMPLETE": "complete_bash", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [*COMMANDS, "[]"]


@pytest.mark.parametrize("shell", ["bash", pytest.param("zsh", marks=ZSH.needed), pytest.param("fish", marks=FISH.needed)])
def test_the_script_of_a_shell_can_be_had_and_is_right_for_that_shell(shell: str) -> None:
    """Typer finds the shell out by the process that calls it."""
    program = shutil.which(shell) or ""
    # A second command keeps the shell there: it would otherwise become the program itself.
    done = subprocess.run(
        [program, "-c", f"{sys.executable} -m ir.cli --show-completion; true"], capture_output=True, text=True, check=True
    )
    assert f"complete_{shell}" in done.stdout
    assert subprocess.run([program, "-n"], input=done.stdout, text=True, check=False).returncode == 0


# ── the man page ──


def test_the_man_page_is_fresh_and_tells_every_command() -> None:
    page = man_page.FILE.read_text(encoding="utf-8")
    assert page == man_page.page(), "run `make docs`"
    leaves = [(name, inner) for name, row in COMMANDS.items() if isinstance(row, dict) for inner in row]
    for words in (
        *leaves,
        *((name,) for name, row in COMMANDS.items() if not isinstance(row, dict) and name != "rules"),
        ("rules", "show"),
    ):
        assert f".SS ir {' '.join(words)} ".replace("-", "\\-") in page, words


@GROFF.needed
def test_the_man_page_is_what_man_understands() -> None:
    done = subprocess.run([GROFF.path, "-man", "-Tutf8", "-ww", "-Kutf8", str(man_page.FILE)], capture_output=True, text=True, check=True)
    assert done.stderr == "" and "interrupted; `ir resume` goes on" in done.stdout
