"""Real servers on loopback, one of each per session; every test makes objects of its own in them."""

from collections.abc import Iterator

import pytest

from ir.drill.embedded.moto_server import moto
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.embedded.openbao_server import openbao as run_openbao
from tests.worlds.aws import StrictMoto
from tests.worlds.conjur_fake import ConjurFake


@pytest.fixture(scope="session")
def aws_address() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture(scope="session")
def strict_aws() -> Iterator[StrictMoto]:
    """It checks IAM policies."""
    with moto() as address:
        yield StrictMoto(address)


@pytest.fixture(scope="session")
def openbao() -> Iterator[OpenBao]:
    with run_openbao() as server:
        yield server


@pytest.fixture(scope="session")
def conjur_fake() -> Iterator[ConjurFake]:
    with ConjurFake() as fake:
        yield fake
