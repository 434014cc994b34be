"""Deliveries to webhook endpoints: signed with every secret that an endpoint has, tried again until they are taken."""

import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from ir.core.model import Json

RETRY = 5.0
"""Seconds until a delivery that was not taken is tried again; in life minutes, then hours, for three days."""


@dataclass
class Delivery:
    """One event on its way to one endpoint. Attributes: tries, due: epoch seconds of the next one, taken: it was answered with 2xx."""

    event: Json
    endpoint: Json
    due: float
    tries: int = 0
    taken: bool = False


@dataclass
class Deliveries:
    """Of one world. An endpoint is delivered to once its address has a route: no name of the public network is ever called.

    Attributes:
        routes: url of an endpoint → the loopback address where its receiver really listens.
        connect: ids of endpoints that are for connected accounts' events.
        on_their_way: everything that was ever to be delivered.
    """

    retry: float = RETRY
    routes: dict[str, str] = field(default_factory=dict)
    connect: set[str] = field(default_factory=set)
    on_their_way: list[Delivery] = field(default_factory=list)
    _secrets: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    def made(self, endpoint: str, secret: str, *, connect: bool = False) -> None:
        """A new endpoint with its secret."""
        self._secrets[endpoint] = [(secret, float("inf"))]
        if connect:
            self.connect.add(endpoint)

    def rolled(self, endpoint: str, secret: str, old_until: float) -> None:
        """Another secret; the former ones sign until then (epoch seconds)."""
        self._secrets[endpoint] = [(secret, float("inf")), *((one, min(until, old_until)) for one, until in self._secrets[endpoint])]

    def send(self, event: Json, endpoints: list[Json], now: float) -> int:
        """An event sets out; how many endpoints want it."""
        wanting = [row for row in endpoints if self._wants(row, event)]
        self.on_their_way += [Delivery(event, row, now) for row in wanting]
        return len(wanting)

    def again(self, event: str, endpoint: str, now: float) -> None:
        """Resend."""
        found = next(row for row in self.on_their_way if (row.event["id"], row.endpoint["id"]) == (event, endpoint))
        found.due = now
        if found.taken:
            self.on_their_way.append(Delivery(found.event, found.endpoint, now, taken=True))

    def _wants(self, row: Json, event: Json) -> bool:
        kinds = any(fnmatchcase(event["type"], kind) for kind in row["enabled_events"])
        mine = (row["id"] in self.connect) is bool(event.get("account"))
        return row["status"] == "enabled" and row["url"] in self.routes and row["id"] in self._secrets and kinds and mine

    def due(self, now: float) -> list[Delivery]:
        """What is to be tried now."""
        return [row for row in self.on_their_way if row.due <= now and not (row.taken and row.tries)]

    def post(self, row: Delivery, now: float) -> bool:
        """One try; whether it was taken."""
        body = json.dumps(row.event, indent=2)
        at = int(now)
        signed = [hmac.new(key.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest() for key in self._signing(row, now)]
        url = urlsplit(self.routes[row.endpoint["url"]])
        line = http.client.HTTPConnection(url.hostname or "", url.port, timeout=5)
        headers = {"Content-Type": "application/json", "Stripe-Signature": ",".join([f"t={at}", *(f"v1={one}" for one in signed)])}
        try:
            line.request("POST", url.path, body.encode(), headers)
            return 200 <= line.getresponse().status < 300
        except OSError:
            return False
        finally:
            line.close()

    def _signing(self, row: Delivery, now: float) -> list[str]:
        return [secret for secret, until in self._secrets[row.endpoint["id"]] if now < until]
