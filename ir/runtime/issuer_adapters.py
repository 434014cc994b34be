"""Adapters of Stripe's side of an incident: the issuer of an account or of a webhook, and the record of deliveries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from ir.core.secret import Secret
from ir.inventory import Account, Webhook
from ir.ports import Clock, Deliveries, Issuer, Operator
from ir.runtime.adapter_registry import load, optional
from ir.runtime.signing_secrets import SignedWith


@dataclass(frozen=True)
class Means:
    """The parts that an issuer works with."""

    operator: Operator
    clock: Clock
    api: Any
    resolve: Callable[[str], Secret]


def issuer(account: Account, operator: Operator, clock: Clock, api: Any, app_key: Callable[[], Secret]) -> Issuer:
    """The issuer of an account: managed, with the guided Dashboard as its fallback, or the Dashboard."""
    from ir.adapters.issuers import ISSUERS

    rows = None
    if account.app_key is not None:
        from ir.adapters.issuers.row_identity import rows_of

        rows = rows_of(api, account.id, app_key, clock)
    dashboard = load(ISSUERS, "dashboard")(api, account.id, account.mode, operator, clock, rows=rows)
    if account.issuer == "dashboard":
        return cast(Issuer, dashboard)
    return cast(Issuer, load(ISSUERS, "managed")(api, account.id, account.mode, app_key, clock, fallback=dashboard))


def webhook_issuer(row: Webhook, account: Account, incident: str, with_: Means, signed: SignedWith) -> Issuer:
    """The issuer of a webhook: a second endpoint by API, or the guided roll."""
    from ir.adapters.issuers import WEBHOOK_ISSUERS
    from ir.adapters.issuers.webhook_endpoints import Endpoints
    from ir.adapters.issuers.webhook_use import WebhookServices

    made, uses = load(WEBHOOK_ISSUERS, row.roll), WebhookServices(signed.accepted, signed.other, signed.facts)
    if row.roll == "dashboard":
        return cast(Issuer, made(row.url, row.id, account.mode, with_.operator, with_.clock, uses))
    endpoints = Endpoints(with_.api, lambda: with_.resolve(str(row.api_key)))
    about = {"incident": incident, "url": row.url, "endpoint": row.id, "connect": bool(row.connect)}
    return cast(Issuer, made(endpoints, uses, account.mode, with_.clock, **about))


def webhook_deliveries(row: Webhook, account: Account, with_: Means, signed: SignedWith) -> Deliveries:
    """Stripe's record of its deliveries, read with the webhook's own key or the account's read-only one."""
    from ir.adapters.issuers.webhook_deliveries import Hook, StripeDeliveries
    from ir.adapters.issuers.webhook_use import WebhookServices

    def keys() -> list[Secret]:
        found = (optional(ref, with_.resolve) for ref in (row.api_key, account.review_key))
        return [key for key in found if key is not None]

    hook = Hook(row.url, row.id, account.mode, row.connect, row.roll == "second-endpoint")
    uses = WebhookServices(signed.accepted, signed.other, signed.facts)
    return StripeDeliveries(with_.api, keys, hook, uses, signed.send, signed.processed, lambda: with_.clock.now().timestamp())
