"""What thieves did with leaked keys, done to a `shops.Shop`; each stands in the facts, none shares code with `attacks`."""

from typing import Any

from benchmarks.shops import Row, Shop, Theft, note

NEEDS = {"scan": "requests", "copy_customers": "requests", "second_country": "requests", "idempotency_clash": "requests"}
"""Thefts that leave their mark in the request log alone; every other one must be found without it."""


def _start(shop: Shop) -> int:
    return shop.exposed + shop.rng.randrange(240, max(300, (shop.until - shop.exposed) // 2))


def _strange(shop: Shop, ts: int, method: str, path: str, status: int = 200, agent: str = "python-requests/2.31.0") -> str:
    request = shop.ident("req", 14)
    shop.asked(ts, method, path, request, "91.132.7.44", agent, status)
    shop.evil.add(request)
    return request


def _did(shop: Shop, ts: int, kind: str, thing: Row, request: str, idem: str | None = None, **more: Any) -> None:
    shop.evil.add(shop.emit(ts, kind, thing, request, idem, **more))


def _tested(shop: Shop, ts: int, amount: int, *, bank: str = "", customer: str | None = None, works: int = 9) -> None:
    """One card tried: a payment method, an intent, a confirm."""
    card = shop.card(bank=bank)
    method = {"id": shop.ident("pm"), "object": "payment_method", "card": card}
    made = _strange(shop, ts, "POST", "/v1/payment_methods")
    if customer:
        _did(shop, ts, "payment_method.attached", method | {"customer": customer}, made)
    good = shop.rng.randrange(works) == 0
    request = _strange(shop, ts + 1, "POST", "/v1/payment_intents", 200 if good else 402)
    declined = "" if good else shop.rng.choice(("do_not_honor", "lost_card", "incorrect_cvc", "fraudulent"))
    intent = {"id": shop.ident("pi"), "object": "payment_intent", "amount": amount, "currency": "usd", "customer": customer}
    _did(shop, ts + 1, "payment_intent.created", intent, request)
    _did(shop, ts + 1, "charge.succeeded" if good else "charge.failed", shop.charge(amount, customer, card, declined, "usd"), request)
    error = {"code": "card_declined", "decline_code": declined, "payment_method": method}
    failed = intent if good else intent | {"last_payment_error": error}
    _did(shop, ts + 1, "payment_intent.succeeded" if good else "payment_intent.payment_failed", failed, request)


def checker(shop: Shop) -> None:
    """S1: a bot of card testers, one fresh card every few seconds."""
    at = _start(shop)
    for n in range(120):
        _tested(shop, at + n * 6, 100)


def checker_with_customers(shop: Shop) -> None:
    """S2: a made-up customer and a setup intent per card."""
    at = _start(shop)
    for n in range(70):
        ts, customer, card = at + n * 11, shop.ident("cus", 14), shop.card()
        _did(shop, ts, "customer.created", {"id": customer, "object": "customer"}, _strange(shop, ts, "POST", "/v1/customers"))
        request = _strange(shop, ts + 2, "POST", "/v1/setup_intents", 402)
        error = {"code": "card_declined", "decline_code": "generic_decline", "payment_method": {"card": card}}
        thing = {"id": shop.ident("seti"), "object": "setup_intent", "customer": customer, "last_setup_error": error}
        _did(shop, ts + 2, "setup_intent.created", {"id": thing["id"], "object": "setup_intent", "customer": customer}, request)
        _did(shop, ts + 2, "setup_intent.setup_failed", thing, request)


def by_hand(shop: Shop) -> None:
    """Three cards a minute of one prepaid issuer, twenty of them."""
    at = _start(shop)
    for n in range(20):
        _tested(shop, at + n * 22 + shop.rng.randrange(9), 100, bank="visa US prepaid", works=4)


def donations(shop: Shop) -> None:
    """Charges of one to three and a half dollars by invented people, some refunded again."""
    at = shop.exposed + 1800
    for n in range(45):
        ts = at + n * 1500 + shop.rng.randrange(700)
        if ts < shop.until:
            customer = shop.ident("cus", 14)
            _did(shop, ts - 5, "customer.created", {"id": customer, "object": "customer"}, _strange(shop, ts - 5, "POST", "/v1/customers"))
            _tested(shop, ts, shop.rng.randrange(100, 351), customer=customer, works=5)


def everyone_charged(shop: Shop) -> None:
    """Every known customer charged one round amount, off-session."""
    at = _start(shop)
    for n, customer in enumerate(shop.customers[:175]):
        request = _strange(shop, at + n * 5, "POST", "/v1/payment_intents")
        thing = shop.charge(50_000, customer, shop.cards[customer])
        intent = {
            "id": shop.ident("pi"),
            "object": "payment_intent",
            "amount": 50_000,
            "currency": shop.kind.currency,
            "customer": customer,
        }
        _did(shop, at + n * 5, "payment_intent.succeeded", intent, request)
        _did(shop, at + n * 5, "charge.succeeded", thing, request)


def planted_seller(shop: Shop) -> None:
    """A connected account, made, filled and emptied to a prepaid card within two hours."""
    at, seller = _start(shop), shop.ident("acct", 16)
    _did(shop, at, "account.updated", {"id": seller, "object": "account"}, _strange(shop, at, "POST", "/v1/accounts"), account=seller)
    request = _strange(shop, at + 90, "POST", "/v1/accounts/acct_1/external_accounts")
    card = {"id": shop.ident("card"), "object": "card", "account": seller, "funding": "prepaid"}
    _did(shop, at + 90, "account.external_account.created", card, request, account=seller)
    request = _strange(shop, at + 2000, "POST", "/v1/transfers")
    money = {"amount": 860_000, "currency": shop.kind.currency}
    _did(shop, at + 2000, "transfer.created", {"id": shop.ident("tr"), "object": "transfer", "destination": seller, **money}, request)
    request = _strange(shop, at + 5000, "POST", "/v1/payouts")
    payout = {"id": shop.ident("po"), "object": "payout", "method": "instant", "automatic": False, "destination": card["id"], **money}
    _did(shop, at + 5000, "payout.created", payout, request, account=seller)


def bank_swapped(shop: Shop) -> None:
    """Our bank account replaced, then a manual payout of the balance."""
    at, bank = _start(shop), shop.ident("ba")
    request = _strange(shop, at, "POST", "/v1/accounts/acct_1/external_accounts")
    _did(shop, at, "account.external_account.created", {"id": bank, "object": "bank_account", "account": "acct_1"}, request)
    request = _strange(shop, at + 400, "POST", "/v1/payouts")
    thing = {"id": shop.ident("po"), "object": "payout", "amount": 1_930_000, "currency": shop.kind.currency, "destination": bank}
    _did(shop, at + 400, "payout.created", thing | {"method": "standard", "automatic": False}, request)


def one_instant_payout(shop: Shop) -> None:
    """Nothing but one instant payout."""
    at = _start(shop)
    thing = {
        "id": shop.ident("po"),
        "object": "payout",
        "amount": 410_000,
        "currency": shop.kind.currency,
        "destination": shop.ident("card"),
    }
    _did(shop, at, "payout.created", thing | {"method": "instant", "automatic": False}, _strange(shop, at, "POST", "/v1/payouts"))


def refund_spree(shop: Shop) -> None:
    """Fifty refunds in ten minutes."""
    at = _start(shop)
    for n in range(50):
        request, amount = _strange(shop, at + n * 12, "POST", "/v1/refunds"), 2500
        charge = {"id": shop.ident("ch"), "object": "charge", "amount": amount, "currency": shop.kind.currency}
        _did(shop, at + n * 12, "charge.refunded", charge | {"customer": shop.rng.choice(shop.customers)}, request)
        refund = {"id": shop.ident("re"), "object": "refund", "amount": amount, "currency": shop.kind.currency, "charge": charge["id"]}
        _did(shop, at + n * 12, "refund.created", refund, request)


def crowd(shop: Shop) -> None:
    """Eleven thousand customers a day, as far as the window goes (a tenth of it here)."""
    at = shop.exposed + 900
    for n in range(1100):
        ts = at + n * 8
        _did(shop, ts, "customer.created", {"id": shop.ident("cus", 14), "object": "customer"}, _strange(shop, ts, "POST", "/v1/customers"))


def payment_page(shop: Shop) -> None:
    """Recon, then a product, a price and a payment link in our name, and a coupon that gives all away."""
    at = _start(shop)
    for n, path in enumerate(("/v1/account", "/v1/balance", "/v1/charges?limit=1", "/v1/checkout/sessions?limit=3")):
        _strange(shop, at + n, "GET", path, agent="GuzzleHttp/7")
    made: tuple[tuple[str, str, Row], ...] = (
        ("product.created", "product", {}),
        ("price.created", "price", {"unit_amount": 1000}),
        ("payment_link.created", "payment_link", {}),
    )
    for n, (kind, thing, more) in enumerate((*made, ("coupon.created", "coupon", {"percent_off": 100}))):
        request = _strange(shop, at + 20 + n * 5, "POST", f"/v1/{thing}s", agent="GuzzleHttp/7")
        _did(shop, at + 20 + n * 5, kind, {"id": shop.ident(thing[:4]), "object": thing, "currency": "usd", **more}, request)


def spending_cards(shop: Shop) -> None:
    """Two issued cards and a top-up."""
    at = _start(shop)
    for n in range(2):
        request = _strange(shop, at + n * 60, "POST", "/v1/issuing/cards")
        _did(shop, at + n * 60, "issuing_card.created", {"id": shop.ident("ic"), "object": "issuing.card"}, request)
    thing = {"id": shop.ident("tu"), "object": "topup", "amount": 900_000, "currency": shop.kind.currency}
    _did(shop, at + 300, "topup.created", thing, _strange(shop, at + 300, "POST", "/v1/topups"))


def report(shop: Shop) -> None:
    """A report of all balance activity."""
    at = _start(shop)
    request = _strange(shop, at, "POST", "/v1/reporting/report_runs")
    _did(shop, at + 40, "reporting.report_run.succeeded", {"id": shop.ident("frr"), "object": "reporting.report_run"}, request)


def app_installed(shop: Shop) -> None:
    """A foreign app is given access."""
    at = _start(shop)
    _did(
        shop,
        at,
        "account.application.authorized",
        {"id": shop.ident("ca"), "object": "application"},
        _strange(shop, at, "POST", "/v1/apps"),
    )


def settled_in(shop: Shop) -> None:
    """A key made by a key, a destination for events, alarms off."""
    at = _start(shop)
    kinds = ("api_key_created", "api_key"), ("event_destination_created", "event_destination")
    for n, (kind, group) in enumerate((*kinds, ("anomaly_detection_settings_updated", "account_security"))):
        shop.evil.add(note(shop, at + n * 40, kind, group=group, actor="api_key"))


def scan(shop: Shop) -> None:
    """An inspector tries thirty lists in two minutes, some refused."""
    at = _start(shop)
    lists = (
        "account balance customers charges payouts products webhook_endpoints events accounts disputes invoices coupons refunds transfers"
    )
    for n, name in enumerate((lists + " topups files issuing/cards prices plans subscriptions").split()):
        _strange(shop, at + n * 4, "GET", f"/v1/{name}?limit=1", 403 if n % 3 == 2 else 200)


def copy_customers(shop: Shop) -> None:
    """Two hundred pages of customers."""
    at = _start(shop)
    for n in range(200):
        _strange(shop, at + n * 3, "GET", f"/v1/customers?limit=100&starting_after=cus_{n:08d}")


def second_country(shop: Shop) -> None:
    """The key used from elsewhere, with another client, while we use it."""
    at = _start(shop)
    for n in range(12):
        shop.ours(at + n * 300, "GET", "/v1/prices?limit=100")
        _strange(shop, at + n * 300 + 20, "GET", f"/v1/customers/cus_{n}", agent="curl/8.4.0")


def idempotency_clash(shop: Shop) -> None:
    """Someone reuses idempotency keys of ours: refused by Stripe."""
    at = _start(shop)
    for n in range(8):
        request = _strange(shop, at + n * 30, "POST", "/v1/payment_intents", 400)
        shop.requests[-1]["Error code"] = "idempotency_key_in_use" if n % 2 else "idempotency_error"
        shop.evil.add(request)
    for row in shop.requests:
        row.setdefault("Error code", "")


def forged_webhooks(shop: Shop) -> None:
    """Fifty webhooks whose signatures do not fit."""
    at = _start(shop)
    for n in range(50):
        ident = shop.ident("evt")
        shop.evil.add(ident)
        row = {"timestamp": at + n * 5, "endpoint": "/stripe/webhook", "status": 400, "event_id": ident}
        shop.webhooks.append(row | {"error": "SignatureVerificationError: No signatures found matching the expected signature for payload"})


def slow_refunds(shop: Shop) -> None:
    """A refund every forty minutes with the shop's own client, in a shop that refunds little."""
    at = shop.exposed + 600
    for n in range(40):
        ts = at + n * 2400
        if ts < shop.until:
            refund = {"id": shop.ident("re"), "object": "refund", "amount": 9900, "currency": shop.kind.currency}
            request = shop.ident("req", 14)
            shop.evil.add(request)
            _did(shop, ts, "refund.created", refund, request, shop.idem(shop.kind.sdk))


THEFTS: dict[str, Theft] = {
    name: theft
    for name, theft in list(globals().items())
    if callable(theft) and getattr(theft, "__module__", "") == __name__ and not name.startswith("_")
}
