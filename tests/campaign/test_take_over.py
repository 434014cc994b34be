"""Several machines on one PostgreSQL: who else runs it is told, nobody runs it twice, debts find their heir."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.cli import run
from ir.engine.dbos_records import read_entries
from ir.runtime.app_state import State, database_address
from ir.storage import database, process_identity
from ir.storage.leases import STALE
from tests.campaign.shop import Shop, until

CRON = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]

Told = Callable[..., tuple[int, str]]


@pytest.fixture
def book(company: Shop) -> Iterator[State]:
    engine = database.open_engine(database_address(company.database))
    yield State(Path("/"), engine, process_identity.me("tester"))
    engine.dispose()


@pytest.fixture
def told(company: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """The command line in this process, as on a machine of its own: for refusals and looks, which start no engine."""

    def here(*words: str) -> tuple[int, str]:
        for name, value in company.environment("another-machine").items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(company.folder)
        capsys.readouterr()
        try:
            code = run(list(words))
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out + said.err

    return here


def test_a_cron_job_that_meets_a_human_steps_back_and_the_other_way_round(company: Shop, book: State, told: Told) -> None:
    company.add("a", rotate_every="30d", services=2)
    company.write()
    human = company.rotate("a")
    for human_first in (False, True):
        company.keys["a"] = next(key for key in company.twin.live_keys() if key.token.reveal() == company.stored("a"))
        company.gate = threading.Event()
        first = company.begin(*(human if human_first else CRON))
        until(lambda: any(row.status == "running" for row in book.index.rows()))
        (incident,) = [row.incident for row in book.index.rows() if row.status == "running"]
        code, said = company.ir(*(CRON if human_first else human), home="another-machine")
        if human_first:
            assert (code, company.living()) == (0, 1), said
        else:
            assert code == 3 and incident in said and "is running" in said and f"process {first.pid}" in said, said
            assert f"ir status {incident} --follow" in said, "how to follow it"
        code, said = told("resume", incident, "--yes")
        assert code == 3 and f"process {first.pid}" in said, "a live incident is never resumed twice"
        company.gate.set()
        printed, _ = first.communicate(timeout=60)
        assert first.returncode == 0, printed
        assert company.moved("a") and company.living() == 1


def _heard_of(book: State, *, after: float) -> None:
    """Every process wrote its last heartbeat so many seconds from now."""
    with book.engine.begin() as db:
        db.execute(sa.text("UPDATE ir_leases SET heartbeat = :at"), {"at": time.time() + after})


def test_an_incident_of_another_host_is_resumed_only_when_its_heartbeat_is_stale(company: Shop, book: State, told: Told) -> None:
    company.add("a", services=2)
    company.add("b")
    company.write()
    company.gate = threading.Event()
    begun = company.begin(*company.rotate("a"))
    until(lambda: bool(book.index.rows()))
    (row,) = book.index.rows()
    company.kill(begun)
    company.gate.set()
    with book.engine.begin() as db:
        db.execute(sa.text("UPDATE ir_leases SET host = 'lost-host'"))
    _heard_of(book, after=0.9 * STALE)
    recorded = len(read_entries(book.engine, row.incident))

    # The engine of another process on the same database recovers what is its own, and nothing else.
    code, said = company.ir(*company.rotate("b"), home="another-machine")
    assert code == 0 and company.moved("b"), said
    assert len(read_entries(book.engine, row.incident)) == recorded, "nobody else's engine ran it"

    _heard_of(book, after=0.9 * STALE)  # now, however slow this machine is
    code, said = told("resume", row.incident, "--yes")
    assert code == 3 and "on lost-host" in said and "is running" in said, said
    assert len(read_entries(book.engine, row.incident)) == recorded
    _heard_of(book, after=-STALE - 1)
    code, said = company.ir("resume", row.incident, "--yes")
    assert code == 0, said
    assert company.moved("a") and company.living() == 2


def test_debts_keep_a_cron_job_waiting_and_an_emergency_takes_them_over(company: Shop, book: State, told: Told) -> None:
    company.add("a", rotate_every="30d", services=2)
    company.write()
    company.gate = threading.Event()
    begun = company.begin(*company.rotate("a"))
    until(lambda: bool(book.index.rows()))
    (first,) = book.index.rows()
    sent = company.begin("abort", first.incident, "--yes", home="another-machine")
    until(lambda: bool(book.signals.sent(first.incident)))
    company.gate.set()
    assert (sent.wait(60), begun.wait(60)) == (5, 5), "the leaked key lives"
    code, said = company.ir(*company.rotate("a", policy="scheduled"), home="another-machine")
    assert code == 3 and first.incident in said and "an emergency is not kept waiting" in said, said
    code, said = company.ir(*company.rotate("a"), home="another-machine")
    assert code == 0 and company.moved("a") and company.living() == 1, said
    heir = next(row for row in book.index.rows() if row.status == "done")
    assert heir.summary["took_over"] == [first.incident]
    code, said = told("status", "--json")
    assert (code, json.loads(said)["debts"]) == (0, []), "paid by the one that proved the key dead"
    code, said = told("status", first.incident)
    assert heir.incident in said, said
