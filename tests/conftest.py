"""What the machine lacks, said before the first test; and servers on loopback that all tests of one process share.

Each server starts when the first test asks for it.
"""

import gc
import os
from collections.abc import Iterator

import pytest

from ir.core import process_life
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.embedded.openbao_server import openbao as run_openbao
from ir.drill.embedded.sandbox import Servers
from tests import programs
from tests.order import mixed
from tests.worlds import aws, vault
from tests.worlds.moto_server import moto
from tests.worlds.postgres import Postgres, postgres

_ENDING = process_life.begin()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Says it once, in the process that prints; under CI it is an error, and no test begins."""
    lines = programs.lacking()
    if lines and os.environ.get("CI"):
        raise pytest.UsageError("\n".join(lines))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        for line in lines:
            reporter.write_line(line, yellow=True)
    if _is_worker(session.config):
        process_life.importing()


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: looking through it again and again for garbage takes a tenth of a run.

    So does looking at whatever a test has just made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """DuckDB complains of what is not collected when Python takes everything down."""
    if not _is_worker(session.config):
        gc.unfreeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """A worker has told all by now; taking down what it imported takes seconds."""
    if _is_worker(config):
        _ENDING.code = 0


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is a process of pytest-xdist that runs tests for another."""
    return hasattr(config, "workerinput")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run in several processes has an order of its own."""
    if hasattr(config, "workerinput"):
        items[:] = mixed(items, lambda item: item.path)


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
