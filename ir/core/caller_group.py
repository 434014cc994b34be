"""A group of callers that a person calls ours: `CLIENT[/VERSION]@NETWORK[#ENDPOINT]`, such as `stripe-node/18.1.0@203.0.113.0/24`."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

_SHAPE = re.compile(
    r"(?P<client>[A-Za-z][A-Za-z0-9_.-]{0,39}|[*-])(?:/(?P<version>[0-9][0-9A-Za-z.]{0,19}))?@(?P<network>[^#\s]{1,60})(?:#(?P<endpoint>\S{1,80}))?"
)
EVENTS = "events"
"""Stands for the network where only events tell of the group; its client is then the form of the idempotency keys."""
UNKNOWN = "-"


@dataclass(frozen=True)
class CallerGroup:
    """What a group's callers have in common; a caller belongs to the group when all four agree.

    Attributes:
        client: family, such as `stripe-node`; `-` = the log names none; `*` = any.
        version: the beginning of its version, "" = any.
        network: what its address lies in; `events`; `-` = the log has no address; `*` = any.
        endpoint: the beginning of the path, of events the kind of act; "" = any.
    """

    client: str
    version: str
    network: str
    endpoint: str

    @classmethod
    def parse(cls, text: str) -> "CallerGroup":
        """Read one group as a person writes it. Raises ValueError that says what is wrong."""
        found = _SHAPE.fullmatch(text.strip())
        if found is None:
            raise ValueError("a group is CLIENT[/VERSION]@NETWORK[#ENDPOINT], such as stripe-node/18.1.0@203.0.113.0/24")
        network = found["network"]
        if network not in (EVENTS, UNKNOWN, "*"):
            network = str(ip_network(network, strict=False))
        if found["client"] == network == "*":
            raise ValueError("`*@*` would call everybody ours; name a client or a network")
        return cls(found["client"], found["version"] or "", network, found["endpoint"] or "")

    def __str__(self) -> str:
        version, endpoint = (f"/{self.version}" if self.version else ""), (f"#{self.endpoint}" if self.endpoint else "")
        return f"{self.client}{version}@{self.network}{endpoint}"

    def holds(self, client: str, version: str, address: str, endpoint: str) -> bool:
        """Whether a caller belongs to this group; `address` is one address, a network, "" or `events`."""
        if self.client not in ("*", client or UNKNOWN) or not endpoint.startswith(self.endpoint):
            return False
        if self.version and version != self.version and not version.startswith(self.version + "."):
            return False
        return self.network in ("*", address or UNKNOWN) or self._within(address)

    def _within(self, address: str) -> bool:
        if self.network in (EVENTS, UNKNOWN) or address in ("", EVENTS):
            return False
        mine, theirs = ip_network(self.network), _network(address)
        if theirs is None or mine.version != theirs.version:
            return False
        return int(mine.network_address) <= int(theirs.network_address) and int(theirs.broadcast_address) <= int(mine.broadcast_address)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False) if "/" in text else ip_network(ip_address(text))
    except ValueError:
        return None
