"""Servers on loopback that all tests of one process share; each starts when the first test asks for it."""

from collections.abc import Iterator

import pytest

from ir.drill.embedded.moto_server import moto
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.embedded.openbao_server import openbao as run_openbao
from ir.drill.embedded.sandbox import Servers
from tests.worlds import aws, vault
from tests.worlds.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def aws_address() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture(scope="session")
def openbao() -> Iterator[OpenBao]:
    with run_openbao() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """Without it a test fails, it is never skipped."""
    with postgres() as server:
        yield server


@pytest.fixture
def drill_servers(aws_address: str, openbao: OpenBao) -> Iterator[Servers]:
    """For one drill: what it put there is gone afterwards."""
    yield Servers(aws_address, openbao)
    aws.forget(aws_address, "prod/payments")
    vault.forget(openbao, "payments")
