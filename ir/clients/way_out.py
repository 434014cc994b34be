"""The way out to the network, one rule for all clients: the proxy and the trusted certificates. `docs/network.md` tells people the same.

Proxies are those of the environment; what goes to this machine never takes one. What a proxy says by itself is about the
proxy: it proves nothing of the place that was asked for.
"""

import base64
import ipaddress
import os
import re
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from ir.core.errors import Unknown
from ir.core.urls import NotAsked, ParsedUrl, ip_literal, is_loopback

if TYPE_CHECKING:
    import urllib3

AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name the trusted authorities; the first that is set wins, and a store's own variable goes before them."""
PROXIES = tuple(name for low in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (low, low.upper()))
"""Variables that name proxies, and the hosts that go without; those in small letters win."""
PERHAPS_OF_THE_PROXY = frozenset({401, 403, 407, 502, 503, 504})
"""Statuses that a proxy answers with, too. For plain http through a proxy, it cannot be told which of the two answered."""
NAME_THE_AUTHORITY = "does a proxy open TLS here? then name the company's authority: SSL_CERT_FILE=/path/to/authorities.pem"
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy; `login` is `user:password`, "" without one."""

    host: str
    port: int
    login: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Without the login."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry the login to the proxy."""
        if not self.login:
            return {}
        return {"Proxy-Authorization": "Basic " + base64.b64encode(self.login.encode()).decode()}

    @property
    def url(self) -> str:
        """With the login, for libraries that take it so."""
        user, _, word = self.login.partition(":")
        login = f"{quote(user, safe='')}:{quote(word, safe='')}@" if self.login else ""
        return f"http://{login}{self}"

    def refuses(self, place: object, error: object) -> Unknown:
        """The error for a way that the proxy did not open; `error` is the library's, read for the status alone."""
        status = _TUNNEL.search(str(error))
        said = f" (HTTP {status[1]})" if status else ""
        login = status is not None and status[1] == "407"
        todo = (
            "give it a login: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT" if login else "check HTTPS_PROXY, NO_PROXY and the proxy's rules"
        )
        return Unknown(f"the proxy {self} opens no way to {place}{said}", safe="nothing was sent", next_step=todo)


def proxy_for(place: ParsedUrl) -> Proxy | None:
    """The proxy that the environment (`https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`, or in capitals) asks for; None for loopback.

    Raises:
        NotAsked: the environment names a proxy that is not plain HTTP.
    """
    url = _variable(f"{place.scheme}_proxy") or _variable("all_proxy")
    if not url or is_loopback(place.host) or _exempt(place, _variable("no_proxy")):
        return None
    proxy = _proxy(url if "://" in url else f"http://{url}")
    if proxy is None:
        raise NotAsked("the environment names a proxy that is not http://host:port; only that kind is spoken")
    return proxy


def named() -> tuple[str, ...]:
    """All that the environment says of the way, so that one client can be told from another."""
    return tuple(os.environ.get(name, "") for name in (*PROXIES, *AUTHORITIES))


def authority() -> str:
    """The file (or folder) of authorities that the environment names, "" for none.

    Raises:
        NotAsked: it names one that is not there: to go on without it would trust others than was asked for.
    """
    for name in AUTHORITIES:
        path = os.environ.get(name, "")
        if path and not Path(path).exists():
            raise NotAsked(f"{name} names {path}, and there is no such file", next_step=f"correct or unset {name}")
        if path:
            return path
    return ""


def tls() -> ssl.SSLContext:
    """The process's TLS context (20 ms to make); another one when the environment names other authorities. Raises NotAsked."""
    return _tls(authority(), os.environ.get("SSL_CERT_DIR", ""))


def pool(proxy: Proxy | None, tls: ssl.SSLContext | None, most: int) -> "urllib3.PoolManager":
    """Kept connections, at most `most` idle ones per host, watched (`watched_pool`); TLS None: the caller gives the authorities later."""
    import urllib3

    from ir.clients.watched_pool import watched

    options = {"maxsize": most, "block": False, **({"ssl_context": tls} if tls is not None else {})}
    if proxy is None:
        return watched(urllib3.PoolManager(**options))  # type: ignore[arg-type,no-any-return]  # told one by one
    return watched(urllib3.ProxyManager(f"http://{proxy}", proxy_headers=proxy.headers, **options))  # type: ignore[arg-type,no-any-return]


def for_requests() -> dict[str, str]:
    """Variables that make the library `requests`, where it reads the environment by itself, follow the rule. Raises NotAsked."""
    exempt = ",".join(filter(None, (_variable("no_proxy"), "localhost,127.0.0.0/8,[::1],::1")))
    found = authority()
    return {"NO_PROXY": exempt, "no_proxy": exempt, **({"REQUESTS_CA_BUNDLE": found} if found else {})}


@lru_cache(maxsize=4)
def _tls(found: str, _folder: str) -> ssl.SSLContext:
    if not found or os.environ.get("SSL_CERT_FILE") == found:  # the library reads this one by itself, and the system's folder, too
        return ssl.create_default_context()
    try:
        folder = Path(found).is_dir()
        return ssl.create_default_context(cafile=None if folder else found, capath=found if folder else None)
    except (OSError, ssl.SSLError):
        raise NotAsked(f"{found} holds no certificate authorities", next_step="save them as PEM") from None


def _variable(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _proxy(url: str) -> Proxy | None:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or not parts.hostname:
        return None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(parts.hostname, port, login)


def _exempt(place: ParsedUrl, listed: str) -> bool:
    return any(_covers(entry.strip().lower(), place) for entry in listed.split(",") if entry.strip())


def _covers(entry: str, place: ParsedUrl) -> bool:
    """Whether one entry of `no_proxy` covers the host: `*`, a host or its subdomains, an address, a network, each perhaps with a port."""
    if entry == "*":
        return True
    here = ip_literal(place.host)
    if "/" in entry:
        try:
            return here is not None and here in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, port = _split(entry)
    if port and port != str(place.port):
        return False
    if here is not None:
        return ip_literal(name) == here
    name, host = name.removeprefix("*").strip("."), place.host.lower()
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split(entry: str) -> tuple[str, str]:
    """Host and port of an entry, the port "" when it names none; an IPv6 address with a port is in brackets."""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        return host, port.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""
