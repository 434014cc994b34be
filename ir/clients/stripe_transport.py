"""The HTTP side of `stripe_api`: the SDK on one shared, bounded urllib3 pool. Imported lazily, it loads the SDK.

The SDK's own `requests` client keeps one session per thread, honours `.netrc`, and a body that trickles in
may hold it for ever. This one has a deadline for the whole call, follows no redirect (a redirect would carry
the key elsewhere), and reads no `.netrc`. Proxies and authorities: `way_out`.
"""

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import stripe
import urllib3

from ir.clients import way_out
from ir.clients.http_deadline import CallDeadline
from ir.clients.watched_pool import within
from ir.core.errors import PortError, Unknown
from ir.core.urls import parse

_MOST_BYTES = 64 << 20
_CHUNK = 1 << 16
_AGENT_MARK = " AIAgent/"


@dataclass(frozen=True)
class Wire:
    """One raw answer, as it came."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class PooledClient(stripe.HTTPClient):
    """`stripe.HTTPClient` over urllib3. Thread-safe; `last` is the calling thread's own last answer.

    Args:
        timeout: seconds for a whole call, connecting and reading included.
        base: the address that it calls; the proxy and the authorities for it are read now.

    Raises:
        NotAsked: the environment names a proxy or authorities that cannot be used.
    """

    name = "urllib3"

    def __init__(self, timeout: float, base: str) -> None:
        super().__init__()
        place = parse(base)
        self._way = way_out.proxy_for(place)
        self._timeout = timeout
        self._limits = urllib3.Timeout(connect=min(5.0, timeout), total=timeout)
        self._pool = way_out.pool(self._way, _trusted(), 64)
        self._of_host = lru_cache(maxsize=4)(self._pool.connection_from_host)
        self._answers = threading.local()

    @property
    def last(self) -> Wire | None:
        """The answer to this thread's last call; None when there was none."""
        answer: Wire | None = getattr(self._answers, "wire", None)
        return answer

    def forget(self) -> None:
        """Clear this thread's last answer, so that a failed call cannot be mistaken for an earlier one."""
        self._answers.wire = None

    def request(  # type: ignore[override]  # the SDK's base declares a `_usage` that it never passes on
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: object = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Make one exchange, whose answer is in `last`.

        The SDK gets no body, because it would parse it once more. Raises `Unknown` only.
        """
        body = post_data.encode() if isinstance(post_data, str) else None
        wire = self._send(method.upper(), url, _plain(headers or {}), body)
        return b"{}", wire.status, wire.headers

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Wire:
        self.forget()
        late = False
        try:
            with within(self._timeout) as watch:
                try:
                    wire = self._exchange(method, url, headers, body, watch)
                finally:
                    late = watch.expired
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failed: PortError = _failure(error, self._way, late=late)
        else:
            self._answers.wire = wire
            return wire
        # outside of the handlers: the library's errors hold the request
        raise failed

    def _exchange(self, method: str, url: str, headers: dict[str, str], body: bytes | None, watch: CallDeadline) -> Wire:
        deadline = time.monotonic() + self._timeout
        place = urlsplit(url)
        answer = self._of_host(place.hostname, place.port, place.scheme).urlopen(
            method,
            place.path + (f"?{place.query}" if place.query else ""),
            headers=headers,
            body=body,
            timeout=self._limits,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )
        try:
            content = _read(answer, deadline)
            watch.release()
            if watch.expired:  # what looks like the end of the body may be our own deadline
                raise urllib3.exceptions.TimeoutError("too slow")
        except BaseException:
            answer.close()
            raise
        answer.release_conn()
        return Wire(answer.status, content, {name.lower(): value for name, value in answer.headers.items()})

    def close(self) -> None:
        """Close every idle connection."""
        self._of_host.cache_clear()
        self._pool.clear()


def _trusted() -> ssl.SSLContext:
    """The trusted authorities: as the environment says, else the SDK's own list."""
    return way_out.tls() if way_out.authority() else ssl.create_default_context(cafile=stripe.ca_bundle_path)


def _failure(error: Exception, proxy: way_out.Proxy | None, *, late: bool) -> PortError:
    """Name the failure in our words."""
    if isinstance(error, urllib3.exceptions.ProxyError) and proxy is not None:
        return proxy.refuses("Stripe", error)
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return Unknown("no connection to Stripe", safe="nothing was sent")
    if late or isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return Unknown("Stripe did not answer in time")
    if isinstance(error, urllib3.exceptions.SSLError):
        said = "Stripe's certificate could not be verified: something stands between here and Stripe"
        return Unknown(said, safe="nothing was sent", next_step=way_out.NAME_THE_AUTHORITY)
    return Unknown("the connection to Stripe broke before the answer was complete")


def _read(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    parts, size = [], 0
    while part := answer.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise urllib3.exceptions.ProtocolError("too long")
        if time.monotonic() > deadline:
            raise urllib3.exceptions.TimeoutError("too slow")
    return b"".join(parts)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    # the SDK would tell Stripe which editor or agent started the process; that is not Stripe's business
    kept = dict(headers)
    kept["User-Agent"] = kept.get("User-Agent", "").partition(_AGENT_MARK)[0]
    about = json.loads(kept.get("X-Stripe-Client-User-Agent", "{}"))
    about.pop("ai_agent", None)
    kept["X-Stripe-Client-User-Agent"] = json.dumps(about)
    return kept
