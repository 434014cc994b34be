"""Going on with an incident takes all that it acts on again: others may have had it while only a debt kept it open."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ir import inventory
from ir.core.errors import AlreadyRunning, ExitCode
from ir.incident import playbook
from ir.incident.context import Options
from ir.incident.plan import compile_plan
from ir.incident.record import Incident
from ir.runtime import lifecycle
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, opening_entry, setting_from
from ir.storage import database, process_identity
from ir.storage.process_identity import Me

INVENTORY = """\
version: 1
accounts: [{name: main, id: acct_1AbC, mode: test}]
keys:
  - {name: payments, account: main, kind: secret, stored_in: ["dotenv:///etc/shop.env#A"]}
  - {name: refunds, account: main, kind: secret, stored_in: ["dotenv:///etc/shop.env#B"]}
"""


@pytest.fixture
def book(tmp_path: Path) -> Iterator[State]:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'l.sqlite'}")
    yield State(Path("/"), engine, process_identity.me("tester"))
    engine.dispose()


def opened(name: str, key: str) -> Incident:
    """An incident about `key`."""
    source = inventory.loads(INVENTORY, "inventory.yaml")
    plan = compile_plan(playbook.load("stripe-exposed"), source, source.key(key))
    setting = Setting(name, INVENTORY, "inventory.yaml", Path("/"), key, plan, Options())
    return cast(Incident, _Record(name, opening_entry(setting, "2026-11-27T00:00:00Z", "ann", {})))


class _Record:
    def __init__(self, name: str, body: dict[str, Any]) -> None:
        self.id, self.opened = name, body


def kept(book: State, who: str = "bob") -> State:
    """A process of `who`."""
    return replace(book, me=process_identity.me(who))


def dead(who: str) -> Me:
    """A process that runs no more."""
    return replace(process_identity.me(who), pid=2**22 - 1, born="1")


def begun(book: State, record: Incident, holder: Me, status: str, code: ExitCode) -> None:
    """`holder` began it and came as far as `status`."""
    book.leases.take(holder, record.id, lifecycle.resources(setting_from(record.id, record.opened)))
    book.index.note(record.id, status, int(code), {})


def test_what_a_later_run_took_and_gave_back_is_taken_again(book: State) -> None:
    """A debt, and a new rotation that was refused: the debt's own `ir resume` found that it held nothing, for ever."""
    owing, later = opened("INC-1", "payments"), opened("INC-2", "payments")
    begun(book, owing, dead("ann"), "debt", ExitCode.DEBT)
    begun(book, later, dead("ann"), "refused", ExitCode.REFUSED)
    book.leases.release(later.id)
    assert book.leases.holder(owing.id) is None
    mine = kept(book)
    fence = lifecycle.hold(owing, mine, "wake")
    assert book.leases.holds(mine.me, owing.id, fence)
    with pytest.raises(AlreadyRunning):
        book.leases.take(process_identity.me("carl"), "INC-3", ["store dotenv:///etc/shop.env"])


def test_a_store_that_another_key_is_being_rotated_in_is_not_written_beside_it(book: State) -> None:
    owing, other = opened("INC-1", "payments"), opened("INC-2", "refunds")
    begun(book, owing, dead("ann"), "debt", ExitCode.DEBT)
    book.leases.claim(dead("ann"), owing.id, 1, "key 0123456789abcdef")
    begun(book, other, process_identity.me("carl"), "running", ExitCode.WAITING)
    with pytest.raises(AlreadyRunning, match="INC-2") as refusal:
        lifecycle.hold(owing, kept(book), "wake")
    assert refusal.value.incident == "INC-2"
    for kind in lifecycle.ENDS:
        mine = kept(book, kind)
        mine.me = replace(mine.me, pid=2**22 - 1, born="1")  # each ends at once
        assert book.leases.holds(mine.me, owing.id, lifecycle.hold(owing, mine, kind))


@pytest.mark.parametrize("kind", ["wake", "abort"])
def test_a_live_one_is_never_taken_over(book: State, kind: str) -> None:
    record = opened("INC-1", "payments")
    begun(book, record, process_identity.me("ann"), "running", ExitCode.WAITING)
    with pytest.raises(AlreadyRunning, match="INC-1"):
        lifecycle.hold(record, kept(book), kind)


def test_what_this_version_cannot_read_is_held_by_its_name(book: State) -> None:
    record = cast(Incident, _Record("INC-1", {"key": "payments"}))
    mine = kept(book)
    assert book.leases.holds(mine.me, "INC-1", lifecycle.hold(record, mine, "abort"))
