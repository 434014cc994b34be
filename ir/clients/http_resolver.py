"""Decide which addresses an HTTP call may go to: URLs that the inventory names, their addresses, and the way there.

Link-local and metadata addresses hand out cloud credentials to every caller on the right machine, so a name that
leads there is refused unless the inventory lists that very address.
"""

import ipaddress
import socket
import threading
from collections.abc import Collection
from urllib.parse import urljoin

from ir.core.errors import Missing, Rejected, Unknown
from ir.core.secret import excerpt
from ir.core.urls import IPAddress, NotAsked, ParsedUrl, ip_literal, parse

METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
"""Alibaba, Azure, Oracle, AWS and Google over IPv6; the others answer on 169.254.0.0/16."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
"""RFC 8215: the operator of the translator chooses where in it the IPv4 address is placed (RFC 6052, 2.2)."""
_LOCAL_FORMS = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
"""The bytes of the IPv4 address, for prefixes of 48, 56, 64 and 96 bits."""
_COMPATIBLE = ipaddress.ip_network("::/96")


def redirected(place: ParsedUrl, location: str) -> ParsedUrl:
    """The address that a `Location` header leads to.

    Raises:
        Rejected: to another host, another port, or back from https to http; only 80 → 443 of the same host is an upgrade.
    """
    try:
        there = parse(urljoin(f"{place}{place.target}", location.partition("#")[0]))
    except ValueError:
        raise Rejected(f"{place} redirects to something that is not a URL") from None
    upgraded = (place.scheme, place.port, there.scheme, there.port) == ("http", 80, "https", 443)
    if there.host != place.host or not (upgraded or (there.scheme, there.port) == (place.scheme, place.port)):
        raise Rejected(f"{place} redirects to {excerpt(str(there), 80)}; only redirects within one host are followed")
    return there


def look_up(place: ParsedUrl, seconds: float) -> tuple[str, ...]:
    """The addresses of a place, in the system's order of preference; itself when it is an address.

    Raises:
        Missing: there is no such name.
        Unknown: the name service gave no answer in time.
    """
    literal = ip_literal(place.host)
    if literal is not None:
        return (str(literal),)
    found = _answer_of_name_service(place, seconds)
    if found is None:
        raise Unknown(f"the name service did not answer for {place.host} in time")
    if isinstance(found, socket.gaierror):
        if found.errno == socket.EAI_AGAIN:
            raise Unknown(f"the name service could not answer for {place.host} just now")
        raise Missing(f"there is no host {place.host}")
    if isinstance(found, Exception):
        raise Missing(f"{place.host} is not a host name")
    return tuple(dict.fromkeys(found))


def check_address(host: str, address: str, named: Collection[str]) -> None:
    """Refuse an address that hands out a machine's own credentials, unless the inventory spells it out.

    Raises:
        NotAsked: a link-local, metadata, multicast or unspecified address that is not named.
    """
    number = ipaddress.ip_address(address.partition("%")[0])
    if not _dangerous(number) or host in METADATA_NAMES or number in {ip_literal(name) for name in named}:
        return
    raise NotAsked(
        f"{host} leads to {number}, a link-local or metadata address; not asked",
        next_step="if that is meant, write the address itself into the inventory",
    )


def family(address: str) -> int:
    """4 or 6."""
    return ipaddress.ip_address(address.partition("%")[0]).version


def _dangerous(number: IPAddress) -> bool:
    if any(_dangerous(inner) for inner in _embedded(number)) or any(_of_this_link(inner) for inner in _perhaps_embedded(number)):
        return True
    return _of_this_link(number) or number.is_multicast or number.is_unspecified


def _of_this_link(number: IPAddress) -> bool:
    return number.is_link_local or number in _METADATA


def _embedded(number: IPAddress) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address spells or leads to."""
    if isinstance(number, ipaddress.IPv4Address):
        return []
    found = [inner for inner in (number.ipv4_mapped, number.sixtofour, *(number.teredo or ())) if inner is not None]
    if number in _NAT64 or (number in _COMPATIBLE and not number.is_unspecified):
        found.append(ipaddress.IPv4Address(number.packed[-4:]))
    return found


def _perhaps_embedded(number: IPAddress) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that it may lead to through a translator of our own network, in every known form."""
    if number not in _NAT64_LOCAL:
        return []
    return [ipaddress.IPv4Address(bytes(number.packed[at] for at in form)) for form in _LOCAL_FORMS]


def _answer_of_name_service(place: ParsedUrl, seconds: float) -> list[str] | Exception | None:
    """Ask the name service with a time limit.

    `getaddrinfo` has none, so it runs in a thread that may be left behind; None: no answer in time.
    """
    answers: list[list[str] | Exception] = []

    def work() -> None:
        try:
            rows = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
            answers.append([str(row[4][0]) for row in rows])
        except (OSError, UnicodeError) as error:
            answers.append(error)

    thread = threading.Thread(target=work, name="ir-name-service", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    return answers[0] if answers else None
