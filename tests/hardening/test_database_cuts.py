"""The database of a team goes away in the midst of a rotation, and comes back, or does not.

`IR_CUTS=N`: that many cuts of up to 12 s at random moments, and one at each durable boundary (`make cuts`).
"""

import os
import random
import time

import pytest

from ir.core.errors import ExitCode
from ir.engine.heartbeat import TAKEN_OVER
from tests.worlds.responder import Responder, ended
from tests.worlds.started import Started
from tests.worlds.wire import Wire

CUTS, PER_RUN = int(os.environ.get("IR_CUTS") or 6), 3
LONGEST = 12.0 if os.environ.get("IR_CUTS") else 2.5
WITHIN = 240.0
ROTATES = ("rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
MOST = 70
"""As many boundaries as a rotation has, about; one that has fewer is not cut."""
BOUNDARIES = range(1, MOST) if os.environ.get("IR_CUTS") else random.Random(7).sample(range(1, 50), 2)  # noqa: S311 - which ones


@pytest.fixture
def world(by_line: Responder) -> Responder:
    return by_line


def reached(world: Responder, run: Started, entries: int) -> bool:
    """Wait until that many entries are written; False: it ended before."""
    until = time.monotonic() + WITHIN
    while world.entries() < entries:
        if run.poll() is not None:
            return False
        assert time.monotonic() < until
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("seed", range(max(1, CUTS // PER_RUN)))
def test_a_rotation_goes_on_when_the_database_is_back(world: Responder, line: Wire, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - moments, no secrets
    moments = sorted(dice.sample(range(1, 16), PER_RUN))
    run = world.rotate()
    for moment in moments:
        if not reached(world, run, moment):
            break
        time.sleep(dice.random() * 0.2)
        line.cut()
        time.sleep(dice.random() * LONGEST)
        line.mend()
    code, said = ended(run, WITHIN)
    assert code == ExitCode.DONE, said
    assert world.is_whole() == "" and line.cuts >= 1
    assert "the database does not answer; waiting for it" in said and "the database answers again" in said


@pytest.mark.parametrize("at", BOUNDARIES)
def test_cut_at_any_boundary_it_goes_on(world: Responder, line: Wire, at: int) -> None:
    """The process stands at its boundary while the line is cut, and finds it so when it goes on."""
    tally = world.folder / "boundaries"
    run = world.start(*ROTATES, program=("-m", "tests.worlds.cutting", str(at), str(tally)))
    asks, until = tally.with_suffix(".cut"), time.monotonic() + WITHIN
    while not asks.exists() and run.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    struck = asks.exists()
    if struck:
        line.cut()
        asks.unlink()
        time.sleep(0.7)
        line.mend()
    code, said = ended(run, WITHIN)
    assert code == ExitCode.DONE and world.is_whole() == "", f"{world.is_whole()}\n{said}"
    passed = tally.read_text().splitlines()
    assert struck == (at <= len(passed)), f"{len(passed)} boundaries"


def test_a_database_that_stays_away_ends_the_process_and_any_other_goes_on(world: Responder, line: Wire) -> None:
    world.more["IR_DATABASE_PATIENCE"] = "2"
    run = world.rotate()
    assert reached(world, run, 6)
    line.cut()
    begun = time.monotonic()
    code, said = ended(run, WITHIN)
    assert code == ExitCode.UNEXPECTED and "the database has not answered for" in said, said
    assert time.monotonic() - begun < 20.0
    line.mend()
    code, said = world.ir("resume", world.incidents()[-1], "--yes")
    assert code == ExitCode.DONE, said
    assert world.is_whole() == ""


def test_nothing_is_changed_while_the_lease_cannot_be_renewed(world: Responder, line: Wire) -> None:
    run = world.rotate()
    assert reached(world, run, 4)
    line.cut()
    time.sleep(1.0)  # what was under way
    seen = world.state()
    time.sleep(2.0)
    assert world.state() == seen
    line.mend()
    code, said = ended(run, WITHIN)
    assert code == ExitCode.DONE, said
    assert world.is_whole() == ""


def test_another_that_took_over_meanwhile_is_not_disturbed(world: Responder, line: Wire) -> None:
    """Both come back to a database that gave the incident to one of them: the first changes nothing more."""
    run = world.rotate()
    assert reached(world, run, 5)
    line.cut()
    time.sleep(0.5)
    world.forget_the_holder()
    world.more = {}  # of a machine that reaches it
    code, said = world.ir("resume", world.incidents()[-1], "--yes")
    assert code == ExitCode.DONE, said
    done = world.state()
    line.mend()
    first, told = ended(run, WITHIN)
    assert first in (TAKEN_OVER, ExitCode.REFUSED, ExitCode.DONE) and "the database answers again" in told, told
    assert world.state() == done
    assert world.is_whole() == ""


def test_an_address_that_never_worked_is_told_at_once(world: Responder, line: Wire) -> None:
    line.cut()
    begun = time.monotonic()
    code, said = world.ir("status")
    assert code == ExitCode.UNEXPECTED and "cannot be used" in said
    assert time.monotonic() - begun < 15.0
