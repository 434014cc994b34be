"""A team's database: a whole incident, a race for one key, a resume after a kill, all on a real PostgreSQL."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.core.errors import AlreadyRunning
from ir.engine.dbos_records import read_entries
from ir.evidence.hash_chain import verify
from ir.runtime.app_state import State, database_address
from ir.storage import database, process_identity
from ir.storage.incident_index import IncidentIndex
from ir.storage.leases import STALE, Leases
from tests.campaign.shop import Shop, until
from tests.programs import PGBOUNCER
from tests.worlds.pgbouncer import pgbouncer
from tests.worlds.postgres import Postgres
from tests.worlds.wire import wire


def test_a_whole_incident_leaves_no_key_in_the_database(company: Shop, postgresql: Postgres) -> None:
    old = company.add("payments", services=2)
    company.write()
    code, said = company.ir(*company.rotate("payments"))
    assert code == 0, said
    assert company.moved("payments")
    assert company.living() == 1
    assert not (company.folder / "home" / "ir.sqlite").exists(), "all state that matters is in the database"
    held = postgresql.bytes_of(company.database)
    assert old.token.fingerprint in held
    assert old.token.reveal() not in held
    assert company.stored("payments") not in held

    engine = database.open_engine(database_address(company.database))
    [row] = IncidentIndex(engine).rows()
    assert (row.status, row.exit_code) == ("done", 0)
    assert verify(read_entries(engine, row.incident)).holds
    assert Leases(engine).holder(row.incident) is None
    engine.dispose()
    code, said = company.ir("status", row.incident, "--json", home="another-machine")
    assert (code, json.loads(said)["status"]) == (0, "done"), "any machine sees it"


def test_a_killed_run_is_resumed_from_another_machine(company: Shop) -> None:
    company.add("payments", services=2)
    company.write()
    company.gate = threading.Event()
    run = company.begin(*company.rotate("payments"))
    engine = database.open_engine(database_address(company.database))
    book = State(Path("/"), engine, process_identity.me("tester"))
    until(lambda: bool(book.index.rows()))
    company.kill(run)
    company.gate.set()
    [row] = book.index.rows()
    code, said = company.ir("resume", row.incident, "--yes", home="another-machine")
    assert code == 0, said
    assert company.moved("payments")
    assert company.living() == 1
    found = book.index.find(row.incident)
    assert found is not None
    assert found.status == "done"
    assert verify(read_entries(engine, row.incident)).holds
    engine.dispose()


def test_of_many_who_reach_for_a_key_one_gets_it(postgresql: Postgres) -> None:
    address = database_address(postgresql.database())
    won, lost = [], []

    def reach(name: str) -> None:
        engine = database.open_engine(address)
        try:
            won.append(Leases(engine).take(replace(process_identity.me(name), executor=name), name, ["key a", f"store {name}"]))
        except AlreadyRunning:
            lost.append(name)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=reach, args=(f"INC-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)


def test_elsewhere_the_heartbeat_counts_by_the_clock_of_the_database(postgresql: Postgres) -> None:
    engine = database.open_engine(database_address(postgresql.database()))
    book = State(Path("/"), engine, process_identity.me("tester"))
    far = replace(process_identity.me("ann"), host="elsewhere")
    fence = book.leases.take(far, "INC-1", ["key a"])
    with pytest.raises(AlreadyRunning):
        book.leases.take_over(process_identity.me("bob"), "INC-1")
    with engine.begin() as db:
        db.execute(sa.text("UPDATE ir_leases SET heartbeat = heartbeat - :age"), {"age": STALE + 1})
    assert book.leases.take_over(process_identity.me("bob"), "INC-1") > fence
    assert not book.leases.beat(far, "INC-1", fence), "the old holder learns that it lost"
    engine.dispose()


@PGBOUNCER.needed
def test_a_rotation_and_its_resume_through_a_pooler_of_transactions(company: Shop) -> None:
    """Each statement may reach another connection of the server: nothing may be left on one for the next."""
    company.add("payments", services=2)
    company.write()
    with pgbouncer(company.database) as pooled:
        company.database = pooled
        company.gate = threading.Event()
        run = company.begin(*company.rotate("payments"))
        book = State(Path("/"), database.open_engine(database_address(pooled)), process_identity.me("tester"))
        until(lambda: bool(book.index.rows()))
        company.kill(run)
        company.gate.set()
        code, said = company.ir("resume", book.index.rows()[0].incident, "--yes", home="another-machine")
        book.engine.dispose()
        assert code == 0, said
    assert company.moved("payments") and company.living() == 1


@PGBOUNCER.needed
def test_many_statements_at_once_through_a_pooler(postgresql: Postgres) -> None:
    with pgbouncer(postgresql.database()) as pooled:
        engine = database.open_engine(database_address(pooled))
        book, me = State(Path("/"), engine, process_identity.me("tester")), process_identity.me("ann")

        def work(number: int) -> None:
            name = f"INC-{number}"
            fence = book.leases.take(me, name, [f"key {number}"])
            for _ in range(20):
                assert book.leases.beat(me, name, fence) and book.leases.holds(me, name, fence)
                book.index.note(name, "running", 4, {})
                assert book.index.find(name) is not None

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        engine.dispose()


def test_a_worker_waits_for_its_database(company: Shop) -> None:
    names = [f"key-{number}" for number in range(4)]
    for name in names:
        company.add(name)
    company.write()
    with wire(company.database) as line:
        company.database = line.address
        run = company.begin(*company.rotate("--all"))
        for _ in range(3):
            until(lambda: run.poll() is not None or company.living() > len(names))
            line.cut()
            time.sleep(1.5)
            line.mend()
            time.sleep(1.0)
        said, _ = run.communicate(timeout=120)
        assert run.wait() == 0, said
    assert all(company.moved(name) for name in names) and company.living() == len(names)
