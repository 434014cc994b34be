"""What is left out of the engine is still there to be left out, and only for whom it may be."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos import DBOS
from dbos._dbos import _get_dbos_instance

from ir.engine.dbos_runner import Runner
from ir.storage import database, incident_store, process_identity


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    made = Runner(engine, process_identity.me("ann"), incident_store.Ledger(engine))
    made.launch()
    yield made
    made.close()
    engine.dispose()


def test_nobody_looks_for_what_is_never_there(runner: Runner) -> None:
    threads = [thread for thread in threading.enumerate() if thread.name == "dbos-background-jobs" or "scheduler_loop" in thread.name]
    assert len(threads) <= 2
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    queue = _get_dbos_instance()._registry.get_internal_queue()  # noqa: SLF001 - what `dbos_tuning` reaches for
    assert queue._polling_interval_sec > 3600  # noqa: SLF001 - as above


def test_a_queue_is_looked_into_only_while_something_lies_in_it(runner: Runner) -> None:
    tables = _get_dbos_instance()._sys_db  # noqa: SLF001 - what `dbos_tuning` reaches for
    assert tables.list_queues() == []
    DBOS.register_queue(runner.queue)
    runner._queued = True  # noqa: SLF001 - as `resume` does
    runner._coming |= {"INC-1", "INC-2"}  # noqa: SLF001 - as `resume` does
    assert [queue.name for queue in tables.list_queues()] == [runner.queue]
    runner.arrived("INC-1")
    assert tables.get_queue(runner.queue) is not None
    runner.arrived("INC-2")
    assert tables.get_queue(runner.queue) is None
    assert tables.list_queues() == []


def test_only_an_incident_that_began_here_is_known_to_have_nothing_recorded(runner: Runner) -> None:
    tables = _get_dbos_instance()._sys_db  # noqa: SLF001 - what `dbos_tuning` reaches for
    runner._begun.add("INC-1")  # noqa: SLF001 - as `start` does
    assert tables.check_operation_execution("INC-1", 1, "mint#1") is None
    with pytest.raises(AssertionError, match="INC-2 does not exist"):
        tables.check_operation_execution("INC-2", 1, "mint#1")
    runner.rest("INC-1")
    with pytest.raises(AssertionError, match="INC-1 does not exist"):
        tables.check_operation_execution("INC-1", 1, "mint#1")
