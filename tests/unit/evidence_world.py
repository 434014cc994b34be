"""A small account as people have it: charges of ours every quarter of an hour for five days, its events, our own log, exposure late."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ir.clients.stripe_api import StripeApi
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer

HOUR, DAY = 3600, 86400
BEGIN = 1_795_392_000
"""2026-11-23T00:00:00Z, a Monday."""
UNTIL = BEGIN + 5 * DAY
EXPOSED = BEGIN + 3 * DAY + 12 * HOUR
FOREIGN = "198.51.100.77"
NOWHERE = "http://127.0.0.1:9"
Row = dict[str, Any]


def ident(n: int) -> str:
    """The id of our n-th request."""
    return f"req_Ab{n:06x}Cd0{n % 10}"


def event(n: int, ts: int) -> Row:
    """The event of our n-th charge."""
    thing = {"id": f"ch_{n:08x}", "object": "charge", "amount": 1000 + n % 7 * 100, "currency": "usd", "customer": f"cus_{n % 40:04x}"}
    request = {"id": ident(n), "idempotency_key": f"stripe-node-retry-0000-{n}"}
    return {
        "id": f"evt_{n:010x}", "object": "event", "type": "charge.succeeded", "created": ts, "livemode": True, "request": request,
        "data": {"object": thing},
    }  # fmt: skip


def iso(ts: int) -> str:
    """As most logs write it."""
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Account:
    """Own calls as (n, ts); what is written of them is up to the test."""

    folder: Path
    calls: list[tuple[int, int]] = field(default_factory=lambda: [(n, BEGIN + n * 900) for n in range(5 * 96)])
    egress: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    def write(self, name: str, rows: list[str] | list[Row]) -> str:
        """A file of lines; returns its path."""
        path = self.folder / name
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return str(path)

    def with_events(self, *, gone: range = range(0)) -> "Account":
        """The archive of events, less those of a time."""
        self.logs.append(self.write("events.jsonl", [event(n, ts) for n, ts in self.calls if ts not in gone]))
        return self

    def own(self, n: int, ts: int) -> Row:
        """A line of our own log."""
        return {
            "time": ts * 1000,
            "method": "POST",
            "url": "https://api.stripe.com/v1/charges",
            "status": 200,
            "stripe_request_id": ident(n),
        }

    def with_egress(self, *, gone: range = range(0)) -> "Account":
        """Our own log, less the lines of a time."""
        self.egress.append(self.write("egress.jsonl", [self.own(n, ts) for n, ts in self.calls if ts not in gone]))
        return self

    def seen(self, n: int, ts: int) -> Row:
        """A row of Stripe's request log."""
        return {
            "created": ts, "request_id": ident(n), "method": "POST", "url": "/v1/charges", "status": 200, "ip_address": "203.0.113.9",
            "user_agent": "Stripe/v1 NodeBindings/18.1.0", "api_key": "mk_shop",
        }  # fmt: skip

    def with_requests(self, *, gone: range = range(0), more: tuple[Row, ...] = ()) -> "Account":
        """Stripe's request log, less the rows of a time."""
        self.logs.append(self.write("requests.jsonl", [self.seen(n, ts) for n, ts in self.calls if ts not in gone] + list(more)))
        return self

    def reviewed(self, *, exposed: float = EXPOSED, ours: tuple[str, ...] = (), since: float = BEGIN, engine: str = "duckdb") -> Reviewed:
        """The review of all that was written."""
        files: Any = {"egress": tuple(self.egress), "logs": tuple(self.logs)}
        request = ReviewRequest(
            "acct_1", NOWHERE, since, UNTIL, exposed, 0, None, "", "", str(self.folder / "review"), ours=ours, engine=engine, **files
        )
        return StripeReviewer(StripeApi(NOWHERE), memory_limit="512MB").review(request, lambda _: None)


def source(found: Reviewed, name: str) -> Row:
    """One row of the coverage table."""
    return next(row for row in found.coverage if row["source"] == name)
