"""How much lighter is a newcomer's start than it was at a given commit?

    python -m benchmarks.light_start [--against COMMIT] [--ratios drill,small,tests,common] [--pairs N] [--pip] [--warm]

Clones this checkout's last commit and the given one, side by side, and lets each make its environment anew, in turn:

    drill   from clone to the last line of `make drill`: seconds, and the bytes of its `.venv`
    small   the bytes of `.venv` after `make drill STORES=aws,env`, against the other commit's whole drill
    tests   seconds of `make test`, its environment made beforehand; each takes minutes
    common  the same for the tests that both have, by name and parameters, each with as many processes as its own `make test`

Both begin with what the installer keeps of earlier downloads: a first set-up of each is not counted, nor made with `--warm`.
Bytes are what the files take on disk, as `du` counts them. The median of the pairs is judged.

Exit code 0: each measured ratio is within its limit, 1: one is not.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import running

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"bytes": 0.55, "seconds": 0.6, "bytes without Vault": 0.3, "seconds of make test": 0.55, "seconds of common tests": 0.55}
DRILL, SMALL, TEST = ("drill",), ("drill", "STORES=aws,env"), ("test",)
SOME_FAILED, NOTHING_RAN = 1, 5
"""Exit codes of pytest."""


@dataclass(eq=False)
class Side:
    """One of the two commits, cloned anew for each measurement.

    Attributes:
        name: as it is shown.
        folder: where it is cloned to.
        environment: of `git` and `make`.
        found: what was measured, by the names of `LIMITS`.
    """

    name: str
    commit: str
    folder: Path
    environment: dict[str, str]
    found: dict[str, list[float]] = field(default_factory=dict)

    def clone(self) -> Path:
        """A fresh clone; nothing of an earlier one is left."""
        target = self.folder / self.name
        shutil.rmtree(target, ignore_errors=True)
        run(["git", "clone", "--quiet", str(ROOT), str(target)], self.folder, self.environment)
        run(["git", "checkout", "--quiet", self.commit], target, self.environment)
        return target

    def make(self, target: Path, *goals: str) -> None:
        """`make` in the clone."""
        run(["make", *goals], target, self.environment)

    def drill(self) -> None:
        """From clone to the last line of the drill."""
        began = time.monotonic()
        target = self.clone()
        self.make(target, *DRILL)
        self.note("seconds", time.monotonic() - began)
        self.note("bytes", on_disk(target / ".venv"))

    def small(self) -> None:
        """A drill without Vault."""
        target = self.clone()
        self.make(target, *SMALL)
        self.note("bytes without Vault", on_disk(target / ".venv"))

    def tests(self) -> None:
        """The tests, once what they need is there."""
        target = self.ready()
        began = time.monotonic()
        self.make(target, *TEST)
        self.note("seconds of make test", time.monotonic() - began)

    def ready(self) -> Path:
        """A clone that can run its tests."""
        target = self.clone()
        self.make(target, ".venv/.develop")
        return target

    def pytest(self, target: Path, *words: str, **variables: str) -> str:
        """Its tests, with our plugin; the last line. That a test fails is told by it, and ends nothing."""
        ours = {"PYTHONPATH": str(ROOT / "benchmarks"), "PYTHONDONTWRITEBYTECODE": "", **variables}
        argv = [str(target / ".venv" / "bin" / "python"), "-m", "pytest", "-p", "common_tests", *words]
        return run(argv, target, self.environment | ours, fine=(0, SOME_FAILED, NOTHING_RAN))

    def listed(self, target: Path) -> list[tuple[str, str]]:
        """File, and name with parameters, of each of its tests."""
        file = self.folder / f"{self.name}.tests"
        self.pytest(target, "--collect-only", TESTS_TO_LIST=str(file))
        rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
        return [(file, name) for file, name in rows]

    def common(self, target: Path, rows: list[tuple[str, str]]) -> None:
        """The listed tests alone."""
        file = self.folder / f"{self.name}.tests"
        file.write_text("\n".join("\t".join(row) for row in rows), encoding="utf-8")
        processes = re.findall(r"pytest (-n \d+ --dist \w+)", (target / "Makefile").read_text(encoding="utf-8"))[0]
        began, used = time.monotonic(), processor_time()
        last = self.pytest(target, *processes.split(), TESTS_TO_RUN=str(file))
        self.note("seconds of common tests", time.monotonic() - began)
        print(f"        {last}; {processor_time() - used:.0f} s of processor time", flush=True)

    def note(self, what: str, value: float) -> None:
        """Keep a measurement, and show it."""
        self.found.setdefault(what, []).append(value)
        print(f"  {self.name:<5} {what:<22} {shown(what, value)}", flush=True)


def run(argv: list[str], folder: Path, environment: dict[str, str], fine: tuple[int, ...] = (0,)) -> str:
    """A program that has to end with one of these codes; the last line of what it printed."""
    with (folder.parent / "last.log").open("w+", encoding="utf-8") as log:
        with running.started(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT) as child:
            ended = child.wait()
        if ended not in fine:
            log.seek(0)
            sys.exit(f"{' '.join(argv)} ended with {ended}\n{log.read()[-3000:]}")
        log.seek(0)
        return (log.read().splitlines() or [""])[-1]


def processor_time() -> float:
    """Seconds that the programs which have ended took, and all that they waited for; other work on the machine has little part in it."""
    took = os.times()
    return took.children_user + took.children_system


def on_disk(folder: Path) -> float:
    """What the files take, each once."""
    found = {(one.st_dev, one.st_ino): one.st_blocks * 512 for one in (path.lstat() for path in folder.rglob("*"))}
    return float(sum(found.values()))


def shown(what: str, value: float) -> str:
    """With its unit."""
    return f"{value / 1e6:7.0f} MB" if what.startswith("bytes") else f"{value:7.1f} s"


def environment(state: Path, *, pip: bool) -> dict[str, str]:
    """Ours, without what belongs to the environment that this runs in."""
    own = {"PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return kept | {"XDG_STATE_HOME": str(state)} | ({"IR_INSTALLER": "pip"} if pip else {})


def warm_up(sides: tuple[Side, ...]) -> None:
    """Fill the installers' caches."""
    print("a first set-up of both, not counted", flush=True)
    for side in sides:
        side.make(side.clone(), *DRILL)


def measure(before: Side, now: Side, ratios: set[str], pairs: int) -> None:
    """Each pair in turn, so that a slow moment of the machine hits both."""
    for _ in range(pairs):
        if ratios & {"drill", "small"}:
            before.drill()
        if "drill" in ratios:
            now.drill()
        if "small" in ratios:
            now.small()
        if "tests" in ratios:
            before.tests()
            now.tests()


def measure_common(before: Side, now: Side, pairs: int) -> None:
    """The tests that both have, in turn. A test is known by its name and parameters, not by its file, since files move."""
    sides = {side: side.ready() for side in (before, now)}
    listed = {side: side.listed(target) for side, target in sides.items()}
    both = set.intersection(*({name for _, name in rows} for rows in listed.values()))
    print(f"  {len(both)} tests are in both", flush=True)
    for _ in range(pairs):
        for side, target in sides.items():
            side.common(target, [row for row in listed[side] if row[1] in both])


def judge(before: Side, now: Side) -> int:
    """Print each ratio against its limit."""
    bad = 0
    for what, values in now.found.items():
        base, mine = statistics.median(before.found["bytes" if what.startswith("bytes") else what]), statistics.median(values)
        ratio, limit = mine / base, LIMITS[what]
        bad += ratio > limit
        verdict = "FAIL" if ratio > limit else "PASS"
        print(f"{verdict}  {what}: {shown(what, mine).strip()} of {shown(what, base).strip()}, ratio {ratio:.2f}, limit {limit}")
    return int(bad > 0)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", default="0499693", help="the commit to compare with")
    parser.add_argument("--ratios", default="drill,small,tests", help="some of drill, small, tests, common")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--pip", action="store_true", help="install with pip though uv is there")
    parser.add_argument("--warm", action="store_true", help="the caches are filled already")
    asked = parser.parse_args()
    ratios = set(asked.ratios.split(","))
    if ratios - {"drill", "small", "tests", "common"} or asked.pairs < 1:
        parser.error("--ratios: some of drill, small, tests, common; --pairs: at least 1")
    with tempfile.TemporaryDirectory(prefix="ir-light-start-") as name:
        scratch = Path(name)
        (scratch / "state").mkdir()
        (scratch / "clones").mkdir()
        clean = environment(scratch / "state", pip=asked.pip)
        before, now = (Side(label, commit, scratch / "clones", clean) for label, commit in (("then", asked.against), ("now", "HEAD")))
        if ratios & {"drill", "small"} and not asked.warm:
            warm_up((before, now))
        measure(before, now, ratios, asked.pairs)
        if "common" in ratios:
            measure_common(before, now, asked.pairs)
        return judge(before, now)


if __name__ == "__main__":
    running.run(main)
