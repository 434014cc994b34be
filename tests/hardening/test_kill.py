"""Real processes that are killed, that race for one key, and that take over from the dead.

`IR_KILLS` (4 in CI) and `IR_RACES` (10) say how many of each; a failing turn is repeated with the same number. Kills at each
durable boundary: `test_kill_everywhere`.
"""

import os
import random
import time
from pathlib import Path

import pytest

from ir.drill.twin.faults import slow
from tests.worlds.postgres import Postgres
from tests.worlds.responder import Responder, ended, responder
from tests.worlds.started import Started

KILLS = int(os.environ.get("IR_KILLS", "4"))
RACES = int(os.environ.get("IR_RACES", "10"))
_ENTRIES = 15
"""About as many audit entries as an undisturbed run writes."""
DONE, REFUSED, KILLED = 0, 3, -9


def kill_after(world: Responder, process: Started, entries: int, delay: float) -> int:
    """SIGKILL once so many entries are recorded, and some time later; returns the exit code, 0 if it was faster."""
    end = time.monotonic() + 60
    while process.poll() is None and world.entries() < entries and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    return ended(process)[0]


def turn_of(turn: int) -> tuple[int, float, random.Random]:
    """After how many entries, how much later; the first turns visit every entry."""
    dice = random.Random(turn)  # noqa: S311 - a moment, not a secret
    return 1 + turn % _ENTRIES if turn % 3 else dice.randint(1, 6), dice.random() * 0.3, dice


@pytest.mark.server
@pytest.mark.parametrize("turn", range(KILLS))
def test_killed_at_any_moment_it_is_resumed_to_the_same_end(tmp_path: Path, turn: int) -> None:
    entries, delay, dice = turn_of(turn)
    with responder(tmp_path / "world", seed=turn, policy=dice.choice(["exposed", "exposed", "exploited"])) as world:
        code = kill_after(world, world.rotate(), entries, delay)
        assert code in (KILLED, DONE)
        (name,) = world.incidents()
        if turn % 2:  # the one who resumes dies, too
            more = world.entries() + dice.randint(1, 3)
            assert kill_after(world, world.start("resume", name, "--yes"), more, delay) in (KILLED, DONE)
        code, said = world.ir("resume", name, "--yes")
        assert (code, world.is_whole()) == (DONE, ""), said
        code, said = world.ir("verify", name)
        assert code == DONE, said


@pytest.mark.server
def test_a_bundle_that_was_not_signed_when_its_process_died_is_signed_at_the_next_resume(tmp_path: Path) -> None:
    with responder(tmp_path / "world", seed=7, policy="exposed") as world:
        assert ended(world.rotate())[0] == DONE
        (name,) = world.incidents()
        (signature,) = (tmp_path / "world").rglob("signature.json")
        signature.unlink()
        assert world.ir("verify", name)[0] != DONE
        assert world.ir("resume", name, "--yes")[0] == DONE
        code, said = world.ir("verify", name)
        assert code == DONE, said


@pytest.mark.server
@pytest.mark.parametrize("turn", range(RACES))
def test_a_race_for_one_key_has_one_winner(tmp_path: Path, turn: int) -> None:
    race(tmp_path, turn)


@pytest.mark.server
def test_a_race_on_postgresql_has_one_winner(tmp_path: Path, postgresql: Postgres) -> None:
    race(tmp_path, 1, postgresql.database())


def race(folder: Path, turn: int, database: str = "") -> None:
    """Two start; every other time the winner is killed, and two resume it while a third starts anew."""
    entries, delay, _ = turn_of(turn)
    with responder(folder / "world", seed=turn, database=database) as world:
        first, second = world.rotate(), world.rotate()
        if turn % 2:
            winner = whoever_runs(world, first, second)
            kill_after(world, winner, entries, delay)
            (name,) = world.incidents()
            runs = [world.start("resume", name, "--yes"), world.start("resume", name, "--yes"), world.rotate()]
        else:
            runs = []
        ends = [ended(run) for run in [first, second, *runs]]
        told = "\n\n".join(said for _, said in ends)
        codes = [code for code, _ in ends]
        assert set(codes) <= {DONE, REFUSED, KILLED}, told
        assert DONE in codes, told
        for code, said in ends:
            assert code != REFUSED or "INC-" in said, f"refused without naming who blocks:\n{said}"
        assert world.is_whole() == "", told
        assert minted(world) <= codes.count(DONE) + codes.count(KILLED), told


def whoever_runs(world: Responder, first: Started, second: Started) -> Started:
    """The process whose incident has begun; the other one is refused and ends by itself."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if first.poll() is not None:
            return second
        if second.poll() is not None:
            return first
        time.sleep(0.02)
    raise AssertionError("both run")


def minted(world: Responder) -> int:
    return sum(key.name.startswith("ir-") for key in world.twin.all_keys())


@pytest.mark.server
def test_a_live_incident_is_not_resumed_twice(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        world.twin.fate(slow(8.0), method="POST", path="/v2/iam/api_keys")
        running = world.rotate()
        while not world.entries():
            assert running.poll() is None, "it ended before it began"
            time.sleep(0.02)
        (name,) = world.incidents()
        code, said = world.ir("resume", name, "--yes")
        assert code == REFUSED, said
        assert name in said and "is running" in said and f"process {running.pid}" in said
        code, said = ended(running)
        assert (code, world.is_whole()) == (DONE, ""), said
