"""The engine under our runner: what it keeps of ours in its tables, by its public interface alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos import DBOS

import ir
from ir.engine.dbos_runner import Runner
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


def test_no_file_of_ours_imports_a_private_part_of_a_library() -> None:
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in Path(ir.__file__).parent.rglob("*.py")}
    named = [(file, words) for file, tree in trees.items() for node in ast.walk(tree) for words in _imported(node)]
    assert len(named) > 1000
    assert not [row for row in named if row[1].partition(".")[0] not in _OURS and re.search(r"(^|[. ])_[a-z]", row[1])]


def _imported(node: ast.AST) -> list[str]:
    """Module and name of each import."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module} {alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
