"""Plants faults in our own code, one by one, each in a copy of the tree: `python -m tests.hardening.mutants [WORD…]`.

Prints a table; exit 1 when a fault slips past the tests that should notice it, when its place in the code is gone or no
longer the only one of its kind, or when those tests fail without it.

Each run of tests is a fork of this process, which has loaded pytest and the libraries once: to load them is most of what a short
run costs. A fork imports `ir` and `tests` from its own copy of the tree.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tests.hardening.planted import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("ir", "tests", "docs", "playbooks", "templates", "pyproject.toml", "inventory.example.yaml")
_SIDE_BY_SIDE = 2
_PATIENCE = 600.0
"""Seconds after which tests that do not end count as noticing: a fault may well make something wait for ever."""
_LIBRARIES = (
    "cryptography.x509",
    "dbos",
    "duckdb",
    "hypothesis.stateful",
    "jinja2",
    "pydantic",
    "rich.live",
    "sqlalchemy",
    "stripe",
    "typer",
)
_OURS = ("ir", "tests")
_LOADED_ALREADY = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
"""Only plugins of pytest are rewritten, and their own assertions are not what a test says."""


def planted(mutant: Mutant, root: Path = ROOT) -> str:
    """The text of its file with the fault in it, "" when its place is gone or ambiguous."""
    text = (root / mutant.file).read_text(encoding="utf-8")
    return text.replace(mutant.old, mutant.new) if text.count(mutant.old) == 1 else ""


@dataclass
class Run:
    """Tests under way in a copy of the tree; ends with the process group that they began."""

    name: str
    folder: tempfile.TemporaryDirectory[str]
    pid: int
    began: float

    def ended(self) -> tuple[str, str] | None:
        """`caught`, `SURVIVED` or `BROKEN` (the tests did not even run), and by which test; None: not yet."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        hangs = not pid and time.monotonic() - self.began > _PATIENCE
        if not pid and not hangs:
            return None
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if hangs:
            os.waitpid(self.pid, 0)
        said = (Path(self.folder.name) / "said").read_text(encoding="utf-8", errors="replace")
        self.folder.cleanup()
        return ("caught", "(it hangs)") if hangs else _told(os.waitstatus_to_exitcode(status), said)


def _told(code: int, said: str) -> tuple[str, str]:
    if code == pytest.ExitCode.TESTS_FAILED:
        failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return "caught", failed[0].partition(" ")[2].partition(" - ")[0] if failed else "?"
    return ("SURVIVED", "") if code == pytest.ExitCode.OK else ("BROKEN", said[-400:])


def begun(name: str, tests: tuple[str, ...], mutant: Mutant | None = None) -> Run:
    """Tests in a copy of the tree of their own, with a fault in it or as it is."""
    folder = tempfile.TemporaryDirectory(prefix="ir-mutant-", ignore_cleanup_errors=True)
    tree = _copied(Path(folder.name) / "tree")
    if mutant is not None:
        (tree / mutant.file).write_text(planted(mutant), encoding="utf-8")
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = _in_the_fork(tree, tests)
        finally:
            os._exit(code)
    return Run(name, folder, pid, time.monotonic())


def _in_the_fork(tree: Path, tests: tuple[str, ...]) -> int:
    """The fork: nothing of `ir` and `tests` that this process has loaded is left to it."""
    os.setsid()
    os.chdir(tree)
    with (tree.parent / "said").open("w") as said, Path(os.devnull).open() as nothing:
        for source, handle in ((nothing, 0), (said, 1), (said, 2)):
            os.dup2(source.fileno(), handle)
    os.environ.update(PYTHONPATH=str(tree), PYTHONDONTWRITEBYTECODE="1", HYPOTHESIS_PROFILE="mutants")
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(tree))
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        del sys.modules[name]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", _LOADED_ALREADY]
    code = pytest.main([*options, *tests])
    sys.stdout.flush()
    return int(code)


def _copied(tree: Path) -> Path:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    return tree


def results(chosen: list[Mutant]) -> Iterator[tuple[str, str, str]]:
    """Name, how it went, and by which test, as they end."""
    waiting, under_way = deque(chosen), list[Run]()
    while waiting or under_way:
        while waiting and len(under_way) < _SIDE_BY_SIDE:
            mutant = waiting.popleft()
            if planted(mutant):
                under_way.append(begun(mutant.name, mutant.tests, mutant))
            else:
                yield mutant.name, "GONE", ""
        for run in list(under_way):
            if (found := run.ended()) is not None:
                under_way.remove(run)
                yield run.name, *found
        time.sleep(0.1)


def sound(mutants: list[Mutant]) -> tuple[str, str]:
    """`passes`, or how the tests fail on the tree as it is: then what they catch means nothing."""
    run = begun("", tuple(dict.fromkeys(test for mutant in mutants for test in mutant.tests)))
    while (found := run.ended()) is None:
        time.sleep(0.1)
    return ("passes", "") if found[0] == "SURVIVED" else ("FAILS", found[1])


def main(words: list[str]) -> int:
    """Try all mutants, or those whose name holds one of the words."""
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    began = time.monotonic()
    for library in _LIBRARIES:
        import_module(library)
    width = max(len(m.name) for m in chosen)
    how, by = sound(chosen)
    bad = int(how != "passes")
    sys.stdout.write(f"{'(no fault)':<{width}}  {how:<8}  {by}\n")
    caught = 0
    for name, how, by in results(chosen):
        caught += how == "caught"
        sys.stdout.write(f"{name:<{width}}  {how:<8}  {by}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{caught} of {len(chosen)} caught in {time.monotonic() - began:.0f} s\n")
    return int(bool(bad) or caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
