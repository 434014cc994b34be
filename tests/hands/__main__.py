"""Many sessions: `python -m tests.hands --seed 1 --runs 300` (`make hands`); says what did not hold, and then ends with 1."""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from tests.hands.session import Ran, run_one
from tests.programs import CHROMIUM

_ONE_OF = 15
"""One session in so many goes through a browser: 20 of 300."""
_HEAD = """\
# Long runs

What `make test` runs in small numbers runs here in large ones; each row was appended by its own command. Head: the commit that was tested.

| date | head | command | seeds | result |
|---|---|---|---|---|
"""


def sessions(first: int, runs: int, jobs: int) -> Iterator[Ran]:
    """As they end."""
    mouse = bool(CHROMIUM.path)
    asked = [(first + n, mouse and n % _ONE_OF == 0) for n in range(runs)]
    with get_context("spawn").Pool(jobs, maxtasksperchild=25) as pool:  # a process leaves what it leaked behind
        yield from pool.imap_unordered(run_one, asked)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hands", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=4, help="sessions at a time; most of their time they wait")
    parser.add_argument("--append", type=Path, default=None, metavar="FILE", help="a page of long runs that gets a row")
    asked = parser.parse_args()
    began, ended, failed = time.monotonic(), Counter[str](), list[Ran]()
    for ran in sessions(asked.seed, asked.runs, asked.jobs):
        ended[f"{ran.story}{', by mouse' if ran.by_mouse else ''}"] += 1
        if ran.faults:
            failed.append(ran)
            _show(ran)
        sys.stdout.write(f"\r{ended.total()} of {asked.runs}, {len(failed)} failed ")
        sys.stdout.flush()
    seconds = time.monotonic() - began
    result = f"{len(failed)} of {asked.runs} failed" + (f": seeds {', '.join(str(ran.seed) for ran in failed)}" if failed else "")
    sys.stdout.write(f"\n{dict(sorted(ended.items()))}\n{result}, {seconds / 60:.0f} min\n")
    if asked.append is not None:
        by_mouse = sum(count for story, count in ended.items() if story.endswith("by mouse"))
        told = f"{result}; {by_mouse} through Chromium; {seconds / 60:.0f} min"
        _append(asked.append, f"make hands SEED={asked.seed} RUNS={asked.runs}", f"{asked.seed} to {asked.seed + asked.runs - 1}", told)
    return 1 if failed else 0


def _show(ran: Ran) -> None:
    sys.stdout.write(f"\nseed {ran.seed}, {ran.story}{', by mouse' if ran.by_mouse else ''}, {ran.seconds:.0f} s\n")
    for line in (*ran.log, *(f"DOES NOT HOLD: {fault}" for fault in ran.faults)):
        sys.stdout.write(f"  {line}\n")


def _append(page: Path, command: str, seeds: str, result: str) -> None:
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip() or "unknown"  # noqa: S607 - as a person's shell finds it
    if not page.exists():
        page.write_text(_HEAD, encoding="utf-8")
    with page.open("a", encoding="utf-8") as stream:
        stream.write(f"| {datetime.now(UTC):%Y-%m-%d} | {head} | `{command}` | {seeds} | {result} |\n")


if __name__ == "__main__":
    sys.exit(main())
