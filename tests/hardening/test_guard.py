"""The question that stands before every write: read-only in a dry run, fenced after a take-over."""

import inspect

import pytest

from ir import guard, ports
from ir.errors import Refused


class _Port:
    def __getattr__(self, name: str) -> object:
        return lambda *args, **kwargs: name


@pytest.mark.parametrize("name", [*guard.STORE_WRITES, *guard.ISSUER_WRITES, *guard.RELOADER_WRITES])
def test_a_dry_run_stops_every_write(name: str) -> None:
    writes = (*guard.STORE_WRITES, *guard.ISSUER_WRITES, *guard.RELOADER_WRITES)
    with pytest.raises(Refused):
        getattr(guard.Guarded(_Port(), writes, guard.read_only), name)("x")


def test_reads_are_not_asked_about() -> None:
    assert guard.Guarded(_Port(), guard.STORE_WRITES, guard.read_only).read() == "read"


def test_every_method_of_a_port_is_known_as_a_read_or_a_write() -> None:
    reads = {"read", "check_write", "pending", "left", "incidents", "fetch", "probe", "identify", "strays", "watch_also"}
    for port, writes in ((ports.Store, guard.STORE_WRITES), (ports.Issuer, guard.ISSUER_WRITES), (ports.Reloader, guard.RELOADER_WRITES)):
        methods = {name for name, member in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")}
        assert methods <= reads | set(writes), f"{port.__name__}: {methods - reads - set(writes)} is neither"
