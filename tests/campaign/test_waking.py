"""A worker's look at the children that wait costs the same however many there are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.fleet.campaign import Child, ChildState
from ir.fleet.waking import Waking
from ir.storage import database, process_identity
from ir.storage.incident_store import Ledger

NOW = 1_000.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    yield made
    made.dispose()


def _waiting(ledger: Ledger, count: int) -> list[Child]:
    """At the end of their grace, each with leases that no process keeps alive."""
    me, children = process_identity.me("tester@host"), []
    for number in range(count):
        name = f"INC-{count}-{number}"
        fence = ledger.take(me, name, [f"key acct/{name}", f"store {name}"])
        ledger.note(name, "waiting", 4, {"heard": 0, "wake_at": NOW - 1})
        ledger.let_go(me, name, fence)
        state = ChildState.WAITING
        children.append(Child(number, "CAM-1", number, name, name, "acct", (), (), False, incident=name, state=state))
    return children


def test_a_look_asks_the_same_of_few_and_of_many(engine: sa.Engine) -> None:
    """Each child that could go on was a question of its own: at the end of one grace a thousand, every five seconds."""
    ledger, asked = Ledger(engine), list[str]()
    few, many = _waiting(ledger, 2), _waiting(ledger, 40)
    sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    counts = []
    for children in (few, many):
        asked.clear()
        assert Waking(ledger).ready(children, NOW) == children
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_one_that_a_living_process_holds_is_left_to_it(engine: sa.Engine) -> None:
    ledger = Ledger(engine)
    held, free = _waiting(ledger, 2)
    ledger.take_over(process_identity.me("tester@host"), held.incident)
    assert Waking(ledger).ready([held, free], NOW) == [free]


def test_a_table_of_an_older_version_gets_its_index(engine: sa.Engine) -> None:
    Ledger(engine)
    with engine.begin() as db:
        db.execute(sa.text("DROP INDEX ix_ir_leases_incident"))
    Ledger(engine)
    assert "ix_ir_leases_incident" in {row["name"] for row in sa.inspect(engine).get_indexes("ir_leases")}
