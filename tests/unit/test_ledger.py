"""Leases: one holder per resource, dead holders are replaced, live ones never."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ir.core.errors import AlreadyRunning, Refused
from ir.runtime.app_state import State
from ir.storage import database, process_identity, process_table
from ir.storage.leases import STALE


@pytest.fixture
def book(tmp_path: Path) -> Iterator[State]:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'l.sqlite'}")
    yield State(Path("/"), engine, process_identity.me("tester"))
    engine.dispose()


def test_one_incident_per_resource_and_the_refusal_names_who_where_and_since(book: State) -> None:
    book.leases.take(process_identity.me("ann"), "INC-1", ["key a", "store x"])
    with pytest.raises(AlreadyRunning) as refusal:
        book.leases.take(process_identity.me("bob"), "INC-2", ["store y", "store x"])
    assert refusal.value.incident == "INC-1"
    assert "ann" in refusal.value.what
    assert str(os.getpid()) in refusal.value.what
    assert book.leases.busy(["store y"]) is None, "all or none"


def test_a_live_holder_is_never_replaced(book: State) -> None:
    book.leases.take(process_identity.me("ann"), "INC-1", ["key a"])
    with pytest.raises(AlreadyRunning):
        book.leases.take_over(process_identity.me("bob"), "INC-1")


def test_a_dead_holder_is_replaced_with_a_higher_fence(book: State) -> None:
    dead = replace(process_identity.me("ann"), pid=2**22 - 1, born="1")
    first = book.leases.take(dead, "INC-1", ["key a", "store x"])
    mine = process_identity.me("bob")
    second = book.leases.take_over(mine, "INC-1")
    assert second > first
    assert not book.leases.beat(dead, "INC-1", first), "the old holder learns that it lost"
    assert book.leases.beat(mine, "INC-1", second)


def test_a_recycled_process_number_is_not_mistaken_for_the_holder(book: State) -> None:
    imposter = replace(process_identity.me("ann"), born="12345", executor="other")
    book.leases.take(imposter, "INC-1", ["key a"])
    assert book.leases.take_over(process_identity.me("bob"), "INC-1") == 2


def test_elsewhere_the_heartbeat_counts(book: State) -> None:
    far = replace(process_identity.me("ann"), host="elsewhere")
    book.leases.take(far, "INC-1", ["key a"])
    with pytest.raises(AlreadyRunning):
        book.leases.take_over(process_identity.me("bob"), "INC-1")
    with book.engine.begin() as db:
        db.exec_driver_sql("UPDATE ir_leases SET heartbeat = ?", (time.time() - STALE - 1,))
    assert book.leases.take_over(process_identity.me("bob"), "INC-1") == 2


def test_a_heartbeat_of_the_future_is_no_sign_of_life(book: State) -> None:
    """Its database server's clock was ahead of that of the standby which took its place: a dead process looked alive for as long."""
    book.leases.take(replace(process_identity.me("ann"), host="elsewhere"), "INC-1", ["key a"])
    with book.engine.begin() as db:
        db.exec_driver_sql("UPDATE ir_leases SET heartbeat = ?", (time.time() + 600.0,))
    assert not book.leases.alive(["INC-1"])
    assert book.leases.take_over(process_identity.me("bob"), "INC-1") == 2


@pytest.mark.parametrize("where", ["another kernel pid:[4026531836]", ""], ids=["another machine", "nobody knows where"])
def test_of_a_namesake_only_the_heartbeat_tells(book: State, where: str) -> None:
    """Two containers with one host name: the other's process is not here, or its number is somebody else's here."""
    mine = process_identity.me("bob")
    for pid, born in ((2**22 - 1, "1"), (mine.pid, mine.born)):
        namesake = replace(process_identity.me("ann"), machine=where, pid=pid, born=born)
        book.leases.take(namesake, f"INC-{pid}", [f"key {pid}"])
        with pytest.raises(AlreadyRunning):
            book.leases.take_over(mine, f"INC-{pid}")
        with book.engine.begin() as db:
            db.exec_driver_sql("UPDATE ir_leases SET heartbeat = ?", (time.time() - STALE - 1,))
        assert book.leases.take_over(mine, f"INC-{pid}") == 2


def test_a_process_that_is_not_shown_to_us_is_not_taken_for_dead(book: State, monkeypatch: pytest.MonkeyPatch) -> None:
    book.leases.take(replace(process_identity.me("ann"), born="12345"), "INC-1", ["key a"])

    def hidden(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(process_table, "born", lambda _pid: "")
    monkeypatch.setattr(os, "kill", hidden)
    with pytest.raises(AlreadyRunning):
        book.leases.take_over(process_identity.me("bob"), "INC-1")


def test_a_table_of_an_older_version_gets_the_column_and_its_holders_are_told_by_their_heartbeat(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    book = State(Path("/"), engine, process_identity.me("tester"))
    book.leases.take(replace(process_identity.me("ann"), pid=2**22 - 1), "INC-1", ["key a"])
    with engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE ir_leases DROP COLUMN machine")
    engine.dispose()
    engine = database.open_engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    book = State(Path("/"), engine, process_identity.me("tester"))
    with pytest.raises(AlreadyRunning):
        book.leases.take_over(process_identity.me("bob"), "INC-1")
    with engine.begin() as db:
        db.exec_driver_sql("UPDATE ir_leases SET heartbeat = 0")
    assert book.leases.take_over(process_identity.me("bob"), "INC-1") == 2
    engine.dispose()


def test_a_killed_process_that_its_parent_never_asked_after_is_dead(book: State) -> None:
    child = subprocess.Popen(["/bin/sleep", "60"])
    try:
        killed = replace(process_identity.me("ann"), pid=child.pid, born=process_table.born(child.pid), executor="killed")
        book.leases.take(killed, "INC-1", ["key a"])
        with pytest.raises(AlreadyRunning):
            book.leases.take_over(process_identity.me("bob"), "INC-1")
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # its number stays taken
        assert book.leases.take_over(process_identity.me("bob"), "INC-1") == 2
    finally:
        child.kill()
        child.wait()


def test_this_machine_is_known_and_another_numbering_of_processes_is_not_it() -> None:
    pid = os.getpid()
    where, born = process_table.machine(), process_table.born(pid)
    assert where and process_table.runs(where, pid, born) is True
    assert process_table.runs(where, pid, f"{born}0") is False, "a recycled number"
    assert process_table.runs(where, 2**22 - 1, born) is False
    assert process_table.runs(f"{where.split()[0]} pid:[1]", pid, born) is None


def test_an_incident_that_only_owes_gives_way(book: State) -> None:
    book.leases.take(replace(process_identity.me("ann"), pid=2**22 - 1, born="1"), "INC-1", ["key a"])
    book.index.note("INC-1", "waiting", 4, {})
    with pytest.raises(AlreadyRunning):
        book.leases.take(process_identity.me("bob"), "INC-2", ["key a"])
    book.index.note("INC-1", "debt", 5, {})
    assert book.leases.take(process_identity.me("bob"), "INC-2", ["key a"]) >= 1
    with pytest.raises(Refused):
        book.leases.take_over(process_identity.me("ann"), "INC-1")


@pytest.mark.parametrize("status", ["done", "refused", "rolled back", "aborted", "attested"])
def test_an_incident_that_died_before_it_gave_back_blocks_nobody(book: State, status: str) -> None:
    book.leases.take(replace(process_identity.me("ann"), pid=2**22 - 1, born="1"), "INC-1", ["key a"])
    book.index.note("INC-1", "running", 4, {})
    assert book.leases.busy(["key a"]) is not None
    book.index.note("INC-1", status, 3, {})
    assert book.leases.busy(["key a"]) is None
    assert book.leases.take(process_identity.me("bob"), "INC-2", ["key a"]) >= 1


def test_an_incident_that_died_before_its_first_entry_blocks_nobody(book: State) -> None:
    book.leases.take(replace(process_identity.me("ann"), pid=2**22 - 1, born="1"), "INC-1", ["key a"])
    assert book.leases.busy(["key a"]) is None
    assert book.leases.take(process_identity.me("bob"), "INC-2", ["key a"]) >= 1


def test_of_many_who_reach_for_it_one_gets_it(book: State) -> None:
    won: list[str] = []

    def reach(name: str) -> None:
        try:
            book.leases.take(replace(process_identity.me(name), executor=name), name, ["key a"])
            won.append(name)
        except AlreadyRunning:
            pass

    threads = [threading.Thread(target=reach, args=(f"INC-{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_signals_are_kept_in_order_and_the_index_is_newest_first(book: State) -> None:
    first, second = book.signals.send("INC-1", "wake", "ann"), book.signals.send("INC-1", "abort", "bob", {"why": "x"})
    book.signals.send("INC-2", "wake", "ann")
    assert [row["id"] for row in book.signals.sent("INC-1")] == [first, second]
    assert [row["kind"] for row in book.signals.sent("INC-1", first)] == ["abort"]
    book.index.note("INC-1", "running", 4, {"a": 1})
    book.index.note("INC-2", "running", 4, {})
    book.index.note("INC-1", "done", 0, {"a": 2})
    assert [row.incident for row in book.index.rows()] == ["INC-2", "INC-1"]
    book.index.note("INC-3", "done", 0, {"key": "payments"})
    assert [row.incident for row in book.index.rows("payments")] == ["INC-3"], "those of one key, by the database"
    found = book.index.find("INC-1")
    assert found is not None
    assert (found.status, found.summary) == ("done", {"a": 2})


def test_a_key_is_claimed_by_one_incident_whatever_it_is_called(book: State) -> None:
    ann, bob = process_identity.me("ann"), process_identity.me("bob")
    fence = book.leases.take(ann, "INC-1", ["key acct/payments"])
    book.leases.claim(ann, "INC-1", fence, "key 0123456789abcdef")
    book.leases.claim(ann, "INC-1", fence, "key 0123456789abcdef")
    other = book.leases.take(bob, "INC-2", ["key acct/the-same-key-by-another-name"])
    with pytest.raises(AlreadyRunning) as refusal:
        book.leases.claim(bob, "INC-2", other, "key 0123456789abcdef")
    assert refusal.value.incident == "INC-1"
    assert book.leases.beat(ann, "INC-1", fence)
    book.leases.release("INC-1")
    book.leases.claim(bob, "INC-2", other, "key 0123456789abcdef")


def test_what_was_claimed_is_taken_over_with_the_rest(book: State) -> None:
    dead = replace(process_identity.me("ann"), pid=2**22 - 1, born="1")
    first = book.leases.take(dead, "INC-1", ["key a"])
    book.leases.claim(dead, "INC-1", first, "key 0123456789abcdef")
    mine = process_identity.me("bob")
    second = book.leases.take_over(mine, "INC-1")
    book.leases.claim(mine, "INC-1", second, "key 0123456789abcdef")
    assert book.leases.beat(mine, "INC-1", second)
    assert not book.leases.beat(dead, "INC-1", first)


def test_a_lease_that_is_gone_is_told_from_one_that_was_taken_or_given_back(book: State) -> None:
    dead = replace(process_identity.me("ann"), pid=2**22 - 1, born="1")
    first = book.leases.take(dead, "INC-1", ["key a"])
    mine = process_identity.me("bob")
    second = book.leases.take_over(mine, "INC-1")
    assert not book.leases.forgotten("INC-1", first), "taken over"
    assert book.leases.forgotten("INC-1", second + 1), "an older copy names the former holder"
    book.leases.release("INC-1")
    assert book.leases.forgotten("INC-1", second), "neither it nor its incident is there"
    book.index.note("INC-1", "running", 4, {})
    assert book.leases.forgotten("INC-1", second)
    book.index.note("INC-1", "done", 0, {})
    assert not book.leases.forgotten("INC-1", second), "another process ended it"
