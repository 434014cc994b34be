"""A second generator of accounts, unlike `accounts`: shops as they are built, and thieves as they were seen.

A shop differs by its SDK (which decides the idempotency keys), by who confirms a payment (its server, the buyer's browser with the
publishable key, or Stripe's Checkout), by how people in the Dashboard show up, and by what it logs. Everything follows from one seed.
"""

import csv
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOUR, DAY = 3600, 86400
START = 1_791_072_000
DAYS = 24
Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What a shop is like.

    Attributes:
        sdk: whose idempotency keys its writes carry: `none` (Ruby, PHP), `node`, `uuid` (Python, Go).
        confirms: `server`, `browser` (ids that no log of ours holds) or `checkout` (no request at all).
        people: how the Dashboard shows: `ids`, `null` or `activity`. rate: payments an hour at noon.
    """

    name: str
    sdk: str
    confirms: str
    people: str
    rate: float
    egress: bool = True
    connect: bool = False
    currency: str = "usd"


KINDS = (
    Kind("rails", "none", "server", "ids", 6),
    Kind("node-elements", "node", "browser", "ids", 25),
    Kind("php-checkout", "none", "checkout", "null", 4, currency="eur"),
    Kind("marketplace", "uuid", "server", "activity", 12, connect=True, currency="gbp"),
    Kind("small-saas", "uuid", "browser", "ids", 0.4),
    Kind("no-logs", "node", "server", "ids", 10, egress=False, currency="jpy"),
)


@dataclass
class Shop:
    """One account's evidence. `evil` holds the ids of events, requests and entries that a thief left."""

    kind: Kind
    rng: random.Random
    exposed: int
    until: int
    loss: float
    events: list[Row] = field(default_factory=list)
    egress: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    activity: list[Row] = field(default_factory=list)
    webhooks: list[Row] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    cards: dict[str, Row] = field(default_factory=dict)
    evil: set[str] = field(default_factory=set)

    @property
    def first(self) -> int:
        """Where the evidence begins."""
        return self.until - DAYS * DAY

    def ident(self, prefix: str, size: int = 24) -> str:
        """An id of Stripe's look."""
        return prefix + "_" + "".join(self.rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", k=size))

    def idem(self, sdk: str) -> str | None:
        """What that SDK sends."""
        made = uuid.UUID(int=self.rng.getrandbits(128), version=4)
        return {"none": None, "node": f"stripe-node-retry-{made}", "uuid": str(made)}[sdk]

    def emit(self, ts: int, kind: str, thing: Row, request: str | None, idem: str | None = None, **more: Any) -> str:
        """One event; returns its id."""
        row = {"id": self.ident("evt"), "object": "event", "type": kind, "created": ts, "livemode": True, "pending_webhooks": 0}
        self.events.append(row | {"request": {"id": request or None, "idempotency_key": idem}, "data": {"object": thing}} | more)
        return str(row["id"])

    def ours(self, ts: int, method: str, path: str, status: int = 200) -> str:
        """A call of the shop's own, in Stripe's request log and, unless the line was lost, in ours."""
        request = self.ident("req", 14)
        self.asked(ts, method, path, request, "10.4.0.8", self.kind.sdk, status)
        if self.kind.egress and self.rng.random() >= self.loss:
            stamp = datetime.fromtimestamp(ts, UTC).isoformat().replace("+00:00", "Z")
            line = {"ts": stamp, "method": method, "host": "api.stripe.com", "path": path, "status": status, "request_id": request}
            self.egress.append(line | {"duration_ms": self.rng.randrange(80, 900)})
        return request

    def asked(self, ts: int, method: str, path: str, request: str, ip: str, sdk: str, status: int = 200) -> None:
        """A row of the request log that a human exports."""
        agent = {
            "none": "Stripe/v1 RubyBindings/12.1.0",
            "node": "Stripe/v1 NodeBindings/17.2.0",
            "uuid": "Stripe/v1 PythonBindings/11.4.0",
        }
        stamp = datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        self.requests.append(
            {"Date": stamp, "Method": method, "Path": path, "Status": status, "Request ID": request, "IP address": ip}
            | {"API key": "mk_server", "User agent": agent.get(sdk, sdk)}
        )

    def card(self, *, bank: str = "") -> Row:
        """A card as events show it."""
        brand, country, funding = (
            bank or self.rng.choice(("visa US credit", "visa GB debit", "mastercard DE debit", "amex US credit"))
        ).split()
        return {"brand": brand, "country": country, "funding": funding, "fingerprint": self.ident("", 16)[1:]}

    def charge(self, amount: int, customer: str | None, card: Row, declined: str = "", currency: str = "") -> Row:
        """A charge object."""
        thing: Row = {"id": self.ident("ch"), "object": "charge", "amount": amount, "currency": currency or self.kind.currency}
        thing |= {
            "customer": customer,
            "payment_method_details": {"type": "card", "card": card},
            "status": "succeeded",
            "failure_code": None,
        }
        if declined:
            thing |= {"status": "failed", "failure_code": "card_declined", "outcome": {"type": "issuer_declined", "reason": declined}}
        return thing


def quiet(kind: Kind, seed: int, judged: float = 2.0) -> Shop:
    """An account in which nothing bad happens."""
    rng = random.Random(f"{kind.name} {seed}")
    until = START + DAYS * DAY + rng.randrange(7 * DAY)
    shop = Shop(kind, rng, until - int(judged * DAY), until, rng.choice((0.0, 0.0, 0.02, 0.05)))
    shop.customers = [shop.ident("cus", 14) for _ in range(max(40, int(kind.rate * 60)))]
    shop.cards = {customer: shop.card() for customer in shop.customers}
    prices = rng.sample((500, 900, 1200, 2500, 4900, 9900, 15000), 4)
    sale = shop.exposed + rng.randrange(int(judged * DAY)) if rng.random() < 0.4 else 0
    for hour in range(shop.first, until, HOUR):
        noon = max(0.1, 1 - abs((hour // HOUR) % 24 - 13) / 12)
        expected = kind.rate * noon * rng.uniform(0.5, 1.5) * (4 if sale <= hour < sale + 3 * HOUR else 1)
        for _ in range(int(expected) + (rng.random() < expected % 1)):
            sale_of(shop, hour + rng.randrange(HOUR), rng.choice(prices))
    for day in range(shop.first, until, DAY):
        day_of(shop, day, prices)
    return shop


def sale_of(shop: Shop, ts: int, amount: int) -> None:
    """One sale, as the shop makes it."""
    rng = shop.rng
    if ts >= shop.until:
        return
    customer = rng.choice(shop.customers)
    idem = shop.idem(shop.kind.sdk)
    if rng.random() < 0.2:
        customer = shop.ident("cus", 14)
        shop.cards[customer] = shop.card()
        request = shop.ours(ts, "POST", "/v1/customers")
        shop.emit(ts, "customer.created", {"id": customer, "object": "customer"}, request, shop.idem(shop.kind.sdk))
    if rng.random() < 0.5:
        shop.ours(ts, "GET", f"/v1/customers/{customer}")
    declined = rng.choice(("do_not_honor", "insufficient_funds", "generic_decline")) if rng.random() < 0.06 else ""
    thing = shop.charge(amount, customer, shop.cards[customer], declined)
    intent = {"id": shop.ident("pi"), "object": "payment_intent", "amount": amount, "currency": shop.kind.currency, "customer": customer}
    failed = {"last_payment_error": {"code": "card_declined", "decline_code": declined}} if declined else {}
    outcome = "payment_failed" if declined else "succeeded"
    if shop.kind.confirms == "checkout":
        session = {"id": shop.ident("cs"), "object": "checkout.session", "amount_total": amount, "currency": shop.kind.currency}
        shop.ours(ts - 60, "POST", "/v1/checkout/sessions")
        request, idem = "", None
        if not declined:
            shop.emit(ts + 1, "checkout.session.completed", session | {"customer": customer}, None)
    else:
        made = shop.ours(ts, "POST", "/v1/payment_intents", 402 if declined and shop.kind.confirms == "server" else 200)
        shop.emit(ts, "payment_intent.created", intent, made, idem)
        request = made
        if shop.kind.confirms == "browser":
            ts += rng.randrange(20, 90)
            request, idem = shop.ident("req", 14), shop.idem("uuid")
    shop.emit(ts, f"payment_intent.{outcome}", intent | failed, request, idem)
    thing["payment_intent"] = intent["id"]
    shop.emit(ts, "charge.failed" if declined else "charge.succeeded", thing, request, idem)


_CLICKS: tuple[tuple[str, str], ...] = (
    *(("customer.updated", "customer"), ("invoice.updated", "invoice"), ("price.created", "price"), ("product.updated", "product")),
    *(("customer.subscription.updated", "subscription"), ("coupon.created", "coupon"), ("payment_link.created", "payment_link")),
)


def day_of(shop: Shop, day: int, prices: list[int]) -> None:
    """People at their desks, Stripe by itself, and what runs at night."""
    rng = shop.rng
    for _ in range(rng.randrange(0, 6)):
        ts = day - day % DAY + int(rng.gauss(12, 3) * HOUR)
        if not shop.first <= ts < shop.until:
            continue
        request = None if shop.kind.people == "null" else shop.ident("req", 14)
        refund = rng.random() < 0.5
        kind, thing = ("charge.refunded", "charge") if refund else rng.choice(_CLICKS)
        body: Row = {"id": shop.ident(thing[:4]), "object": thing, "customer": rng.choice(shop.customers)}
        body |= {"amount": rng.choice(prices), "currency": shop.kind.currency} if refund else {}
        body |= {"percent_off": rng.choice((10, 25))} if thing == "coupon" else {}
        shop.emit(ts, kind, body, request)
        if refund:
            more = {"amount": body["amount"], "currency": shop.kind.currency, "charge": body["id"]}
            shop.emit(ts, "refund.created", {"id": shop.ident("re"), "object": "refund", **more}, request)
        if shop.kind.people == "activity" and request:
            note(shop, ts, "user_access_started", request=request)
    payout = {"id": shop.ident("po"), "object": "payout", "amount": rng.randrange(90_000, 300_000), "currency": shop.kind.currency}
    shop.emit(day + 5 * HOUR, "payout.created", payout | {"automatic": True, "method": "standard", "destination": "ba_house"}, None)
    _night(shop, day)
    if shop.kind.connect:
        _sellers(shop, day)
    if rng.random() < 0.04:
        note(shop, day + 10 * HOUR, rng.choice(("api_key_viewed", "user_invite_created")), group="api_key")


def _night(shop: Shop, day: int) -> None:
    for n in range(20):  # renewals by Stripe Billing
        invoice = {
            "id": shop.ident("in"),
            "object": "invoice",
            "amount_due": 2900,
            "currency": shop.kind.currency,
            "customer": shop.customers[n],
        }
        shop.emit(day + 6 * HOUR + n, "invoice.paid", invoice, None)
        shop.emit(day + 6 * HOUR + n, "charge.succeeded", shop.charge(2900, shop.customers[n], shop.cards[shop.customers[n]]), None)
    for page in range(8):  # a nightly export of our own
        shop.ours(day + 2 * HOUR + page, "GET", "/v1/charges?limit=100" + ("&starting_after=ch_1" if page else ""))


def _sellers(shop: Shop, day: int) -> None:
    rng = shop.rng
    for n in range(6):
        request, idem = shop.ours(day + 3 * HOUR + n, "POST", "/v1/transfers"), shop.idem(shop.kind.sdk)
        row = {"id": shop.ident("tr"), "object": "transfer", "amount": rng.randrange(4000, 60_000), "currency": shop.kind.currency}
        shop.emit(day + 3 * HOUR + n, "transfer.created", row | {"destination": f"acct_seller{n:010d}"}, request, idem)
    if rng.random() < 0.3:  # a new seller signs up in the browser, with a link of ours
        seller, at = shop.ident("acct", 16), day + 9 * HOUR
        request, idem = shop.ours(at, "POST", "/v1/accounts"), shop.idem(shop.kind.sdk)
        shop.emit(at, "account.updated", {"id": seller, "object": "account"}, request, idem, account=seller)
        bank = {"id": shop.ident("ba"), "object": "bank_account", "account": seller}
        shop.emit(at + 600, "account.external_account.created", bank, shop.ident("req", 14), None, account=seller)
        shop.emit(
            at + 900, "capability.updated", {"id": "transfers", "object": "capability", "account": seller}, None, None, account=seller
        )


def note(shop: Shop, ts: int, kind: str, *, group: str = "user_access", request: str | None = None, actor: str = "user") -> str:
    """An entry of the activity log; returns its id."""
    who: Row = (
        {"type": actor, "user": {"email": "ops@shop.example"}} if actor == "user" else {"type": actor, "api_key": {"id": "mk_server"}}
    )
    row: Row = {"id": shop.ident("accact"), "object": "v2.iam.activity_log", "type": kind, "livemode": True, "actor": who}
    row |= {"created": datetime.fromtimestamp(ts, UTC).isoformat(), "details": {"type": group, group: {}}}
    shop.activity.append(row | ({"request": {"id": request}} if request else {}))
    return str(row["id"])


def write(shop: Shop, folder: Path, *, requests: bool) -> dict[str, tuple[str, ...]]:
    """The evidence as files; returns globs as `ReviewRequest` wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Row]] = {"events": shop.events, "activity": shop.activity, "webhooks": shop.webhooks, "egress": shop.egress}
    for name, found in rows.items():
        if found:
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    if requests:
        with (folder / "requests.csv").open("w", newline="") as file:
            out = csv.DictWriter(file, list(shop.requests[0]))
            out.writeheader()
            out.writerows(shop.requests)
    others = [str(file) for file in sorted(folder.iterdir()) if file.name != "egress.jsonl"]
    return {"egress": (str(folder / "egress.jsonl"),) if shop.egress else (), "logs": tuple(others)}


Theft = Callable[[Shop], None]
