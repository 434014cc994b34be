"""Pools of urllib3 with a deadline over the whole call: the library's own time-outs start again with each byte.

with within(10.0) as watch:
    answer = pool.request(…, preload_content=False)
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from ir.clients.http_answer import FinalResponse
from ir.clients.http_deadline import CallDeadline

_calls = threading.local()
"""`watch` is the deadline of the call that this thread makes now."""


@contextmanager
def within(seconds: float) -> Iterator[CallDeadline]:
    """Limit everything that a call does, its body included. After `seconds` the socket is shut, and `expired` says why."""
    with CallDeadline(seconds) as watch:
        _calls.watch = watch
        try:
            yield watch
        finally:
            _calls.watch = None


class _Http(urllib3.connection.HTTPConnection):
    response_class = FinalResponse

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # urllib3's own class differs from its base so, too
        _hold(self.sock)
        return super().getresponse()


class _Https(urllib3.connection.HTTPSConnection):
    response_class = FinalResponse

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # urllib3's own class differs from its base so, too
        _hold(self.sock)
        return super().getresponse()


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


def watched(pool: Any) -> Any:
    """Put the connections of a pool manager under the deadline from now on; returns it."""
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


def _hold(held: socket.socket | None) -> None:
    watch: CallDeadline | None = getattr(_calls, "watch", None)
    if watch is not None and held is not None:
        watch.hold(held)
