"""The question that stands before every write: read-only in a dry run, fenced after a take-over."""

import inspect

import pytest

from ir import ports
from ir.core.errors import Refused
from ir.runtime import write_guard


class _Port:
    def __getattr__(self, name: str) -> object:
        return lambda *args, **kwargs: name


@pytest.mark.parametrize("name", [*write_guard.STORE_WRITES, *write_guard.ISSUER_WRITES, *write_guard.RELOADER_WRITES])
def test_a_dry_run_stops_every_write(name: str) -> None:
    writes = (*write_guard.STORE_WRITES, *write_guard.ISSUER_WRITES, *write_guard.RELOADER_WRITES)
    with pytest.raises(Refused):
        getattr(write_guard.Guarded(_Port(), writes, write_guard.read_only), name)("x")


def test_reads_are_not_asked_about() -> None:
    assert write_guard.Guarded(_Port(), write_guard.STORE_WRITES, write_guard.read_only).read() == "read"


def test_every_method_of_a_port_is_known_as_a_read_or_a_write() -> None:
    reads = {
        "read",
        "stamp",
        "ends_at",
        "check_write",
        "pending",
        "left",
        "incidents",
        "fetch",
        "probe",
        "identify",
        "strays",
        "watch_also",
        "ready",
        "owners",
        "may_read",
    }
    for port, writes in (
        (ports.Store, write_guard.STORE_WRITES),
        (ports.Issuer, write_guard.ISSUER_WRITES),
        (ports.Reloader, write_guard.RELOADER_WRITES),
    ):
        methods = {name for name, member in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")}
        assert methods <= reads | set(writes), f"{port.__name__}: {methods - reads - set(writes)} is neither"
