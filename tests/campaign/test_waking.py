"""A worker's look at the children that wait costs the same however many there are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ir.fleet.campaign import Child, ChildState
from ir.fleet.waking import Waking
from ir.storage import database, process_identity
from ir.storage.incident_index import IncidentIndex
from ir.storage.leases import Leases
from ir.storage.signal_log import SignalLog
from ir.storage.tables import META

NOW = 1_000.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    yield made
    made.dispose()


def _waiting(engine: sa.Engine, count: int) -> list[Child]:
    """At the end of their grace, each with leases that no process keeps alive."""
    me, leases, children = process_identity.me("tester@host"), Leases(engine), list[Child]()
    for number in range(count):
        name = f"INC-{count}-{number}"
        fence = leases.take(me, name, [f"key acct/{name}", f"store {name}"])
        IncidentIndex(engine).note(name, "waiting", 4, {"heard": 0, "wake_at": NOW - 1})
        leases.let_go(me, name, fence)
        state = ChildState.WAITING
        children.append(Child(number, "CAM-1", number, name, name, "acct", (), (), False, incident=name, state=state))
    return children


def _waking(engine: sa.Engine) -> Waking:
    return Waking(IncidentIndex(engine), SignalLog(engine), Leases(engine))


def test_a_look_asks_the_same_of_few_and_of_many(engine: sa.Engine) -> None:
    """Each child that could go on was a question of its own: at the end of one grace a thousand, every five seconds."""
    asked = list[str]()
    few, many = _waiting(engine, 2), _waiting(engine, 40)
    sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    counts = []
    for children in (few, many):
        asked.clear()
        assert _waking(engine).ready(children, NOW) == children
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_one_that_a_living_process_holds_is_left_to_it(engine: sa.Engine) -> None:
    held, free = _waiting(engine, 2)
    Leases(engine).take_over(process_identity.me("tester@host"), held.incident)
    assert _waking(engine).ready([held, free], NOW) == [free]


def test_a_table_of_an_older_version_gets_its_index(engine: sa.Engine) -> None:
    Leases(engine)
    with engine.begin() as db:
        db.execute(sa.text("DROP INDEX ix_ir_leases_incident"))
    database.create_tables(engine, META)
    assert "ix_ir_leases_incident" in {row["name"] for row in sa.inspect(engine).get_indexes("ir_leases")}
