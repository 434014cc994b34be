"""A shop on a PostgreSQL database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.shop import Shop, shop
from tests.worlds.postgres import Postgres


@pytest.fixture
def company(postgresql: Postgres, tmp_path: Path) -> Iterator[Shop]:
    """A shop on a database of its own."""
    with shop(tmp_path, postgresql.database()) as made:
        yield made
