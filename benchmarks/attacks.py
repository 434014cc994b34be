"""Attacks that were published (docs/stripe-facts.md, 3, tells of some), each put into an account after its exposure."""

from datetime import UTC, datetime

from benchmarks.accounts import DAY, HOUR, NODE, Attack, World, card

_CURL, _REQUESTS = "curl/8.5.0", "python-requests/2.32"


def _at(world: World) -> int:
    return world.exposed + world.rng.randrange(300, max(600, (world.until - world.exposed) // 3))


def _ip(world: World) -> str:
    return f"185.{world.rng.randrange(1, 250)}.{world.rng.randrange(250)}.{world.rng.randrange(1, 250)}"


def _call(world: World, ts: int, method: str, path: str, ip: str, status: int = 200, agent: str = _REQUESTS, key: str = "mk_shop") -> str:
    request = world.ident("req")
    world.seen(ts, request, method, path, own=False, agent=agent, ip=ip, key=key, status=status)
    world.evil.add(request)
    return request


def card_test_intents(world: World) -> None:
    """S1: payment method, payment intent, confirm, one fresh card each."""
    start, ip = _at(world), _ip(world)
    for n in range(80):
        ts = start + n * 7
        _call(world, ts, "POST", "/v1/payment_methods", ip)
        request = _call(world, ts + 2, "POST", "/v1/payment_intents/pi_1a2b3c4d/confirm", ip, 402)
        world.event(
            ts + 2,
            "payment_intent.payment_failed" if n % 8 else "charge.succeeded",
            request,
            None,
            {
                "id": world.ident("pi"),
                "object": "payment_intent",
                "amount": 100,
                "currency": "usd",
                "payment_method_details": card(world.rng),
            },
        )


def card_test_setup(world: World) -> None:
    """S2: a fake customer and a setup intent per card."""
    start, ip = _at(world), _ip(world)
    for n in range(60):
        ts = start + n * 9
        made = _call(world, ts, "POST", "/v1/customers", ip)
        customer = world.ident("cus")
        world.event(ts, "customer.created", made, None, {"id": customer, "object": "customer"})
        request = _call(world, ts + 1, "POST", "/v1/setup_intents", ip, 402)
        error = {"code": "card_declined", "payment_method": card(world.rng)}
        world.event(
            ts + 1,
            "setup_intent.setup_failed",
            request,
            None,
            {"id": world.ident("seti"), "object": "setup_intent", "customer": customer, "last_setup_error": error},
        )


def card_test_cents(world: World) -> None:
    """S3: charges of a few cents; most are refused before there is an event."""
    start, ip = _at(world), _ip(world)
    for n in range(60):
        ts = start + n * 5
        _call(world, ts, "POST", "/v1/payment_methods", ip, agent=_CURL)
        request = _call(world, ts + 1, "POST", "/v1/charges", ip, 400 if n % 3 else 402, _CURL)
        if n % 3 == 0:
            world.event(
                ts + 1,
                "charge.failed",
                request,
                None,
                {
                    "id": world.ident("ch"),
                    "object": "charge",
                    "amount": 50,
                    "currency": "usd",
                    "failure_code": "card_declined",
                    "payment_method_details": card(world.rng),
                },
            )


def card_test_by_hand(world: World) -> None:
    """Three cards a minute at most, one issuer."""
    ts = _at(world)
    for n in range(16):
        ts += world.rng.randrange(20, 90)
        request = world.ident("req")
        world.evil.add(request)
        world.event(
            ts,
            "charge.succeeded" if n % 5 == 4 else "charge.failed",
            request,
            None,
            {
                "id": world.ident("ch"),
                "object": "charge",
                "amount": 100,
                "currency": "usd",
                "payment_method_details": card(world.rng, ("visa", "US", "prepaid")),
            },
        )


def donations(world: World) -> None:
    """$1 to $3.50 charges of made-up customers over a day, mostly declined."""
    start = _at(world)
    for n in range(50):
        ts = start + n * 1200 + world.rng.randrange(600)
        if ts >= world.until:
            break
        request = world.ident("req")
        world.evil.add(request)
        customer = world.ident("cus")
        world.event(ts, "customer.created", request, None, {"id": customer, "object": "customer"})
        world.event(
            ts,
            "charge.failed" if n % 4 else "charge.succeeded",
            request,
            None,
            {
                "id": world.ident("ch"),
                "object": "charge",
                "amount": world.rng.randrange(100, 350),
                "currency": "usd",
                "customer": customer,
                "payment_method_details": card(world.rng),
            },
        )


def recon(world: World) -> None:
    """S4: account, balance, charges, sessions."""
    start, ip = _at(world), _ip(world)
    for n, path in enumerate(("/v1/account", "/v1/balance", "/v1/balance/history", "/v1/charges", "/v1/checkout/sessions")):
        _call(world, start + n * 2, "GET", path, ip, agent=_CURL)
    request = _call(world, start + 30, "POST", "/v1/prices", ip, agent=_CURL)
    world.event(start + 30, "price.created", request, None, {"id": world.ident("price"), "object": "price", "currency": "usd"})


def inspector(world: World) -> None:
    """A scanner of permissions: many lists, some refused."""
    start, ip = _at(world), _ip(world)
    names = "account balance customers charges payouts products webhook_endpoints events accounts disputes invoices coupons refunds transfers topups files"
    for n, name in enumerate(names.split()):
        _call(world, start + n * 3, "GET", f"/v1/{name}", ip, 403 if n % 4 == 3 else 200)


def off_session(world: World) -> None:
    """175 of our customers, $500 each."""
    start = _at(world)
    known = sorted(
        {str(e["data"]["object"].get("customer")) for e in world.events if str(e["data"]["object"].get("customer", "")).startswith("cus_")}
    )
    for n, customer in enumerate(world.rng.sample(known, min(175, len(known)))):
        request = world.ident("req")
        world.evil.add(request)
        world.event(
            start + n * 6,
            "charge.succeeded",
            request,
            None,
            {
                "id": world.ident("ch"),
                "object": "charge",
                "amount": 50_000,
                "currency": "usd",
                "customer": customer,
                "payment_method_details": card(world.rng),
            },
        )


def off_session_slow(world: World) -> None:
    """Five customers an hour, one amount, with the SDK that we use."""
    start = world.exposed + 600
    known = sorted(
        {str(e["data"]["object"].get("customer")) for e in world.events if str(e["data"]["object"].get("customer", "")).startswith("cus_")}
    )
    for n, customer in enumerate(world.rng.sample(known, min(120, len(known)))):
        ts = start + n * 720
        if ts >= world.until:
            break
        request = world.ident("req")
        world.evil.add(request)
        world.event(
            ts,
            "charge.succeeded",
            request,
            world.idem("node"),
            {"id": world.ident("ch"), "object": "charge", "amount": 19_900, "currency": "usd", "customer": customer},
        )


def connect_plant(world: World) -> None:
    """A new connected account, filled and emptied by an instant payout to a prepaid card."""
    ts, account = _at(world), world.ident("acct")
    steps = (
        ("account.updated", {"id": account, "object": "account"}, 0),
        ("capability.updated", {"id": "transfers", "object": "capability", "account": account}, 60),
        ("account.external_account.created", {"id": "card_x", "object": "card", "account": account}, 120),
        (
            "transfer.created",
            {"id": world.ident("tr"), "object": "transfer", "amount": 700_000, "currency": "usd", "destination": account},
            900,
        ),
        (
            "payout.created",
            {
                "id": world.ident("po"),
                "object": "payout",
                "amount": 690_000,
                "currency": "usd",
                "method": "instant",
                "automatic": False,
                "destination": "card_x",
            },
            1500,
        ),
    )
    for kind, thing, later in steps:
        request = world.ident("req")
        world.evil.add(request)
        more = {} if kind == "transfer.created" else {"account": account}
        world.event(ts + later, kind, request, None, thing, **more)


def cash_out(world: World) -> None:
    """The bank account is replaced, then an instant payout."""
    ts = _at(world)
    for kind, thing, later in (
        ("account.external_account.created", {"id": "ba_evil", "object": "bank_account"}, 0),
        (
            "payout.created",
            {
                "id": world.ident("po"),
                "object": "payout",
                "amount": 2_000_000,
                "currency": world.currency,
                "method": "instant",
                "automatic": False,
                "destination": "ba_evil",
            },
            300,
        ),
    ):
        request = world.ident("req")
        world.evil.add(request)
        world.event(ts + later, kind, request, None, thing)


def refunds(world: World) -> None:
    """A restricted key: pages of customers, then sixty refunds."""
    ts, ip = _at(world), _ip(world)
    for n in range(40):
        _call(world, ts + n, "GET", "/v1/customers?limit=100&starting_after=cus_x", ip)
    for n in range(60):
        request = _call(world, ts + 300 + n * 5, "POST", "/v1/refunds", ip)
        world.event(
            ts + 300 + n * 5,
            "refund.created",
            request,
            None,
            {"id": world.ident("re"), "object": "refund", "amount": 4900, "currency": world.currency},
        )


def refunds_like_us(world: World) -> None:
    """Sixty refunds with the SDK that we use, and no request log."""
    ts = _at(world)
    for n in range(60):
        request = world.ident("req")
        world.evil.add(request)
        world.event(
            ts + n * 20,
            "refund.created",
            request,
            world.idem("node"),
            {"id": world.ident("re"), "object": "refund", "amount": 4900, "currency": world.currency},
        )


def customers(world: World) -> None:
    """Hundreds of made-up customers."""
    ts = _at(world)
    for n in range(600):
        request = world.ident("req")
        world.evil.add(request)
        if ts + n * 60 < world.until:
            world.event(ts + n * 60, "customer.created", request, None, {"id": world.ident("cus"), "object": "customer"})


def export(world: World) -> None:
    """Four hundred pages of customers."""
    ts, ip = _at(world), _ip(world)
    for n in range(400):
        _call(world, ts + n * 2, "GET", "/v1/customers?limit=100&starting_after=cus_x", ip, agent=NODE)


def persistence(world: World) -> None:
    """A key made by a key, and an event destination."""
    ts = _at(world)
    for kind, group in (("api_key_created", "api_key"), ("event_destination_created", "event_destination")):
        ident = world.ident("accact")
        world.evil.add(ident)
        stamp = datetime.fromtimestamp(ts, UTC).isoformat()
        world.activity.append(
            {
                "id": ident,
                "object": "v2.iam.activity_log",
                "created": stamp,
                "type": kind,
                "livemode": True,
                "actor": {"type": "api_key", "api_key": {"id": "mk_shop"}},
                "details": {"type": group, "api_key": {"id": "mk_new"}},
            }
        )


def webhook_forgery(world: World) -> None:
    """Thirty webhooks with bad signatures."""
    ts = _at(world)
    for n in range(30):
        ident = world.ident("evt")
        world.evil.add(ident)
        world.webhooks.append(
            {
                "time": ts + n * 8,
                "path": "/hooks/stripe",
                "status": 400,
                "event_id": ident,
                "error": "No signatures found matching the expected signature for payload",
            }
        )


def report_run(world: World) -> None:
    """A report of everything, never made before."""
    request = world.ident("req")
    world.evil.add(request)
    world.event(_at(world), "reporting.report_run.succeeded", request, None, {"id": world.ident("frr"), "object": "reporting.report_run"})


ATTACKS: dict[str, Attack] = {
    name: attack
    for name, attack in list(globals().items())
    if callable(attack) and getattr(attack, "__module__", "") == __name__ and not name.startswith("_")
}
WEEK = 7 * DAY + HOUR
