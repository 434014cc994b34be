"""A standby is promoted that had not received the last transactions: rows that a process was told are written vanish under it.

The process may then not go on as if they were there, and whatever goes on later must not take what is in use for a stray.
"""

import re
import time
from pathlib import Path

import psycopg
import pytest

from ir.core.errors import ExitCode
from ir.evidence.hash_chain import verify
from tests.hardening.test_database_cuts import reached
from tests.worlds.failover import replica
from tests.worlds.responder import Responder, ended, responder
from tests.worlds.wire import Wire

WITHIN = 240.0
ROTATES = ("rotate", "stripe", "payments", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")
SAID = "an older copy of the database took its place"


@pytest.fixture
def world(by_line: Responder) -> Responder:
    code, said = by_line.ir("database", "roles")
    assert code == ExitCode.DONE, said
    return by_line


def fails_over(world: Responder, line: Wire, database: str, kept: int, lost: int) -> tuple[int, str, int]:
    """A rotation whose database falls back to its first `kept` entries when it has `lost` more.

    Returns its exit code, what it said, and the number of entries that were kept.
    """
    older = replica(database)
    run = world.rotate()
    if kept:
        assert reached(world, run, kept)
        older = replica(database)
    reached(world, run, kept + lost)
    line.cut()
    time.sleep(0.3)  # what was under way
    older.promote()
    line.mend()
    return *ended(run, WITHIN), older.entries


def in_use(world: Responder) -> bool:
    """Whether there is one replacement, and all stores and services are on it."""
    return "is not on the replacement" not in world.is_whole() and len(world.live()) == 1


@pytest.mark.parametrize(("kept", "lost"), [(3, 7), (9, 2), (3, 13), (1, 14)])
def test_a_rotation_goes_on_from_what_the_promoted_database_knows(
    world: Responder, line: Wire, database: str, kept: int, lost: int
) -> None:
    code, said, known = fails_over(world, line, database, kept, lost)
    assert code == ExitCode.DONE or SAID in said, said
    if code == ExitCode.DONE:  # it was at its very end, and knew of no loss
        assert world.is_whole() == "", said
        return
    code, said = world.ir("resume", world.incidents()[-1], "--yes")
    assert "expired, minting again" not in said, said
    if known < 2:  # it does not even know which key leaked, and takes the one in the stores for it
        assert code == ExitCode.WAITING and "which this incident made itself" in said, said
    elif code == ExitCode.DONE:
        assert world.is_whole() == "", said
    else:  # the leaked key is dead, and kept nowhere any more: then its death cannot be proven
        assert not world.twin.is_alive(world.leaked) and "is in no store and in no custody any more" in said, said
    assert in_use(world) and verify(world.recorded()).holds
    assert "cannot be replayed" not in said


@pytest.mark.parametrize(("kept", "lost"), [(2, 5), (1, 9)])
def test_no_replacement_is_contained_for_the_leaked_key(tmp_path: Path, line: Wire, database: str, kept: int, lost: int) -> None:
    """With misuse the first act is to take rights away; what forgot its first look would take them from the key in use."""
    with responder(tmp_path / "hot", policy="exploited", database=database) as world:
        world.more = {"IR_DATABASE_URL": line.address}
        code, said = world.ir("database", "roles")
        assert code == ExitCode.DONE, said
        code, said, known = fails_over(world, line, database, kept, lost)
        assert code == ExitCode.UNEXPECTED and SAID in said, said
        code, said = world.ir("resume", world.incidents()[-1], "--yes")
        assert len(world.live()) == 1, said
        if known < 2:
            assert code == ExitCode.WAITING and "which this incident made itself" in said and "contained" not in said, said
        else:
            assert code == ExitCode.DONE and world.is_whole() == "", said


@pytest.mark.parametrize("lost", [9])
def test_an_incident_that_is_lost_altogether_is_named_and_rebuilt(world: Responder, line: Wire, database: str, lost: int) -> None:
    code, said, _ = fails_over(world, line, database, 0, lost)
    assert code == ExitCode.UNEXPECTED and SAID in said, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    assert re.search(f"ir rotate stripe payments .*--adopt {name}|ir resume {name}", said), said
    code, said = world.ir("resume", name, "--yes")
    assert (code != ExitCode.DONE and "nothing was changed, and the key is free" not in said) or not world.incidents(), said
    code, said = world.ir(*ROTATES, "--adopt", name)
    assert code == ExitCode.DONE and world.is_whole() == "", said


@pytest.mark.parametrize("kept", [5])
def test_what_was_still_written_behind_missing_records_is_done_again(world: Responder, line: Wire, database: str, kept: int) -> None:
    """Its step was under way when the standby was promoted, and its record is the one that arrived."""
    run = world.rotate()
    assert reached(world, run, kept)
    older = replica(database)
    assert reached(world, run, kept + 3)
    run.kill()
    line.cut()
    newer = replica(database)
    older.promote()
    with psycopg.connect(database) as db:
        after, stray = newer.rows["dbos.operation_outputs"].splitlines(keepends=True), older.rows["dbos.operation_outputs"]
        assert len(after) >= stray.count(b"\n") + 2
        with db.cursor().copy("COPY dbos.operation_outputs FROM STDIN") as sink:
            sink.write(after[-1])
    line.mend()
    code, said = world.ir("resume", world.incidents()[-1], "--yes")
    assert code == ExitCode.DONE and world.is_whole() == "", said
    assert in_use(world) and verify(world.recorded()).holds


def test_steps_are_numbered_from_one_and_without_gaps(world: Responder, database: str) -> None:
    """What `read_steps` takes for a hole."""
    code, said = ended(world.rotate(), WITHIN)
    assert code == ExitCode.DONE, said
    with psycopg.connect(database) as db:
        numbers = [row[0] for row in db.execute("SELECT function_id FROM dbos.operation_outputs ORDER BY 1")]
    assert len(numbers) > 10 and numbers == list(range(1, len(numbers) + 1))
