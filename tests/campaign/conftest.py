"""One PostgreSQL server for all of these tests; without it they fail, they are never skipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.shop import Shop, shop
from tests.worlds.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """The server."""
    with postgres() as found:
        yield found


@pytest.fixture
def company(server: Postgres, tmp_path: Path) -> Iterator[Shop]:
    """A shop on a database of its own."""
    with shop(tmp_path, server.database()) as made:
        yield made
