"""Generated accounts: busy benign traffic, and the attacks of the facts put into it. Everything follows from one seed.

Times are epoch seconds. An account is 20 days of evidence, judged from the exposure on (two days by default).
"""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOUR, DAY = 3600, 86400
START = 1_788_220_800
Row = dict[str, Any]
PRICES = (900, 1500, 1900, 2900, 4900, 9900)
NODE, PYTHON = "Stripe/v1 NodeBindings/18.1.0", "Stripe/v1 PythonBindings/15.2.0"


@dataclass
class World:
    """One account's evidence, as it would lie in files; `evil` are the ids that an attack left."""

    rng: random.Random
    exposed: int
    until: int
    currency: str = "usd"
    loss: float = 0.0
    hole: tuple[int, int] = (0, 0)
    events: list[Row] = field(default_factory=list)
    egress: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    activity: list[Row] = field(default_factory=list)
    webhooks: list[Row] = field(default_factory=list)
    evil: set[str] = field(default_factory=set)
    serial: int = 0

    def ident(self, prefix: str) -> str:
        """A fresh id of Stripe's look."""
        self.serial += 1
        return f"{prefix}_{self.rng.getrandbits(64):016x}{self.serial:06d}"

    def idem(self, kind: str) -> str | None:
        """An idempotency key as an SDK makes it."""
        text = f"{self.rng.getrandbits(128):032x}"
        uuid = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        return {"node": f"stripe-node-retry-{uuid}", "python": uuid}.get(kind)

    def event(self, ts: int, kind: str, request: str | None, idem: str | None, thing: Row, **more: Any) -> str:
        """One event; returns its id."""
        ident = self.ident("evt")
        self.events.append(
            {
                "id": ident,
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": ts,
                "livemode": True,
                "type": kind,
                "request": {"id": request, "idempotency_key": idem},
                "data": {"object": thing},
                **more,
            }
        )
        return ident

    def seen(
        self, ts: int, request: str, method: str, path: str, *, own: bool, agent: str, ip: str, key: str, status: int = 200, **more: Any
    ) -> None:
        """One request, as Stripe's side and (when it is ours, and the line survived) our own log saw it."""
        self.requests.append(
            {
                "created": ts,
                "request_id": request,
                "method": method,
                "url": path,
                "status": status,
                "ip_address": ip,
                "user_agent": agent,
                "api_key": key,
                **more,
            }
        )
        lost = self.rng.random() < self.loss or self.hole[0] <= ts < self.hole[1]
        if own and not lost:
            self.egress.append(
                {
                    "time": ts * 1000 + self.rng.randrange(1000),
                    "service": agent[:20],
                    "http": {"method": method, "url": "https://api.stripe.com" + path, "status_code": status},
                    "stripe_request_id": request,
                }
            )


def card(rng: random.Random, group: tuple[str, str, str] | None = None) -> Row:
    """`payment_method_details` of a card."""
    brand, country, funding = group or (
        rng.choice(("visa", "mastercard", "amex")),
        rng.choice(("US", "GB", "DE", "FR", "CA")),
        rng.choice(("credit", "debit")),
    )
    return {"card": {"fingerprint": f"{rng.getrandbits(64):016x}", "brand": brand, "country": country, "funding": funding}}


def busy(ts: int, rng: random.Random) -> float:
    """How busy a shop is at that time: days, nights, weekends."""
    clock = (ts // HOUR) % 24
    weekend = ((ts // DAY) + 4) % 7 in (0, 6)
    return (0.15 + 0.85 * max(0.0, 1 - abs(clock - 14) / 11)) * (0.7 if weekend else 1.0) * rng.uniform(0.6, 1.4)


def quiet(seed: int, *, days: int = 20, judged: float = 2.0) -> World:
    """A busy account in which nothing bad happens."""
    rng = random.Random(seed)
    until = START + days * DAY + rng.randrange(DAY)
    world = World(rng, until - int(judged * DAY), until, rng.choice(("usd", "gbp", "eur", "jpy")), rng.choice((0.0, 0.0, 0.01, 0.03, 0.05)))
    if rng.random() < 0.2:
        begin = world.exposed + rng.randrange(int(judged * DAY) - 5 * HOUR)
        world.hole = (begin, begin + rng.randrange(1, 5) * HOUR)
    size = rng.choice((4, 10, 25))
    spike = world.exposed + rng.randrange(int(judged * DAY)) if rng.random() < 0.5 else 0
    _shop(world, size, spike)
    _renewals(world, rng.choice((0, 40, 90)))
    _people(world, rng.choice((1, 4, 12)))
    _automatic(world)
    _reading(world, rng.choice((2, 6)))
    _connected(world)
    return world


def _shop(world: World, size: int, spike: int) -> None:
    rng = world.rng
    customers = [f"cus_{rng.getrandbits(48):012x}" for _ in range(80 * size)]
    cards = {customer: card(rng) for customer in customers}
    nets = [f"10.{rng.randrange(200)}.{n}" for n in range(rng.choice((1, 3, 40)))]
    upgraded = world.exposed + rng.randrange(2 * DAY) if rng.random() < 0.3 else 0
    outage = world.exposed + rng.randrange(2 * DAY) if rng.random() < 0.15 else 0
    first = world.until - 20 * DAY
    for hour in range(first, world.until, HOUR):
        factor = rng.uniform(3, 6) if spike and spike <= hour < spike + 4 * HOUR else 1.0
        for _ in range(int(size * busy(hour, rng) * factor)):
            ts = hour + rng.randrange(HOUR)
            if ts >= world.until:
                continue
            customer = rng.choice(customers)
            declined = rng.random() < (0.6 if outage and outage <= ts < outage + HOUR else 0.07)
            agent = NODE.replace("18.1", "19.0") if upgraded and ts > upgraded else NODE
            request, idem = world.ident("req"), world.idem("node")
            world.seen(
                ts,
                request,
                "POST",
                "/v1/payment_intents",
                own=True,
                agent=agent,
                ip=f"{rng.choice(nets)}.{rng.randrange(1, 250)}",
                key="mk_shop",
                status=402 if declined else 200,
            )
            thing = {
                "id": world.ident("ch"),
                "object": "charge",
                "amount": rng.choice(PRICES),
                "currency": world.currency,
                "customer": customer,
                "payment_method_details": cards[customer],
            }
            if declined:
                thing |= {"failure_code": "card_declined", "outcome": {"reason": rng.choice(("do_not_honor", "insufficient_funds"))}}
            world.event(
                ts,
                "payment_intent.created",
                request,
                idem,
                {"id": world.ident("pi"), "object": "payment_intent", "amount": thing["amount"], "currency": world.currency},
            )
            world.event(ts, "charge.failed" if declined else "charge.succeeded", request, idem, thing)
            if rng.random() < 0.25:
                made, made_idem = world.ident("req"), world.idem("node")
                world.seen(
                    ts,
                    made,
                    "POST",
                    "/v1/customers",
                    own=True,
                    agent=agent,
                    ip=f"{rng.choice(nets)}.{rng.randrange(1, 250)}",
                    key="mk_shop",
                )
                world.event(ts, "customer.created", made, made_idem, {"id": world.ident("cus"), "object": "customer"})


def _renewals(world: World, count: int) -> None:
    rng = world.rng
    members = [f"cus_m{rng.getrandbits(48):012x}" for _ in range(count)]
    cards = {member: card(rng) for member in members}
    amount = rng.choice(PRICES)
    for day in range(world.until - 20 * DAY, world.until, DAY):
        night = day - day % DAY + 3 * HOUR
        for n, member in enumerate(members):
            if (n + day // DAY) % 3 or not world.until - 20 * DAY <= night < world.until:
                continue
            ts, request, idem = night + n * 4, world.ident("req"), world.idem("python")
            world.seen(ts, request, "POST", "/v1/payment_intents", own=True, agent=PYTHON, ip="10.201.0.9", key="mk_billing")
            thing = {
                "id": world.ident("ch"),
                "object": "charge",
                "amount": amount,
                "currency": world.currency,
                "customer": member,
                "payment_method_details": cards[member],
            }
            world.event(ts, "charge.succeeded", request, idem, thing)


_CLICKS: tuple[tuple[str, str, int], ...] = (
    ("charge.refunded", "charge", 40),
    ("customer.updated", "customer", 30),
    ("invoice.created", "invoice", 8),
    ("invoice.finalized", "invoice", 6),
    ("product.updated", "product", 4),
    ("price.created", "price", 3),
    ("coupon.created", "coupon", 2),
    ("promotion_code.created", "promotion_code", 2),
    ("payment_link.created", "payment_link", 2),
    ("customer.subscription.updated", "subscription", 6),
    ("customer.deleted", "customer", 1),
)


def _people(world: World, per_day: int) -> None:
    """People in the Dashboard: request ids that no service logged, in bursts, at office hours."""
    rng = world.rng
    for day in range(world.until - 20 * DAY, world.until, DAY):
        for _ in range(int(per_day * rng.uniform(0, 2))):
            ts = day + int(rng.gauss(13, 3) * HOUR) % DAY
            for click in range(rng.choice((1, 1, 1, 2, 4))):
                when = ts + click * rng.randrange(20, 200)
                if when >= world.until:
                    continue
                kind, thing, _ = rng.choices(_CLICKS, weights=[w for _, _, w in _CLICKS])[0]
                body: Row = {"id": world.ident(thing[:3]), "object": thing, "customer": world.ident("cus")}
                if thing in ("charge", "invoice"):
                    body |= {"amount": rng.choice(PRICES), "currency": world.currency}
                if thing == "coupon":
                    body |= {"percent_off": rng.choice((10, 20, 50))}
                world.event(when, kind, world.ident("req"), None, body)
    for week in range(world.until - 19 * DAY, world.until, 7 * DAY):
        if per_day >= 4:
            payout = {
                "id": world.ident("po"),
                "object": "payout",
                "amount": rng.randrange(200_000, 900_000),
                "currency": world.currency,
                "method": "standard",
                "automatic": False,
                "destination": "ba_ours",
            }
            world.event(week, "payout.created", world.ident("req"), None, payout)


def _automatic(world: World) -> None:
    rng = world.rng
    for day in range(world.until - 20 * DAY, world.until, DAY):
        payout = {
            "id": world.ident("po"),
            "object": "payout",
            "amount": rng.randrange(100_000, 400_000),
            "currency": world.currency,
            "method": "standard",
            "automatic": True,
            "destination": "ba_ours",
        }
        world.event(day + 7 * HOUR, "payout.created", None, None, payout)
        for n in range(12):
            thing = {"id": world.ident("ch"), "object": "charge", "amount": 1900, "currency": world.currency, "customer": f"cus_sub{n}"}
            world.event(day + 8 * HOUR + n, "charge.succeeded", None, None, thing)


_READS = (
    "/v1/customers/cus_{}",
    "/v1/payment_intents/pi_{}",
    "/v1/charges/ch_{}",
    "/v1/invoices?limit=10",
    "/v1/prices?limit=100",
    "/v1/subscriptions/sub_{}",
)


def _reading(world: World, per_hour: int) -> None:
    rng = world.rng
    for hour in range(world.until - 20 * DAY, world.until, HOUR):
        for _ in range(int(per_hour * busy(hour, rng))):
            path = rng.choice(_READS).format(f"{rng.getrandbits(48):012x}")
            world.seen(
                hour + rng.randrange(HOUR),
                world.ident("req"),
                "GET",
                path,
                own=True,
                agent=NODE,
                ip="10.201.0.7",
                key="mk_shop",
                status=404 if rng.random() < 0.02 else 200,
            )
    for day in range(world.until - 20 * DAY, world.until, DAY):
        for page in range(rng.randrange(8, 14)):
            world.seen(
                day - day % DAY + 2 * HOUR + page,
                world.ident("req"),
                "GET",
                "/v1/charges?limit=100&starting_after=ch_x",
                own=True,
                agent=PYTHON,
                ip="10.201.0.9",
                key="mk_billing",
            )
    if rng.random() < 0.3:  # A developer at home, looking something up.
        ts = world.exposed + rng.randrange(DAY)
        for n in range(rng.randrange(1, 6)):
            world.seen(ts + n * 40, world.ident("req"), "GET", "/v1/customers/cus_1", own=False, agent=NODE, ip="91.20.3.4", key="mk_shop")


def _connected(world: World) -> None:
    rng = world.rng
    if rng.random() < 0.3:
        for day in range(world.until - 20 * DAY, world.until, DAY):
            request, idem = world.ident("req"), world.idem("node")
            world.seen(day + HOUR, request, "POST", "/v1/transfers", own=True, agent=NODE, ip="10.201.0.7", key="mk_shop")
            world.event(
                day + HOUR,
                "transfer.created",
                request,
                idem,
                {
                    "id": world.ident("tr"),
                    "object": "transfer",
                    "amount": 50_000,
                    "currency": world.currency,
                    "destination": f"acct_seller{rng.randrange(20)}",
                },
            )


Attack = Callable[[World], None]


def write(world: World, folder: Path, *, requests: bool = True) -> dict[str, Any]:
    """The evidence as files; returns `egress` and `logs` globs."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "egress.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in sorted(world.egress, key=lambda r: int(r["time"])))
    logs = {"events": world.events, "activity": world.activity, "webhooks": world.webhooks}
    if requests:
        logs["requests"] = world.requests
    for name, rows in logs.items():
        if rows:
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"egress": (str(folder / "*.gz"),), "logs": tuple(str(folder / f"{name}.jsonl") for name, rows in logs.items() if rows)}
