"""What the tests can use and a machine lacks is said first, with the line that installs it and what is skipped without."""

import os
import subprocess
import sys
from pathlib import Path

from tests import programs
from tests.programs import PROGRAMS, Program

ROOT = Path(__file__).resolve().parents[2]


def on_a_bare_machine(**environment: str) -> "subprocess.CompletedProcess[str]":
    """The start of a test run where none of the programs is installed."""
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "tests/unit/test_model.py"]
    bare = {**kept, "PATH": "/nowhere", **environment}
    return subprocess.run(argv, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)


def test_the_run_begins_with_what_is_missing() -> None:
    told = on_a_bare_machine()
    lines = told.stdout.splitlines()
    assert told.returncode == 0
    assert lines[: len(PROGRAMS)] == [program.lacking for program in PROGRAMS]
    assert lines[len(PROGRAMS)].endswith(" ".join(program.package for program in PROGRAMS))


def test_under_ci_no_test_begins() -> None:
    told = on_a_bare_machine(CI="true")
    assert told.returncode == 4
    assert all(program.lacking in told.stderr for program in PROGRAMS)
    assert "test_model" not in told.stdout


def test_ci_installs_every_program() -> None:
    listed = (ROOT / ".ci" / "apt-packages.txt").read_text(encoding="utf-8").split()
    assert sorted(program.package for program in PROGRAMS) == sorted(listed)


def test_each_program_names_the_tests_that_need_it() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    named = {name: program for name, program in vars(programs).items() if isinstance(program, Program)}
    assert set(named.values()) == set(PROGRAMS)
    for name, program in named.items():
        assert program.files == tuple(sorted(path for path, text in texts.items() if f"{name}.needed" in text))
