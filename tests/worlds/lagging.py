"""A copy of a store that is behind: what is read of it is as it was some time ago; writes go through at once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.worlds.bad_network import Answer, Bad, Proxy, Request, asked, proxy

_OF_SECRETS = ("GetSecretValue", "DescribeSecret", "ListSecretVersionIds")
_OF_PARAMETERS = ("GetParameter", "GetParameterHistory", "DescribeParameters")


def is_read(request: Request) -> bool:
    """Whether a request changes nothing."""
    target = request.headers.get("X-Amz-Target", "")
    return target.endswith(_OF_SECRETS + _OF_PARAMETERS) if target else request.method in ("GET", "LIST")


@dataclass
class Lag:
    """Keeps what each read was answered before each write.

    Attributes:
        behind: seconds.
        old: how many reads were answered with old news.
    """

    upstream: str
    behind: float
    old: int = 0
    _seen: dict[tuple[str, str, bytes, str], Request] = field(default_factory=dict)
    _before: dict[tuple[str, str, bytes, str], list[tuple[float, Answer]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spoils(self, request: Request) -> Bad | None:
        """Old news for a read, nothing for anything else."""
        if not is_read(request):
            return None
        with self._lock:
            self._seen[_key(request)] = request
            late = time.monotonic() - self.behind
            found = next((answer for at, answer in self._before.get(_key(request), []) if at > late), None)
            self.old += found is not None
        return None if found is None else Bad(times=0, instead=found)

    def before(self, request: Request) -> None:
        """Before a write: what is read until then."""
        if is_read(request) or request.path.endswith("/capabilities-self") or request.path.startswith("/authn"):
            return
        with self._lock:
            known = list(self._seen.items())
        for key, read in known:
            answer = asked(self.upstream, read)
            with self._lock:
                self._before.setdefault(key, []).append((time.monotonic(), answer))


def _key(request: Request) -> tuple[str, str, bytes, str]:
    return (request.method, request.path, request.body, request.headers.get("X-Amz-Target", ""))


@contextmanager
def lagging(upstream: str, behind: float) -> Iterator[tuple[Proxy, Lag]]:
    """A copy of the server that is that many seconds behind."""
    lag = Lag(upstream, behind)
    before: Callable[[Request], None] = lag.before
    with proxy(upstream, spoils=lag.spoils, before=before) as way:
        yield way, lag
