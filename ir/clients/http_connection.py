"""One request over one new connection, to an address or through a proxy, with TLS, the answer, and every way to fail."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ir.clients.http_answer import FinalResponse, unpacked
from ir.clients.http_deadline import CallDeadline
from ir.clients.way_out import NAME_THE_AUTHORITY, PERHAPS_OF_THE_PROXY, Proxy
from ir.core.errors import Missing, PortError, Rejected, Unknown
from ir.core.secret import excerpt
from ir.core.urls import ParsedUrl

LARGEST = 1024 * 1024
"""Bytes of an answer's body; more is refused."""


@dataclass(frozen=True)
class HttpResponse:
    """An answer of HTTP.

    Attributes:
        headers: names in lower case; of a repeated one, the first.
        address: the address that answered; empty behind a proxy.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str = ""


@dataclass(frozen=True)
class HttpRequest:
    """A request; `headers` may hold secrets, so it has no printable form."""

    method: str
    place: ParsedUrl
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.place})"


@dataclass(frozen=True)
class Route:
    """The way to a host: addresses to try in this order, or a proxy."""

    addresses: tuple[str, ...]
    proxy: Proxy | None = None


def exchange(request: HttpRequest, way: Route, tls: ssl.SSLContext | None, deadline: float, watch: CallDeadline) -> HttpResponse:
    """Ask, and read the answer to its end.

    Args:
        request: what to ask.
        way: how to get there.
        tls: context for https; None for http.
        deadline: `time.monotonic()` at which it has to be over.
        watch: enforces that on a server that drips.

    Raises:
        Missing: connection refused. Unknown: time-out, torn answer, no route.
        Rejected: the certificate is not trusted, no TLS there, or the answer is too large.
    """
    place = request.place
    try:
        connection, address = _connect(place, way, deadline)
        try:
            watch.hold(connection.sock)
            if tls is not None:
                connection.sock.settimeout(_left(deadline))
                connection.sock = tls.wrap_socket(connection.sock, server_hostname=place.host)
                watch.hold(connection.sock)
            answer = _talk(connection, request, way.proxy, address)
        finally:
            watch.release()
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise _translated(error, place, expired=watch.expired) from None
    if watch.expired:  # what looks like the end of the body may be our own deadline
        raise _translated(TimeoutError(), place, expired=True)
    return answer


def _connect(place: ParsedUrl, way: Route, deadline: float) -> tuple[http.client.HTTPConnection, str]:
    if way.proxy is not None:
        return _to_proxy(place, way.proxy, deadline), ""
    connection = http.client.HTTPConnection(place.host, place.port, timeout=_left(deadline))
    connection.sock, address = _open(place, way.addresses, deadline)
    return connection, address


def _open(place: ParsedUrl, addresses: tuple[str, ...], deadline: float) -> tuple[socket.socket, str]:
    """Connect to the first address that answers. A dead address must not use up the time of the next one."""
    failures: list[OSError] = []
    for number, address in enumerate(addresses):
        share = _left(deadline) / (len(addresses) - number)
        try:
            opened = socket.create_connection((address, place.port), timeout=share)
        except OSError as error:
            failures.append(error)
        else:
            opened.settimeout(_left(deadline))
            return opened, address
    # The error that says least wins: a time-out beside a refusal proves nothing.
    raise min(failures, key=lambda error: isinstance(error, ConnectionRefusedError))


def _to_proxy(place: ParsedUrl, proxy: Proxy, deadline: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=_left(deadline))
    if place.scheme == "https":
        connection.set_tunnel(place.host, place.port, headers=proxy.headers)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        raise proxy.refuses(place, error) from None
    return connection


def _talk(connection: http.client.HTTPConnection, request: HttpRequest, proxy: Proxy | None, address: str) -> HttpResponse:
    place, headers = request.place, dict(request.headers)
    target = place.target
    if proxy is not None and place.scheme == "http":
        target, headers = f"{place}{target}", {**headers, **proxy.headers}
    connection.auto_open = 0
    connection.response_class = FinalResponse
    connection.request(request.method, target, body=request.body or None, headers=headers)
    with connection.getresponse() as response:
        data = response.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise Rejected(f"the answer of {place} is larger than {LARGEST // 1024} KiB")
        if response.length:  # the body is shorter than promised; `read` with a limit does not complain
            raise http.client.IncompleteRead(b"")
        fields: dict[str, str] = {}
        for name, value in response.getheaders():
            fields.setdefault(name.lower(), value)
        if proxy is not None and place.scheme == "http" and response.status in PERHAPS_OF_THE_PROXY:
            raise Unknown(
                f"HTTP {response.status} came through the proxy {proxy}: it may be the proxy's own, so it tells nothing of {place}"
            )
        try:
            return HttpResponse(response.status, fields, unpacked(data, fields.get("content-encoding", ""), LARGEST), address)
        except OSError:
            raise http.client.IncompleteRead(b"") from None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _translated(error: Exception, place: ParsedUrl, *, expired: bool) -> PortError:
    if expired or isinstance(error, TimeoutError):
        return Unknown(f"{place} did not answer in time")
    if isinstance(error, ConnectionRefusedError):
        return Missing(f"nothing answers at {place}: connection refused")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Rejected(f"the certificate of {place} is not trusted: {excerpt(error.verify_message, 120)}", next_step=NAME_THE_AUTHORITY)
    if isinstance(error, ssl.SSLEOFError):
        return Unknown(f"{place} broke off the TLS handshake")
    if isinstance(error, ssl.SSLError):
        return Rejected(f"{place} does not speak TLS as it should: {excerpt(error.reason or 'no reason given', 60)}")
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        return Unknown(f"{place} cannot be reached")
    return Unknown(f"{place} broke off its answer")
