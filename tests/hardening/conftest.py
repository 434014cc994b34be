"""A rotation whose database is reached by a line that can be cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.postgres import Postgres
from tests.worlds.responder import Responder, responder
from tests.worlds.wire import Wire, wire


@pytest.fixture
def database(postgresql: Postgres) -> str:
    return postgresql.database()


@pytest.fixture
def line(database: str) -> Iterator[Wire]:
    with wire(database) as made:
        yield made


@pytest.fixture
def by_line(tmp_path: Path, database: str, line: Wire) -> Iterator[Responder]:
    """Its own looks at the database go past the line."""
    with responder(tmp_path / "world", database=database) as made:
        made.more = {"IR_DATABASE_URL": line.address}
        yield made
