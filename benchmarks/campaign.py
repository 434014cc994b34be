"""Do several workers share a campaign, what does a key cost, and does a killed worker lose or double anything?

    python benchmarks/campaign.py [--keys 200] [--workers 1 2 4] [--delay 0.1] [--no-kills] [--growth]

Real `ir worker` processes over one real PostgreSQL rotate the keys of a campaign: each key lies in a secret of its own (a real OpenBao),
three services use it, and every outward call to Stripe (the twin), the stores and the services takes 100 ms. Death, soak, quiet and
watch take no time; two incidents at a time per worker. Compared in one run:

* throughput of 2 and of 4 workers with that of one worker (at least 1.8 × and 3.0 ×);
* processor time per key, the making of an RSA key included (at most 300 ms), and peak memory per worker (at most 400 MB);
* with workers killed at random: every key rotated once, nothing lost, nothing doubled, no service ever on a dead key;
* `--growth`: processor time per key in a campaign of 10 keys and of all keys (flat: within 1.25 ×).

On a machine with fewer processors than workers the ratio says more about the machine than about the workers; the share of the
processors that was busy is printed with it. Exit code 0: all of it holds, 1: something does not.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.slow_world import SlowWorld, slow_world
from ir import inventory as inventories
from ir import ledger, playbook, wiring
from ir.campaign import ChildState, Limits
from ir.campaign_ledger import CampaignLedger
from ir.campaign_setting import Source, children_for
from ir.drill.options import Waits
from ir.drill.papers import playbook as shortened
from ir.drill.twin.keys import Key
from ir.model import Json, Mode, Policy
from ir.world import Options
from tests.worlds.postgres import Postgres, postgres

SERVICES = 3
WANTED = {2: 1.8, 4: 3.0}
CPU, MEMORY, FLAT = 0.3, 400.0, 1.25
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Ran:
    """One campaign.

    Attributes:
        seconds: from the first child's begin to the last one's end. cpu: seconds of all workers while it ran.
        busy: share of the machine's processors that was in use. memory: megabytes of the largest worker.
    """

    workers: int
    keys: int
    seconds: float
    cpu: float
    busy: float
    memory: float
    wrong: list[str]
    killed: int = 0

    @property
    def rate(self) -> float:
        """Keys per second."""
        return self.keys / self.seconds


class Fleet:
    """Workers as processes; the dead ones' use of the machine is kept."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.alive: list[subprocess.Popen[bytes]] = []
        self.spent, self.memory, self._at_start = 0.0, 0.0, dict[int, float]()

    def start(self, count: int) -> None:
        """Begin more of them."""
        for _ in range(count):
            with (self.folder / f"worker-{time.time_ns()}.txt").open("wb") as output:
                command = [sys.executable, "-m", "ir.cli", "worker"]
                made = subprocess.Popen(command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            self.alive.append(made)

    def mark(self) -> None:
        """Count processor time from here."""
        self._at_start = {worker.pid: _cpu(worker.pid) for worker in self.alive}

    def kill_one(self, dice: random.Random) -> None:
        """Without a chance to tidy up; another takes its place."""
        worker = self.alive.pop(dice.randrange(len(self.alive)))
        self._end(worker, signal.SIGKILL)
        self.start(1)

    def end(self) -> None:
        """All of them, in peace."""
        while self.alive:
            self._end(self.alive.pop(), signal.SIGTERM)

    def _end(self, worker: subprocess.Popen[bytes], how: signal.Signals) -> None:
        before = self._at_start.get(worker.pid, 0.0)
        self.spent += _cpu(worker.pid) - before
        self.memory = max(self.memory, _peak(worker.pid))
        worker.send_signal(how)
        worker.wait(30)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _machine() -> tuple[float, float]:
    """Busy and all processor time of the machine so far, in seconds."""
    times = [int(part) / _TICKS for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(times) - times[3] - times[4], sum(times)


class Outages:
    """Looks at every service again and again: does the key that it works with live?"""

    def __init__(self, world: SlowWorld) -> None:
        self.world, self.seen, self._stop = world, set[str](), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Outages":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def _watch(self) -> None:
        while not self._stop.wait(0.25):
            holds = dict(self.world.holds)
            living = {key.token.fingerprint for key in self.world.twin.live_keys()}
            self.seen |= {name for name, held in holds.items() if held not in living and self.world.holds[name] == held}


def furnish(world: SlowWorld, keys: int) -> dict[str, Key]:
    """One new key per store; its services work with it."""
    from benchmarks.slow_world import _loop

    made = {store: world.twin.create_secret_key(store) for store in world.stores[:keys]}
    with _loop() as loop:
        for store, key in made.items():
            loop(world.put(store, key.token.reveal()))
        world._idle.clear()  # noqa: SLF001 - connections belong to the loop that made them
    used = {service: store for service, store in world.services.items() if store in made}
    world.holds = {service: made[store].token.fingerprint for service, store in used.items()}
    world.calls.clear()
    return made


def source(world: SlowWorld, folder: Path, keys: Sequence[str]) -> Source:
    """An inventory of all keys, each with its three services, the first of them the canary."""
    account = {"name": "shop", "id": world.twin.account, "mode": "live", "issuer": "managed", "api_base": world.twin.url}
    where = {store: f"vault://secret/{world.secret(store)}#api_key" for store in keys}
    users: dict[str, list[str]] = {store: [] for store in keys}
    for service, store in world.services.items():
        if store in users:
            users[store].append(service)
    permissions = ["payment_intent_write", "charge_read", "balance_read"]
    rows: Json = {
        "version": 1,
        "accounts": [{**account, "app_key": "dotenv://app.env#APP"}],
        "keys": [
            {"name": store, "account": "shop", "kind": "secret", "permissions": permissions, "stored_in": [ref]}
            for store, ref in where.items()
        ],
        "services": [_service(world, name, store, ref=where[store], first=not n) for store in keys for n, name in enumerate(users[store])],
    }
    return Source(inventories.Inventory.model_validate(rows), "inventory.yaml", folder)


def _service(world: SlowWorld, name: str, key: str, *, ref: str, first: bool) -> Json:
    base = f"{world.service_base}/{name}"
    return {
        "name": name,
        "uses": [key],
        "reads_from": ref,
        "wave": "canary" if first else "main",
        "reload": {"http": f"{base}/reload"},
        "verify": [{"http": f"{base}/healthz", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}],
    }


def campaign(world: SlowWorld, server: Postgres, folder: Path, keys: int, workers: int, *, kills: bool = False) -> Ran:
    """Rotate that many new keys with that many workers."""
    folder.mkdir()
    made = furnish(world, keys)
    app = world.twin.create_app_key()
    _private(folder / "app.env", f"APP={app.token.reveal()}\n")
    _private(folder / "playbook.yaml", shortened(Policy.EXPOSED, Waits(soak=0, quiet=0, grace=0, watch=0, window=0)))
    address = server.database()
    engine = ledger.open_engine(wiring.database(address))
    book = CampaignLedger(engine)
    children = children_for(source(world, folder, list(made)), _keys(world, folder, made), _book(folder), Options(yes=True))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "IR_HOME": str(folder / "state"), "IR_DATABASE_URL": address}
    fleet = Fleet(folder, env | {"VAULT_ADDR": world.vault, "VAULT_TOKEN": world.bao.token})
    fleet.start(workers)
    while len(book.workers()) < workers:
        time.sleep(0.1)
    time.sleep(1.0)
    fleet.mark()
    busy, whole = _machine()
    book.open("CAM-bench", "campaign", "bench", Limits(0, 0, 0, 0), {}, children)
    dice, killed, begun = random.Random(1), 0, time.monotonic()
    with Outages(world) as outages:
        while (row := book.campaign("CAM-bench")) and row["status"] != "done":
            time.sleep(0.5)
            if kills and time.monotonic() - begun > 6 * (killed + 1):
                fleet.kill_one(dice)
                killed += 1
            if time.monotonic() - begun > 60 + keys * 6:
                break
    after, all_of_it = _machine()
    rows = book.children("CAM-bench")
    fleet.end()
    seconds = max((row.ended_at for row in rows), default=0.0) - min((row.began_at for row in rows if row.began_at), default=0.0)
    wrong = _wrong(world, made, app, outages, [row.state for row in rows], ledger.Ledger(engine).index())
    engine.dispose()
    for key in world.twin.live_keys():
        world.twin.expire_in_dashboard(key)
    share = (after - busy) / (all_of_it - whole)
    return Ran(workers, keys, seconds, fleet.spent, share, fleet.memory, wrong, killed)


def _keys(world: SlowWorld, folder: Path, made: dict[str, Key]) -> list[inventories.Key]:
    return source(world, folder, list(made)).inventory.keys


def _book(folder: Path) -> playbook.Playbook:
    return playbook.load(str(folder / "playbook.yaml"))


def _wrong(world: SlowWorld, made: dict[str, Key], app: Key, outages: Outages, states: list[ChildState], index: list[Json]) -> list[str]:
    living = {key.token.fingerprint for key in world.twin.live_keys() if key.id != app.id}
    wrong = [f"{len(states) - states.count(ChildState.DONE)} children not done"] if set(states) != {ChildState.DONE} else []
    wrong += [f"{len(index)} incidents for {len(made)} keys"] if len(index) != len(made) else []
    alive = sum(world.twin.is_alive(key) for key in made.values())
    wrong += [f"{alive} old keys live"] if alive else []
    wrong += [f"{len(living)} new keys live for {len(made)} keys"] if len(living) != len(made) else []
    behind = [name for name, held in world.holds.items() if held not in living]
    wrong += [f"{len(behind)} services are on a dead key"] if behind else []
    wrong += [f"{len(outages.seen)} services were seen on a dead key meanwhile"] if outages.seen else []
    return wrong


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def judge(runs: Sequence[Ran]) -> list[tuple[bool, str]]:
    """What must hold."""
    plain = {run.workers: run for run in runs if not run.killed}
    found = [(not run.wrong, f"{_name(run)}: every key once, no outage{': ' + '; '.join(run.wrong) if run.wrong else ''}") for run in runs]
    for count, wanted in WANTED.items():
        if 1 in plain and count in plain:
            ratio = plain[count].rate / plain[1].rate
            said = f"{count} workers: {ratio:.2f} × the throughput of one (at least {wanted}); processors busy {plain[count].busy:.0%}"
            found.append((ratio >= wanted, said))
    costs = {_name(run): run.cpu / run.keys for run in plain.values()}
    found += [(cost <= CPU, f"{name}: {1000 * cost:.0f} ms of processor per key (at most 300)") for name, cost in costs.items()]
    most = max(run.memory for run in runs)
    found.append((most <= MEMORY, f"peak memory of a worker {most:.0f} MB (at most {MEMORY:.0f})"))
    return found


def _name(run: Ran) -> str:
    return f"{run.keys} keys, {run.workers} workers" + (f", {run.killed} killed" if run.killed else "")


def growth(small: Ran, large: Ran) -> tuple[bool, str]:
    """Whether a key costs the same in a large campaign."""
    ratio = (large.cpu / large.keys) / (small.cpu / small.keys)
    return ratio <= FLAT, f"a key of {large.keys} costs {ratio:.2f} × the processor time of a key of {small.keys} (at most {FLAT})"


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--delay", type=float, default=0.1, help="seconds that each outward call takes")
    parser.add_argument("--no-kills", action="store_true", help="leave out the campaign whose workers are killed")
    parser.add_argument("--growth", action="store_true", help="compare with a campaign of 10 keys")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ir-bench-"))
    runs: list[Ran] = []
    judged: list[tuple[bool, str]] = []
    try:
        with slow_world(asked.keys, asked.keys * SERVICES, asked.delay, Mode.LIVE) as world, postgres() as server:
            world.twin.decide(world.note_stripe)
            plan = [(asked.keys, count, False) for count in asked.workers] + ([] if asked.no_kills else [(asked.keys, 4, True)])
            for number, (keys, count, kills) in enumerate(plan):
                run = campaign(world, server, folder / str(number), keys, count, kills=kills)
                runs.append(run)
                print(
                    f"{_name(run)}: {run.seconds:.1f} s, {run.rate:.2f} keys/s, {1000 * run.cpu / run.keys:.0f} ms processor per key,",
                    flush=True,
                )
                print(f"    {run.memory:.0f} MB, processors busy {run.busy:.0%}, {len(world.calls) / keys:.0f} calls per key", flush=True)
            if asked.growth:
                small = campaign(world, server, folder / "small", 10, runs[0].workers)
                judged.append(growth(small, runs[0]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{os.cpu_count()} processors; the world itself used {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f} s")
    judged = judge(runs) + judged
    for holds, said in judged:
        print(f"{'PASS' if holds else 'FAIL'}  {said}")
    return int(not all(holds for holds, _ in judged))


if __name__ == "__main__":
    sys.exit(main())
