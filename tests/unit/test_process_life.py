"""A command ends at once: all that it told arrives, what is to be done at the exit is done, and nothing is taken down piece by piece."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WATCHED = """
import atexit, os, sys
import ir.cli
class Thing:
    def __del__(self): os.write(2, b"taken down ")
kept = Thing()
run = ir.cli.run
def told(argv):
    atexit.register(lambda: print("done at the exit"))
    return %s
ir.cli.run = told
ir.cli.main()
"""


def ended(returns: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", WATCHED % returns, "--version"]
    return subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize(
    ("returns", "code"),
    [("run(argv)", 0), ("7", 7), ("sys.exit(5)", 5), ("sys.stdout.write('told') and 4", 4)],
)
def test_a_command_ends_at_once_with_its_code_and_all_that_it_told(returns: str, code: int) -> None:
    done = ended(returns)
    assert done.returncode == code
    assert done.stdout.endswith("done at the exit\n")
    assert "told" not in returns or done.stdout.startswith("told")
    assert done.stderr == ""


def test_an_end_that_is_not_ours_is_left_to_python() -> None:
    """The traceback of a bug, and what a library says with its end."""
    done = ended("[][0]")
    assert done.returncode == 1
    assert "unexpected IndexError" in done.stderr
    done = ended("sys.exit('words')")
    assert done.returncode == 1
    assert "words" in done.stderr


def test_an_output_that_is_full_is_no_good_end() -> None:
    """Python ends the process, with the exit code that it has for this."""
    with Path("/dev/full").open("w") as full:
        done = ended("0", full.fileno())
    assert done.returncode == 120
