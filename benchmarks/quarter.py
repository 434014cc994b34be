"""A quiet quarter of a bookshop: 92 days, sixteen benign changes, all four sources. What is called misuse there is a false alarm."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.shops import DAY, HOUR, START, Kind, Row, Shop, day_of, note, sale_of, write

DAYS, EVIDENCE, STEP = 92, 22, 2
MIXES = ("all", "no egress", "no request log", "events alone")
CHANGES = (
    "upgrade", "nat", "region", "go_service", "sale", "migration", "unannounced_migration", "manual_payout", "invitation", "webhook",
    "refunds", "laptop", "loss", "hole", "coupon", "audit",
)  # fmt: skip
_KIND = Kind("bookshop", "none", "server", "activity", 5, currency="eur")


@dataclass
class Bookshop(Shop):
    """A shop whose callers change; `at` is when each change came."""

    at: dict[str, int] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """Where the quarter begins."""
        return START

    def ours(self, ts: int, method: str, path: str, status: int = 200) -> str:
        """A call as the shop made it at that time: its SDK, its addresses, and what its log lost."""
        request = self.ident("req", 14)
        agent = "Stripe/v1 RubyBindings/12.4.0" if self.since("upgrade", ts) else "Stripe/v1 RubyBindings/12.1.0"
        ip = "10.9.0.8" if self.since("nat", ts) else "10.4.0.8"
        if self.since("region", ts) and self.rng.random() < 0.3:
            ip = "10.80.3.5"
        self.called(ts, method, path, request, ip, agent, status)
        return request

    def called(self, ts: int, method: str, path: str, request: str, ip: str, agent: str, status: int = 200) -> None:
        """A call of ours, in Stripe's log and, as a rule, in our own."""
        self.asked(ts, method, path, request, ip, agent, status)
        hole = self.at["hole"]
        if self.rng.random() >= (0.03 if self.since("loss", ts) else 0.005) and not hole <= ts < hole + 5 * HOUR:
            stamp = datetime.fromtimestamp(ts, UTC).isoformat().replace("+00:00", "Z")
            self.egress.append(
                {"ts": stamp, "method": method, "host": "api.stripe.com", "path": path, "status": status, "request_id": request}
            )

    def since(self, change: str, ts: int) -> bool:
        """Whether a change had come by then."""
        return ts >= self.at[change]


def quiet(seed: int) -> Bookshop:
    """The quarter; nothing bad happens in it."""
    rng = random.Random(f"quarter {seed}")
    days = rng.sample(range(EVIDENCE + 1, DAYS - 1), len(CHANGES))
    at = {change: START + day * DAY + rng.randrange(9, 16) * HOUR for change, day in zip(CHANGES, days, strict=True)}
    shop = Bookshop(_KIND, rng, START, START + DAYS * DAY, 0.0, at=at)
    shop.customers = [shop.ident("cus", 14) for _ in range(400)]
    shop.cards = {customer: shop.card() for customer in shop.customers}
    prices = (900, 1200, 2500, 4900)
    for hour in range(START, shop.until, HOUR):
        noon = max(0.1, 1 - abs((hour // HOUR) % 24 - 13) / 12)
        busy = 4 if shop.at["sale"] <= hour < shop.at["sale"] + 4 * HOUR else 1
        expected = _KIND.rate * noon * rng.uniform(0.5, 1.5) * busy
        for _ in range(int(expected) + (rng.random() < expected % 1)):
            sale_of(shop, hour + rng.randrange(HOUR), rng.choice(prices))
        if shop.since("go_service", hour):
            shop.called(hour + 700, "GET", "/v1/products?limit=20", shop.ident("req", 14), "10.4.0.40", "Stripe/v1 GoBindings/83.1.0")
    for day in range(START, shop.until, DAY):
        day_of(shop, day, list(prices))
    for change in CHANGES:
        globals().get(f"_{change}", lambda _shop, _at: None)(shop, shop.at[change])
    return shop


def _updated(shop: Bookshop, ts: int, customer: str, request: str) -> None:
    shop.emit(ts, "customer.updated", {"id": customer, "object": "customer"}, request)


def _migration(shop: Bookshop, at: int) -> None:
    for n, customer in enumerate(shop.customers[:300]):
        _updated(shop, at + n * 6, customer, shop.ours(at + n * 6, "POST", f"/v1/customers/{customer}"))


def _unannounced_migration(shop: Bookshop, at: int) -> None:
    for n, customer in enumerate(shop.customers[100:300]):
        request = shop.ident("req", 14)
        shop.asked(at + n * 6, "POST", f"/v1/customers/{customer}", request, "10.4.0.99", "Stripe/v1 RubyBindings/12.1.0")
        _updated(shop, at + n * 6, customer, request)


def _manual_payout(shop: Bookshop, at: int) -> None:
    thing = {"id": shop.ident("po"), "object": "payout", "amount": 120_000, "currency": "eur", "destination": "ba_house"}
    shop.emit(at, "payout.created", thing | {"method": "standard", "automatic": False}, None)
    note(shop, at + 20, "payout_created", group="payout")


def _invitation(shop: Bookshop, at: int) -> None:
    note(shop, at, "user_invite_created", group="user")


def _webhook(shop: Bookshop, at: int) -> None:
    note(shop, at, "event_destination_created", group="event_destination")


def _refunds(shop: Bookshop, at: int) -> None:
    """A returned edition: support refunds it in the Dashboard, one by one."""
    for n in range(25):
        request, ts = shop.ident("req", 14), at + n * 100
        refund = {"id": shop.ident("re"), "object": "refund", "amount": 2500, "currency": "eur", "charge": shop.ident("ch")}
        shop.emit(ts, "refund.created", refund, request)
        note(shop, ts, "refund_created", request=request)


def _laptop(shop: Bookshop, at: int) -> None:
    for n in range(6):
        path = f"/v1/customers/{shop.customers[n]}"
        shop.asked(at + n * 50, "GET", path, shop.ident("req", 14), "91.20.3.4", "Stripe/v1 RubyBindings/12.1.0")


def _coupon(shop: Bookshop, at: int) -> None:
    request = shop.ident("req", 14)
    shop.emit(at, "coupon.created", {"id": shop.ident("coup"), "object": "coupon", "percent_off": 100}, request)
    note(shop, at, "coupon_created", request=request)


def _audit(shop: Bookshop, at: int) -> None:
    lists = "account balance customers charges payouts products webhook_endpoints events disputes invoices coupons refunds"
    for n, name in enumerate(lists.split()):
        shop.called(
            at + n * 9, "GET", f"/v1/{name}?limit=1", shop.ident("req", 14), "10.4.0.8", "python-requests/2.32", 403 if n % 4 == 3 else 200
        )


def cut(shop: Bookshop, end: int, mix: str) -> Shop:
    """What a person would export on a day: the evidence before it, judged for the last two days, of the sources of a mix."""
    first, stop = (datetime.fromtimestamp(t, UTC) for t in (end - EVIDENCE * DAY, end))
    iso, table = (first.isoformat(), stop.isoformat()), (f"{first:%Y-%m-%d %H:%M:%S}", f"{stop:%Y-%m-%d %H:%M:%S}")
    part = Shop(shop.kind, shop.rng, end - STEP * DAY, end, 0.0)
    part.events = [row for row in shop.events if end - EVIDENCE * DAY <= row["created"] < end]
    part.activity = [row for row in shop.activity if iso[0] <= row["created"] < iso[1]] if mix != "events alone" else []
    if mix in ("all", "no request log"):
        part.egress = [row for row in shop.egress if iso[0] <= row["ts"] < iso[1]]
    if mix in ("all", "no egress"):
        part.requests = [row for row in shop.requests if table[0] <= row["Date"] < table[1]]
    part.evil = shop.evil
    return part


def reviews(shop: Bookshop, every: int = 1) -> Iterator[tuple[str, int, Shop]]:
    """Mix of sources, last day and evidence of one review for every two days (or one in `every`) and each mix: each sees each change."""
    for day in range(EVIDENCE + STEP, DAYS + 1, STEP * every):
        for mix in MIXES:
            yield mix, day, cut(shop, START + day * DAY, mix)


def written(shop: Shop, folder: Path) -> dict[str, Any]:
    """Its files."""
    found: dict[str, Any] = write(shop, folder, requests=bool(shop.requests))
    return found


def row_of(shop: Bookshop, ts: int, method: str, path: str, ip: str, status: int = 200) -> Row:
    """A stranger's request, made as the shop makes its own."""
    request = shop.ident("req", 14)
    agent = "Stripe/v1 RubyBindings/12.4.0" if shop.since("upgrade", ts) else "Stripe/v1 RubyBindings/12.1.0"
    shop.asked(ts, method, path, request, ip, agent, status)
    shop.evil.add(request)
    return shop.requests[-1]
