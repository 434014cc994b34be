"""How much longer does a large rotation take than it must?

    python benchmarks/rotate.py [--services 200] [--stores 20] [--delay 0.5] [--keep]

The real command line, in a process of its own, rotates a key that 200 services use and 20 stores hold: `ir rotate stripe` with
the shipped playbook `stripe-exposed`, its waits set to zero. Every outward call takes 500 ms: to Stripe (the twin, whose
keys die at once), to the stores (a real OpenBao behind a slow proxy), to the services (HTTP). Compared are

* the time from the first outward call to the end of the last one, with the critical path: the plan's longest chain of calls that
  have to wait for each other (`critical_path.py`), times 500 ms, and what it waits for without a call;
* the peak memory of the process with 220 MB.

Exit code 0: both hold and the rotation did what it should, 1: something did not.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import critical_path, running
from benchmarks.slow_world import Call, SlowWorld, furnish, inventory, slow_world
from ir import inventory as inventories
from ir.core.model import Json, Policy
from ir.drill.embedded.inventory_file import playbook as shortened
from ir.drill.embedded.options import Waits
from ir.incident import playbook
from ir.incident.plan import Plan, compile_plan

LIMIT, MEMORY = 1.1, 220.0
LAUNCHER = """
import json, resource, subprocess, sys, time
began = time.time()
code = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1 if sys.platform == "darwin" else 1024
with open(sys.argv[1], "w") as file:
    cpu = used.ru_utime + used.ru_stime
    json.dump({"code": code, "began": began, "ended": time.time(), "memory": used.ru_maxrss * unit, "cpu": cpu}, file)
"""
"""A small process that starts the measured one: memory of the process that forks counts as the child's."""


@dataclass(frozen=True)
class Ran:
    """What one run was.

    Attributes:
        memory: megabytes at the peak. cpu: seconds. before: seconds from the start of the process to its first call.
        steps: `{id, action, from, to}`, times in epoch seconds.
    """

    code: int
    memory: float
    cpu: float
    before: float
    steps: list[Json]
    calls: list[Call]

    @property
    def seconds(self) -> float:
        """From the first call to the end of the last."""
        return max(call.end for call in self.calls) - min(call.start for call in self.calls)

    def calls_of(self, step: Json) -> list[Call]:
        """Calls that began within a step."""
        return [call for call in self.calls if step["from"] <= call.start <= step["to"]]


def rotate(world: SlowWorld, folder: Path) -> tuple[Plan, Ran, list[str]]:
    """Run the command; returns the plan, what was seen, and what is wrong with the world afterwards."""
    leaked, app = world.twin.create_secret_key("payments"), world.twin.create_app_key()
    furnish(world, leaked.token.reveal())
    world.twin.decide(world.note_stripe)
    _private(folder / "app.env", f"APP={app.token.reveal()}\n")
    _private(folder / "inventory.yaml", yaml.safe_dump(inventory(world, "dotenv://./app.env#APP"), sort_keys=False))
    _private(folder / "playbook.yaml", shortened(Policy.EXPOSED, Waits(soak=0, quiet=0, grace=0, watch=0, window=0)))
    source = inventories.loads((folder / "inventory.yaml").read_text(), "inventory.yaml")
    plan = compile_plan(playbook.load(str(folder / "playbook.yaml")), source, source.keys[0])
    ran = _run(world, folder)
    fresh = {world.twin.live_keys()[-1].token.fingerprint} if world.twin.live_keys() else set()
    wrong = [f"exit code {ran.code}"] if ran.code else []
    wrong += ["the old key lives"] if world.twin.is_alive(leaked) else []
    behind = sum(held not in fresh for held in world.holds.values())
    return plan, ran, wrong + ([f"{behind} services are not on the replacement"] if behind else [])


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _run(world: SlowWorld, folder: Path) -> Ran:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "IR_HOME": str(folder / "state")}
    env |= {"VAULT_ADDR": world.vault, "VAULT_TOKEN": world.bao.token}
    command = [
        sys.executable,
        "-m",
        "ir.cli",
        "rotate",
        "stripe",
        "--inventory",
        "inventory.yaml",
        "--playbook",
        "./playbook.yaml",
        "--yes",
    ]
    with (folder / "output.txt").open("wb") as output:
        launch = [sys.executable, "-I", "-c", LAUNCHER, str(folder / "used.json"), *command]
        with running.started(launch, cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT) as launcher:
            launcher.wait(600)
    used = json.loads((folder / "used.json").read_text())
    if not world.calls:
        sys.exit("the run made no call:\n" + (folder / "output.txt").read_text())
    first = min(call.start for call in world.calls)
    return Ran(used["code"], used["memory"] / 2**20, used["cpu"], first - used["began"], _steps(folder), list(world.calls))


def _steps(folder: Path) -> list[Json]:
    audits = list((folder / "state" / "incidents").glob("*/audit.jsonl"))
    entries = [json.loads(line) for audit in audits for line in audit.read_text().splitlines()]
    return [
        {
            "id": entry["step"],
            "action": entry["body"]["action"],
            "from": datetime.fromisoformat(entry["body"]["started"]).timestamp(),
            "to": datetime.fromisoformat(entry["at"]).timestamp(),
        }
        for entry in entries
        if entry["kind"] == "step"
    ]


def table(ran: Ran, delay: float) -> list[str]:
    """One row per step: the chain that must be, the chain that was, seconds, and how many calls about one store or service at most."""
    rows = [f"{'step':<16}{'chain':>6}{'seen':>6}{'must be':>9}{'took':>8}   calls: Stripe, stores (one), services (one)"]
    for step in ran.steps:
        calls = ran.calls_of(step)
        chain, least = len(critical_path.CHAINS[step["action"]]), critical_path.seconds_of(step["action"], delay)
        stores, services = _most(calls, "store"), _most(calls, "service")
        counts = Counter(call.kind for call in calls)
        rows.append(
            f"{step['id']:<16}{chain:>6}{critical_path.longest_chain(calls):>6}{least:>8.1f}s{step['to'] - step['from']:>7.2f}s"
            f"   {counts['stripe']:>4}{counts['store']:>6} ({stores}){counts['service']:>6} ({services})"
        )
    return rows


def _most(calls: Sequence[Call], kind: str) -> int:
    return max(Counter(call.about for call in calls if call.kind == kind).values(), default=0)


def padded(ran: Ran) -> list[str]:
    """Steps whose chain in the table is longer than any that was seen: the critical path would be too long."""
    return [step["id"] for step in ran.steps if len(critical_path.CHAINS[step["action"]]) > critical_path.longest_chain(ran.calls_of(step))]


def judge(plan: Plan, ran: Ran, wrong: list[str], delay: float) -> list[tuple[bool, str]]:
    """What must hold."""
    calls = critical_path.length(plan)
    path = critical_path.seconds(plan, delay)
    ratio, share = ran.seconds / path, ran.memory / MEMORY
    said = f"{ran.seconds:.2f} s from first call to last = {ratio:.2f} × the critical path, {calls} calls, {path:.1f} s (limit {LIMIT})"
    long = padded(ran)
    return [
        (ratio <= LIMIT, said),
        (share <= 1.0, f"peak memory {ran.memory:.0f} MB = {share:.2f} × the limit of {MEMORY:.0f} MB"),
        (not long, f"no chain of the table is longer than what was seen{': ' + ', '.join(long) if long else ''}"),
        (not wrong, f"old key dead, every service on the replacement, exit code 0{': ' + '; '.join(wrong) if wrong else ''}"),
    ]


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--stores", type=int, default=20)
    parser.add_argument("--delay", type=float, default=0.5, help="seconds that each outward call takes")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the run, and say where it is")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ir-bench-"))
    try:
        with slow_world(asked.stores, asked.services, asked.delay) as world:
            plan, ran, wrong = rotate(world, folder)
    finally:
        if asked.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{asked.services} services, {asked.stores} stores, {asked.delay:g} s for each of {len(ran.calls)} calls")
    print("\n".join(table(ran, asked.delay)))
    print(f"processor {ran.cpu:.1f} s; {ran.before:.1f} s from start to first call")
    judged = judge(plan, ran, wrong, asked.delay)
    for holds, said in judged:
        print(f"{'PASS' if holds else 'FAIL'}  {said}")
    return int(not all(holds for holds, _ in judged))


if __name__ == "__main__":
    running.run(main)
