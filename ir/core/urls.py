"""Parse URLs that people write: the host that a call would reach, and whether the call leaves this machine unencrypted."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ir.core.errors import Rejected

_VISIBLE = re.compile(r"[!-~]+")
_PORTS = {"http": 80, "https": 443}


class NotAsked(Rejected):
    """The call was not made: its address is not allowed, or the request could not be built. Says nothing about the service."""


IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class ParsedUrl:
    """A parsed URL: where to connect, and what to ask for there (`target`: path and query)."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As in a Host header: the port only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """The URL without path and query: those may hold what does not belong in a log."""
        return f"{self.scheme}://{self.authority}"


def parse(url: str) -> ParsedUrl:
    """Read a URL.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if not _VISIBLE.fullmatch(url):
        raise ValueError("a URL must be printable ASCII without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the URL's host or port cannot be read") from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in _PORTS or not host:
        raise ValueError("a URL starts with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a user name or password; use a header by reference")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ParsedUrl(parts.scheme, host, port or _PORTS[parts.scheme], target)


def in_the_clear(url: str) -> bool:
    """Whether others could read what is sent there: plain http to another machine, or to an unknown one."""
    try:
        place = parse(url)
    except ValueError:
        return url.strip().lower().startswith("http:")
    return place.scheme == "http" and not is_loopback(place.host)


def all_loopback(addresses: Iterable[str]) -> bool:
    """Whether every one of the addresses is this machine."""
    return all(is_loopback(address) for address in addresses)


def is_loopback(host: str) -> bool:
    """By its spelling alone: an address of this machine, or `localhost`."""
    literal = ip_literal(host)
    return literal.is_loopback if literal is not None else host == "localhost" or host.endswith(".localhost")


def ip_literal(host: str) -> IPAddress | None:
    """The address that a host spells out, without its zone; None when the host is a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
