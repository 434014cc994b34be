"""Workers as processes, and what every process of a run costs the machine.

Seconds of processor are user and system time by the kernel's count; of a process that has gone, they are read before its end.
"""

import gc
import json
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")


class Fleet:
    """Real `ir worker` processes; whoever ends is replaced, and its use of the machine is kept."""

    def __init__(self, folder: Path, env: dict[str, str], python: str) -> None:
        self.folder, self.env, self.python = folder, env, python
        self.alive: list[subprocess.Popen[bytes]] = []
        self.killed = self.died = 0
        self.memory = self._gone = 0.0

    def start(self, count: int) -> None:
        """Begin more of them."""
        for _ in range(count):
            with (self.folder / f"worker-{time.time_ns()}.txt").open("wb") as output:
                command = [self.python, "-m", "ir.cli", "worker"]
                made = subprocess.Popen(command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            self.alive.append(made)

    def spent(self) -> float:
        """Seconds of processor of all workers so far, each from its first instruction on."""
        return self._gone + sum(cpu(worker.pid) for worker in self.alive)

    def kill_one(self, dice: random.Random) -> None:
        """Without a chance to tidy up; another takes its place."""
        self.killed += 1
        self._end(self.alive[dice.randrange(len(self.alive))], signal.SIGKILL)
        self.start(1)

    def replace_dead(self) -> None:
        """Whoever ended by itself is counted, and another takes its place."""
        for worker in [one for one in self.alive if _is_zombie(one.pid)]:
            self.died += 1
            self._end(worker, signal.SIGKILL)
            self.start(1)

    def end(self) -> None:
        """All of them, in peace."""
        while self.alive:
            self._end(self.alive[-1], signal.SIGTERM)

    def _end(self, worker: subprocess.Popen[bytes], how: signal.Signals) -> None:
        self.alive.remove(worker)
        self._gone += cpu(worker.pid)
        self.memory = max(self.memory, _peak(worker.pid))
        worker.send_signal(how)
        worker.wait(60)


@dataclass(frozen=True)
class Used:
    """Seconds of processor so far.

    Attributes:
        workers: ours, which is what is judged. world: this process (the Stripe twin, the services, the proxy) and OpenBao.
        database: the PostgreSQL server. busy, whole: of the machine, by whomever.
    """

    workers: float
    world: float
    database: float
    busy: float
    whole: float

    def since(self, before: "Used") -> "Used":
        """What came after."""
        return Used(*(now - then for now, then in zip(vars(self).values(), vars(before).values(), strict=True)))


def used(fleet: Fleet, database: str) -> Used:
    """Of a run whose database server is the one at this address."""
    me, workers = os.getpid(), {worker.pid for worker in fleet.alive}
    times = [int(part) / _TICKS for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    with psycopg.connect(database) as db:
        postmaster = int(_stat(db.info.backend_pid)[1])
    helpers = [child for child in _children(me) if child not in workers and child != postmaster]
    world = cpu(me) + sum(cpu(child) for child in helpers)
    served = cpu(postmaster, waited_for=True) + sum(cpu(child) for child in _children(postmaster))
    return Used(fleet.spent(), world, served, sum(times) - times[3] - times[4], sum(times))


def pace() -> float:
    """Milliseconds of processor that a fixed piece of Python takes, here and now: a borrowed machine is not equally fast all day."""
    gc.disable()  # or it would tell how much this process holds
    begun = time.process_time()
    for _ in range(10):
        rows = {str(number): f"{number}:{number * 7}".partition(":") for number in range(5_000)}
        json.loads(json.dumps(sorted(rows.items())))
    spent = time.process_time() - begun
    gc.enable()
    return 100 * spent


def cpu(pid: int, *, waited_for: bool = False) -> float:
    """Seconds of processor of a process, 0 once it has gone; with those of its children that have ended (`waited_for`)."""
    fields = _stat(pid)
    return sum(int(field) for field in fields[11 : 15 if waited_for else 13]) / _TICKS


def _stat(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` from its state on, none when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(pid: int) -> list[int]:
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [child for child in found if _stat(child)[1:2] == [str(pid)]]


def _is_zombie(pid: int) -> bool:
    return _stat(pid)[:1] == ["Z"]


def _peak(pid: int) -> float:
    """Megabytes; 0 of a process that has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
