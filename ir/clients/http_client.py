"""HTTP to the services that the inventory names, and to no other host.

Every call opens a connection of its own: a kept connection leads to the worker that a graceful reload is about to end, and so
to the old key for ever. The TLS context, which is slow to make, is shared by the whole process.

TLS is always verified. The address that was checked is the address that is called (no second look-up in between). A
redirect is followed on the same host only. Time is limited in total, however slowly the other side drips; so is size.
"""

import re
import ssl
import time
from collections.abc import Callable, Collection, Mapping

import ir
from ir.clients import http_resolver, way_out
from ir.clients.http_connection import HttpRequest, HttpResponse, Route, exchange
from ir.clients.http_deadline import CallDeadline
from ir.core import urls
from ir.core.errors import Missing, PortError, Rejected
from ir.core.secret import Secret
from ir.core.urls import NotAsked, ParsedUrl

REDIRECTS = 5
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_Headers = tuple[Mapping[str, str], Mapping[str, str]]
"""References, and plain values."""
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"})


def check_headers(names: Collection[str]) -> None:
    """Raises ValueError for a header that cannot be, or that is not the user's to set."""
    for name in names:
        if not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise ValueError(f"`{name[:40]}` cannot be used as a header")


class HttpEdge:
    """HTTP for one verifier or reloader, which then reaches its own host only. Safe to use from many threads, and cheap to make.

    Args:
        hosts: the hosts that may be called, as the inventory names them; any other is NotAsked.
        resolve: reads a header's value by reference; may raise any PortError.
        look_up: name service: a place and seconds → its addresses; raises as `http_resolver.look_up`.
        tls: the trusted authorities and our certificate, where they differ from the usual ones.

    Proxies and certificate authorities: `way_out`.
    """

    def __init__(
        self,
        hosts: Collection[str],
        resolve: Callable[[str], Secret],
        *,
        look_up: Callable[[ParsedUrl, float], tuple[str, ...]] = http_resolver.look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._resolve = resolve
        self._look_up, self._tls = look_up, tls

    def addresses(self, url: str, *, timeout: float = 10.0) -> tuple[str, ...]:
        """All addresses of the URL's host; empty behind a proxy, which looks the name up itself.

        Raises:
            Missing: no such host. Unknown: no answer in time. NotAsked: not a place that we may call.
        """
        return self._way(urls.parse(url), time.monotonic() + timeout).addresses

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        plain: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float = 10.0,
        address: str = "",
    ) -> HttpResponse:
        """One request and its answer, whatever its status.

        Args:
            method: of HTTP; only `GET` follows every redirect.
            url: where.
            headers: name → reference, resolved when the place is known to be a good one; never sent in the clear to another machine.
            plain: name → value, for what is no secret.
            body: a JSON document to send.
            timeout: seconds for all of it: name, connection, TLS, redirects, body.
            address: ask this address of the host instead of the first that takes a connection.

        Raises:
            Missing: nothing is there: no such host, or it refuses connections.
            Unknown: time-out, torn answer, no route.
            NotAsked: a place that we may not call, or a header that cannot be filled.
            Rejected: not fit to be followed or read: a redirect elsewhere, an untrusted certificate, too much.
            PortError: what else `resolve` raised.
        """
        place = urls.parse(url)
        deadline = time.monotonic() + timeout
        with CallDeadline(timeout) as watch:
            for _ in range(REDIRECTS + 1):
                answer = self._ask(method, place, (headers or {}, plain or {}), body, address, deadline, watch)
                followed = _redirected(method, place, answer)
                if followed is None:
                    return answer
                place = followed
        raise Rejected(f"{place} redirects more than {REDIRECTS} times")

    def check(self, url: str, *, headers: Mapping[str, str], timeout: float = 10.0) -> None:
        """Whether `call` could ask: the host may be called, and every header has a value. Nothing is sent; raises as `call` does."""
        place = urls.parse(url)
        self._filled(place, self._way(place, time.monotonic() + timeout), headers, has_body=False)

    def _ask(
        self, method: str, place: ParsedUrl, headers: _Headers, body: bytes, address: str, deadline: float, watch: CallDeadline
    ) -> HttpResponse:
        way = self._way(place, deadline)
        if address:
            http_resolver.check_address(place.host, address, self._hosts)
            way = Route((address,))
        references, plain = headers
        request = HttpRequest(method, place, {**self._filled(place, way, references, has_body=bool(body)), **plain}, body)
        return exchange(request, way, (self._tls or way_out.tls()) if place.scheme == "https" else None, deadline, watch)

    def _filled(self, place: ParsedUrl, way: Route, references: Mapping[str, str], *, has_body: bool) -> dict[str, str]:
        """All headers; those with secrets never go in the clear to another machine."""
        if references and place.scheme == "http" and (way.proxy is not None or not urls.all_loopback(way.addresses)):
            raise NotAsked(
                f"{', '.join(references)} would go to {place} in the clear{' and through a proxy' if way.proxy else ''}; not asked",
                next_step="use https",
            )
        return self._headers(place, references, has_body=has_body)

    def _way(self, place: ParsedUrl, deadline: float) -> Route:
        """The addresses to try, or the proxy to go through."""
        if place.host.lower() not in self._hosts:
            raise NotAsked(f"the inventory does not name {place.host}; not asked")
        proxy = way_out.proxy_for(place)
        try:
            addresses = self._look_up(place, deadline - time.monotonic())
        except PortError:
            if proxy is None:
                raise
            return Route((), proxy)  # only the proxy knows this name
        for address in addresses:
            http_resolver.check_address(place.host, address, self._hosts)
        if proxy is None or urls.all_loopback(addresses):
            return Route(addresses)
        return Route((), proxy)

    def _headers(self, place: ParsedUrl, references: Mapping[str, str], *, has_body: bool) -> dict[str, str]:
        sent = {
            "Host": place.authority,
            "User-Agent": f"ir/{ir.__version__}",
            "Accept": "application/json, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if has_body:
            sent["Content-Type"] = "application/json"
        for name, reference in references.items():
            sent[name] = self._value(name, reference)
        return sent

    def _value(self, name: str, reference: str) -> str:
        try:
            value = self._resolve(reference).reveal().strip()
        except Missing as error:  # the store failed, not the service
            raise NotAsked(f"the header {name} has no value: {error.what}") from None
        # the error of http.client would show the value
        if not (value.isascii() and value.isprintable()):
            raise NotAsked(f"what {reference} holds cannot stand in the header {name}")
        return value


def _redirected(method: str, place: ParsedUrl, answer: HttpResponse) -> ParsedUrl | None:
    """The address to go on to; None: this is the answer. A POST is repeated only where the status says so (307, 308)."""
    follow = (301, 302, 303, 307, 308) if method == "GET" else (307, 308)
    location = answer.headers.get("location", "")
    if answer.status not in follow or not location:
        return None
    return http_resolver.redirected(place, location)
