"""Plants faults in our own code, one by one, each in a copy of the tree: `python -m tests.hardening.mutants [WORD…]`.

Prints a table; exit 1 when a fault slips past the tests that should notice it, when its place in the code is gone or no
longer the only one of its kind, or when those tests fail without it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.hardening.planted import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("ir", "tests", "playbooks", "templates", "pyproject.toml", "inventory.example.yaml")
_SIDE_BY_SIDE = 2
_PATIENCE = 600.0
"""Seconds after which tests that do not end count as noticing: a fault may well make something wait for ever."""


def planted(mutant: Mutant, root: Path = ROOT) -> str:
    """The text of its file with the fault in it, "" when its place is gone or ambiguous."""
    text = (root / mutant.file).read_text(encoding="utf-8")
    return text.replace(mutant.old, mutant.new) if text.count(mutant.old) == 1 else ""


def tried(mutant: Mutant) -> tuple[str, str]:
    """`caught`, `SURVIVED`, `GONE` or `BROKEN` (the tests did not even run), and by which test."""
    text = planted(mutant)
    if not text:
        return "GONE", ""
    with tempfile.TemporaryDirectory(prefix="ir-mutant-") as folder:
        tree = _copied(Path(folder))
        (tree / mutant.file).write_text(text, encoding="utf-8")
        return _run(tree, mutant.tests)


def sound(mutants: list[Mutant]) -> tuple[str, str]:
    """`passes`, or how the tests fail on the tree as it is: then what they catch means nothing."""
    tests = dict.fromkeys(test for mutant in mutants for test in mutant.tests)
    with tempfile.TemporaryDirectory(prefix="ir-mutant-") as folder:
        how, by = _run(_copied(Path(folder)), tuple(tests))
    return ("passes", "") if how == "SURVIVED" else ("FAILS", by)


def _copied(tree: Path) -> Path:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    return tree


def _run(tree: Path, tests: tuple[str, ...]) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    settings = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "mutants"}
    try:
        ran = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "caught", "(it hangs)"
    if ran.returncode == 1:
        failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return "caught", failed[0].partition(" ")[2].partition(" - ")[0].rpartition("::")[2] if failed else "?"
    return ("SURVIVED", "") if ran.returncode == 0 else ("BROKEN", ran.stdout[-200:] + ran.stderr[-200:])


def main(words: list[str]) -> int:
    """Try all mutants, or those whose name holds one of the words."""
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    began = time.monotonic()
    width = max(len(m.name) for m in chosen)
    how, by = sound(chosen)
    bad = int(how != "passes")
    sys.stdout.write(f"{'(no fault)':<{width}}  {how:<8}  {by}\n")
    caught = 0
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for mutant, (how, by) in zip(chosen, pool.map(tried, chosen), strict=True):
            caught += how == "caught"
            sys.stdout.write(f"{mutant.name:<{width}}  {how:<8}  {by}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{caught} of {len(chosen)} caught in {time.monotonic() - began:.0f} s\n")
    return int(bool(bad) or caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
