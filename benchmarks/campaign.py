"""Do several workers share a campaign, what does a key cost, and does a killed worker lose or double anything?

    python benchmarks/campaign.py [--keys 200] [--workers 1 2 4] [--delay 0.1] [--small 10] [--no-kills] [--night 30]
    python benchmarks/campaign.py --keys 1000 --endure
    python benchmarks/campaign.py --night 1000 --no-campaigns

Real `ir worker` processes over one real PostgreSQL rotate the keys of a campaign: each key lies in a secret of its own (a real OpenBao),
three services use it, and every outward call to Stripe (the twin), the stores and the services takes 100 ms. Death, soak, quiet and
watch take no time; two incidents at a time per worker. Compared in one run:

* throughput of 2 and of 4 workers with that of one worker (at least 1.8 × and 3.0 ×);
* peak memory per worker (at most 400 MB); processor time per key is printed, and judged beside another version alone (see below);
* with workers killed at random and replaced: every key rotated once, nothing lost, nothing doubled, no service ever on a dead key;
* in simulated time (`benchmarks.night`, `--night 0` leaves it out): with soak, grace, quiet and watch as shipped, `--night` keys take one
  worker at most 1.5 × what one key takes alone, and 10 s a key;
* processor time per key in a campaign of `--small` keys and of all keys (flat: within 1.25 ×; 0 leaves it out).

Processor time is user and system time of the workers alone, from their first instruction on: start, imports, idle polling and the
making of an RSA key per incident included. Each campaign is preceded by two keys per worker in the same processes, so that the
comparison of sizes does not compare imports. `--python` names the interpreter of the workers, for an environment as users have it: this
project's own also holds what only its tests need, which some libraries import where they find it, and a Python that was built without
profile-guided optimisation costs a quarter more. What PostgreSQL, and what the world (this process and OpenBao), used is printed beside it
and not judged.

`--against PYTHON`: only this: campaigns of `--keys` keys with one worker, in turns with the workers of this environment and of that one, in
which the version to compare with is installed; `--pairs` of them, and the median of their ratios is at most 1.15. Name an environment
as users have it for both (`--python`): what only tests need slows the start of one of them. A busy machine makes keys slow, and so the
durable engine's own looks dearer, which count by the second; all else it does not change.

`--endure`: one campaign whose workers are killed at random, no figures judged, nothing may be lost. On a machine with fewer processors than
workers the ratio says more about the machine than about the workers; the share of the processors that was busy is printed with it.
Exit code 0: all of it holds, 1: something does not.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import running
from benchmarks.fleet import Fleet, Used, pace, used
from benchmarks.many_keys import Outages, furnish, source, wrong
from benchmarks.night import paced
from benchmarks.side_by_side import beside
from benchmarks.slow_world import SlowWorld, slow_world
from ir.core.model import Mode, Policy
from ir.drill.embedded.inventory_file import playbook as shortened
from ir.drill.embedded.options import Waits
from ir.drill.twin.keys import Key
from ir.evidence import checkpoints
from ir.fleet.agreed_work import agreed, by_key
from ir.fleet.campaign import ChildState, Limits
from ir.fleet.campaign_child import children_for
from ir.fleet.campaign_store import CampaignLedger
from ir.incident import playbook
from ir.incident.context import Options
from ir.runtime.app_state import database_address
from ir.storage import database, state_folder
from ir.storage.incident_index import IncidentIndex
from tests.worlds.postgres import Postgres, postgres

SERVICES = 3
WARM = 2
"""Keys per worker before anything is measured."""
WANTED = {2: 1.8, 4: 3.0}
MEMORY, FLAT = 400.0, 1.25
BETWEEN_KILLS = (3.0, 9.0)
"""Seconds from the moment when all workers are at work to the next kill."""
STUCK = 180.0
"""Seconds without an end of any child after which a campaign is given up, and judged as it stands."""


@dataclass(frozen=True)
class Ran:
    """One campaign.

    Attributes:
        seconds: from the first child's begin to the last one's end. used: meanwhile.
        cost: seconds of processor of all workers per key, from their start on, the keys that warmed them up included.
        memory: megabytes of the largest worker. calls: outward ones per key. pace: `fleet.pace` before and after.
    """

    workers: int
    keys: int
    seconds: float
    used: Used
    cost: float
    memory: float
    calls: float
    pace: tuple[float, float]
    wrong: list[str]
    killed: int

    @property
    def rate(self) -> float:
        """Keys per second."""
        return self.keys / self.seconds

    @property
    def warm(self) -> float:
        """Seconds of processor per key of workers that have begun before."""
        return self.used.workers / self.keys

    @property
    def busy(self) -> float:
        """Share of the machine's processors that was in use, by whomever."""
        return self.used.busy / self.used.whole

    def __str__(self) -> str:
        return f"{self.keys} keys, {self.workers} workers" + (f", {self.killed} killed" if self.killed else "")

    def figures(self) -> str:
        """Everything that was measured."""
        per_key = {
            "workers from their start on": self.cost,
            "workers once warm": self.warm,
            "PostgreSQL": self.used.database / self.keys,
            "the world": self.used.world / self.keys,
        }
        spent = ", ".join(f"{name} {1000 * cost:.0f}" for name, cost in per_key.items())
        return (
            f"{self}: {self.seconds:.1f} s, {self.rate:.2f} keys/s, {self.calls:.0f} calls per key, largest worker {self.memory:.0f} MB\n"
            f"    ms of processor per key: {spent}; processors busy {self.busy:.0%}\n"
            f"    a fixed piece of Python takes {self.pace[0]:.1f} ms before and {self.pace[1]:.1f} ms after"
        )


class Company:
    """Keys, a database of their own and workers; made anew for each campaign."""

    def __init__(self, world: SlowWorld, server: Postgres, folder: Path, keys: int, python: str) -> None:
        folder.mkdir()
        self.world, self.folder, self.made = world, folder, furnish(world, keys)
        self.app: Key = world.twin.create_app_key()
        _private(folder / "app.env", f"APP={self.app.token.reveal()}\n")
        _private(folder / "playbook.yaml", shortened(Policy.EXPOSED, Waits(soak=0, quiet=0, grace=0, watch=0, window=0)))
        state_folder.private(folder / "state")
        self.address = server.database()
        self.engine = database.open_engine(database_address(self.address))
        self.book = CampaignLedger(self.engine)
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "IR_HOME": str(folder / "state"), "IR_DATABASE_URL": self.address}
        self.fleet = Fleet(folder, env | {"VAULT_ADDR": world.vault, "VAULT_TOKEN": world.bao.token}, python)
        self.dice = random.Random(1)

    def rotate(self, name: str, keys: Sequence[str], *, kills: bool = False) -> float:
        """One campaign over these keys, from its opening to its end; returns the seconds in which children ran."""
        origin = source(self.world, self.folder, keys)
        book = playbook.load(str(self.folder / "playbook.yaml"))
        sign = by_key(checkpoints.own_signer(self.folder / "state"))  # what nobody signed is run by no worker
        every = children_for(origin, origin.inventory.keys, book, Options(yes=True))
        said = [(child, {**setting, "options": {"yes": True}}) for child, setting in every]  # another version may not know the others
        children = agreed([sign], name, "bench", said)
        self.book.open(name, "campaign", "bench", Limits(0, 0, 0, 0), {}, children)
        kill_at, ended, moved_at = 0.0, 0, time.monotonic()
        while (row := self.book.campaign(name)) and row["status"] != "done" and time.monotonic() < moved_at + STUCK:
            time.sleep(0.5)
            done = sum(bool(child.ended_at) for child in self.book.children(name))
            ended, moved_at = (done, time.monotonic()) if done > ended else (ended, moved_at)
            self.fleet.replace_dead()
            if not kills or len(self.book.workers.living()) < len(self.fleet.alive):
                continue
            kill_at = kill_at or time.monotonic() + self.dice.uniform(*BETWEEN_KILLS)
            if time.monotonic() > kill_at:
                self.fleet.kill_one(self.dice)
                kill_at = 0.0
        rows = self.book.children(name)
        return max((row.ended_at for row in rows), default=0.0) - min((row.began_at for row in rows if row.began_at), default=0.0)

    def wrong(self, outages: Outages) -> list[str]:
        """What does not hold."""
        states = [row.state for row in self.book.children()]
        undone = len(states) - states.count(ChildState.DONE)
        incidents = len(IncidentIndex(self.engine).rows())
        found = [f"{undone} children not done"] if undone else []
        found += [f"{self.fleet.died} workers ended by themselves"] if self.fleet.died else []
        return found + wrong(self.world, self.made, self.app, outages, incidents)

    def end(self) -> None:
        """No worker is left, and no key lives."""
        self.fleet.end()
        self.engine.dispose()
        for key in self.world.twin.live_keys():
            self.world.twin.expire_in_dashboard(key)


def campaign(
    world: SlowWorld, server: Postgres, folder: Path, keys: int, workers: int, *, kills: bool = False, python: str = sys.executable
) -> Ran:
    """Rotate that many new keys with that many workers, which run on that interpreter."""
    warming, before_all = WARM * workers, pace()
    company = Company(world, server, folder, keys + warming, python)
    fleet = company.fleet
    try:
        fleet.start(workers)
        while len(company.book.workers.living()) < workers:
            time.sleep(0.1)
        names = list(company.made)
        with Outages(world) as outages:
            company.rotate("CAM-warm", names[:warming])
            world.calls.clear()
            before = used(fleet, company.address)
            seconds = company.rotate("CAM-bench", names[warming:], kills=kills)
            spent = used(fleet, company.address).since(before)
        cost = fleet.spent() / (keys + warming)
        fleet.end()
        found = company.wrong(outages)
        return Ran(workers, keys, seconds, spent, cost, fleet.memory, len(world.calls) / keys, (before_all, pace()), found, fleet.killed)
    finally:
        company.end()


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


# ── judging ──


def whole(run: Ran) -> tuple[bool, str]:
    """Whether nothing was lost, doubled or interrupted."""
    return not run.wrong, f"{run}: every key once, no outage{': ' + '; '.join(run.wrong) if run.wrong else ''}"


def judge(runs: Sequence[Ran]) -> list[tuple[bool, str]]:
    """What must hold."""
    plain = {run.workers: run for run in runs if not run.killed}
    found = [whole(run) for run in runs]
    for count, wanted in WANTED.items():
        if 1 in plain and count in plain:
            ratio = plain[count].rate / plain[1].rate
            said = f"{count} workers: {ratio:.2f} × the throughput of one (at least {wanted}); processors busy {plain[count].busy:.0%}"
            found.append((ratio >= wanted, said))
    most = max(run.memory for run in runs)
    found.append((most <= MEMORY, f"peak memory of a worker {most:.0f} MB (at most {MEMORY:.0f})"))
    return found


def growth(small: Ran, large: Ran) -> list[tuple[bool, str]]:
    """Whether a key costs the same in a large campaign."""
    ratio = large.warm / small.warm
    said = f"a key of {large.keys} costs {ratio:.2f} × the processor time of a key of {small.keys} (at most {FLAT})"
    return [whole(small), (ratio <= FLAT, said)]


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--delay", type=float, default=0.1, help="seconds that each outward call takes")
    parser.add_argument("--small", type=int, default=10, help="keys of the campaign that the cost per key is compared with, 0 = none")
    parser.add_argument("--no-kills", action="store_true", help="leave out the campaign whose workers are killed")
    parser.add_argument("--endure", action="store_true", help="only the campaign whose workers are killed, and no figures")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the workers: of an environment in which ir is installed")
    parser.add_argument("--against", default="", metavar="PYTHON", help="interpreter of an environment with the version to compare with")
    parser.add_argument("--pairs", type=int, default=5, help="with --against")
    parser.add_argument("--night", type=int, default=30, help="keys of the night in simulated time, 0 = none")
    parser.add_argument("--no-campaigns", action="store_true", help="only the night in simulated time")
    asked = parser.parse_args()
    if asked.against:
        return _said([_compared(asked)], [])
    nights = paced(asked.night) if asked.night and not asked.endure else []
    return _said([] if asked.no_campaigns else _campaigns(asked), nights)


def _said(judged: list[tuple[bool, str]], nights: list[tuple[bool, str]]) -> int:
    for holds, said in [*judged, *nights]:
        print(f"{'PASS' if holds else 'FAIL'}  {said}")
    return 0 if all(holds for holds, _ in [*judged, *nights]) else 1


def _compared(asked: argparse.Namespace) -> tuple[bool, str]:
    """What a key costs here and there."""
    folder, stores = Path(tempfile.mkdtemp(prefix="ir-bench-")), asked.keys + WARM
    try:
        with slow_world(stores, stores * SERVICES, asked.delay, Mode.LIVE) as world, postgres() as server:
            world.twin.decide(world.note_stripe)

            def cost(python: str, number: int) -> float:
                ran = campaign(world, server, folder / str(number), asked.keys, 1, python=python)
                if ran.wrong:
                    raise SystemExit(f"{python}: {'; '.join(ran.wrong)}")
                return ran.cost

            return beside(cost, asked.python, asked.against, asked.pairs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _campaigns(asked: argparse.Namespace) -> list[tuple[bool, str]]:
    """Run them, and print what was measured."""
    most = max(asked.workers)
    plan = [] if asked.endure else [(asked.keys, count, False) for count in asked.workers]
    plan += [] if asked.no_kills and not asked.endure else [(asked.keys, most, True)]
    plan += [(asked.small, asked.workers[0], False)] if asked.small and not asked.endure else []
    stores = max(asked.keys, asked.small) + WARM * most
    folder, runs = Path(tempfile.mkdtemp(prefix="ir-bench-")), list[Ran]()
    try:
        with slow_world(stores, stores * SERVICES, asked.delay, Mode.LIVE) as world, postgres() as server:
            world.twin.decide(world.note_stripe)
            for number, (keys, count, kills) in enumerate(plan):
                runs.append(campaign(world, server, folder / str(number), keys, count, kills=kills, python=asked.python))
                print(runs[-1].figures(), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{os.cpu_count()} processors")
    if asked.endure:
        return [whole(runs[0])]
    return judge(runs[:-1]) + growth(runs[-1], runs[0]) if asked.small else judge(runs)


if __name__ == "__main__":
    running.run(main)
