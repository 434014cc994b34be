"""How long does `ir --help` take, against the least that a command line on Typer can take?

    python benchmarks/start_up.py [--runs N] [--venv FOLDER]

Builds the wheel, installs it with all its dependencies into a fresh virtual environment (an editable install would never
get its bytecode cached there), then starts `ir --help` and `python -c "import typer"` in turn, and compares the least
disturbed run of each: both in one run on one machine, so that only the ratio counts. It also looks at what `ir --help` has
imported.

Exit code 0: both hold, 1: one does not. With `--venv` the environment is kept there, and the next time only the wheel is new.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import running

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "ir-stripe"
LIMIT = 1.5
FORBIDDEN = (
    *("boto3", "botocore", "cryptography", "dbos", "duckdb", "httpx", "hvac", "jinja2"),
    *("pydantic", "requests", "rich", "sqlalchemy", "stripe"),
)
"""Vendor and other heavy libraries that no help text needs."""
LOADED = """
import json, sys
sys.argv = ["ir", "--help"]
try:
    from ir.cli import main
    main()
except SystemExit:
    pass
import ir
print(json.dumps([ir.__file__, sorted(sys.modules)]), file=sys.stderr)
"""


def install(folder: Path) -> Path:
    """The `bin` folder of a virtual environment with the wheel of this checkout, fresh unless there is one in `folder` already."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    wheels, python = folder / "wheels", folder / "venv" / "bin" / "python"
    if uv:
        run([uv, "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(ROOT)])
        if not python.exists():
            run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")])
        options = ["--quiet", "--compile-bytecode", "--reinstall-package", PROJECT, "--python", str(python)]
        run([uv, "pip", "install", *options, str(wheel(wheels))])
    else:
        if not python.exists():
            run([sys.executable, "-m", "venv", str(folder / "venv")])
        run([str(python), "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)])
        run([str(python), "-m", "pip", "install", "--quiet", str(wheel(wheels))])
        run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(wheel(wheels))])
    return python.parent


def wheel(folder: Path) -> Path:
    """The newest wheel in a folder."""
    return max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def run(argv: Sequence[str], *, quiet: bool = False) -> str:
    """Standard error (if `quiet`) of a program that has to succeed, run outside of the checkout, with bytecode cached as for any user."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}
    pipe = subprocess.PIPE if quiet else None
    with running.started(argv, cwd=tempfile.gettempdir(), env=env, stdout=pipe, stderr=pipe) as child:
        _, said = child.communicate()
    if child.returncode:
        sys.exit(f"{' '.join(argv)[:200]} ended with {child.returncode}\n{said or ''}")
    return said or ""


def measure(commands: Sequence[Sequence[str]], runs: int) -> list[list[float]]:
    """Seconds of each run of each command; in turn, so that a slow moment of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in commands]
    for number in range(runs + 2):
        for command, kept in zip(commands, seconds, strict=True):
            begun = time.perf_counter()
            run(command, quiet=True)
            if number >= 2:  # the first ones warm the file cache
                kept.append(time.perf_counter() - begun)
    return seconds


def loaded(bin_folder: Path) -> list[str]:
    """Forbidden libraries that `ir --help` has imported."""
    where, modules = json.loads(run([str(bin_folder / "python"), "-I", "-c", LOADED], quiet=True).splitlines()[-1])
    if not Path(where).is_relative_to(bin_folder.parent):
        sys.exit(f"measured the wrong `ir`: {where}")
    return [name for name in FORBIDDEN if name in modules]


def shown(name: str, seconds: Sequence[float]) -> str:
    """One row of the table."""
    return f"{name:<24} {min(seconds) * 1000:7.0f} {statistics.median(seconds) * 1000:7.0f} {max(seconds) * 1000:7.0f}"


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--venv", type=Path, help="folder that keeps the environment")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bin_folder = install(asked.venv.resolve() if asked.venv else Path(scratch))
        base, help_page = measure([[str(bin_folder / "python"), "-c", "import typer"], [str(bin_folder / "ir"), "--help"]], asked.runs)
        vendors = loaded(bin_folder)
    ratio = min(help_page) / min(base)
    print(f"{asked.runs} runs each, in turn, ms:      min  median     max")
    print(shown("python -c 'import typer'", base))
    print(shown("ir --help", help_page))
    print(f"{'PASS' if ratio <= LIMIT else 'FAIL'}  start-up ratio {ratio:.2f}, limit {LIMIT}")
    print(f"{'FAIL' if vendors else 'PASS'}  libraries imported for it that must not be: {', '.join(vendors) or 'none'}")
    return int(ratio > LIMIT or bool(vendors))


if __name__ == "__main__":
    running.run(main)
