"""The engine under our runner: what it keeps of ours in its tables, by its public interface alone."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOS

import ir
from ir.core.model import Json
from ir.drill.simulated.world import Simulation
from ir.engine.dbos_runner import Runner
from ir.engine.dbos_steps import HandedBack
from ir.evidence import audit_log
from ir.storage import database, process_identity
from ir.storage.leases import Leases
from ir.storage.signal_log import SignalLog

_OURS = ("ir", "tests", "docs")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    made = Runner(engine, process_identity.me("ann"), Leases(engine), SignalLog(engine))
    made.launch()
    yield made
    made.close()
    engine.dispose()


def test_a_queue_is_kept_only_while_something_lies_in_it(runner: Runner) -> None:
    def names() -> list[str]:
        return [queue.name for queue in DBOS.list_queues()]

    assert names() == []
    DBOS.register_queue(runner.queue)
    runner._queued = True  # noqa: SLF001 - as `resume` does
    runner._coming |= {"INC-1", "INC-2"}  # noqa: SLF001 - as `resume` does
    runner.arrived("INC-1")
    assert names() == [runner.queue]
    runner.arrived("INC-2")
    assert names() == []


def test_an_error_is_not_recorded_as_the_end_of_an_incident(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record has no room for a moment, and the engine's own tables have: the engine still takes it for unfinished."""
    sim, append = Simulation(), audit_log.append

    def full(engine: sa.Engine, entry: Json) -> Json | None:
        if entry["kind"] == "step":
            raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
        return append(engine, entry)

    def started(*given: Any) -> Any:
        handles.append(start(*given))
        return handles[0]

    handles, start = list[Any](), DBOS.start_workflow
    monkeypatch.setattr(DBOS, "start_workflow", started)
    monkeypatch.setattr(audit_log, "append", full)
    fence = runner.leases.take(runner.me, sim.incident, ["key payments"])
    runner.start(sim.opening(), sim.world, fence)
    assert [entry["kind"] for entry in runner.follow(sim.incident)] == ["opened"]
    with pytest.raises(HandedBack):  # once the engine has made its own entry
        handles[0].get_result()
    assert "cannot be written" in runner.broken[sim.incident]
    assert runner.status(sim.incident) == "PENDING"


def test_no_file_of_ours_imports_a_private_part_of_a_library() -> None:
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in Path(ir.__file__).parent.rglob("*.py")}
    named = [(file, words) for file, tree in trees.items() for node in ast.walk(tree) for words in _imported(node)]
    assert len(named) > 1000
    assert not [row for row in named if row[1].partition(".")[0] not in _OURS and re.search(r"(^|[. ])_[a-z]", row[1])]


def test_no_file_of_ours_uses_a_private_part_of_a_library() -> None:
    """The linter refuses it, and may be silenced for an object of the same file alone."""
    lines = [line for path in Path(ir.__file__).parent.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 10000
    assert not [line for line in lines if "SLF001" in line and "SLF001 - the same file" not in line]


def _imported(node: ast.AST) -> list[str]:
    """Module and name of each import."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module} {alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
