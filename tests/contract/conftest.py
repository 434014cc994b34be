"""Real servers on loopback that the contracts alone need, one of each; every test makes objects of its own in them."""

from collections.abc import Iterator

import pytest

from tests.worlds.aws import StrictMoto
from tests.worlds.conjur_fake import ConjurFake
from tests.worlds.moto_server import moto


@pytest.fixture(scope="session")
def strict_aws() -> Iterator[StrictMoto]:
    """It checks IAM policies."""
    with moto() as address:
        yield StrictMoto(address)


@pytest.fixture(scope="session")
def conjur_fake() -> Iterator[ConjurFake]:
    with ConjurFake() as fake:
        yield fake
