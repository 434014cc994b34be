"""Check that the ids in an inventory (`mk_…`, `we_…`) belong to the keys that its stores hold. One row is read; no key is used for it."""

from pathlib import Path

from ir.core.errors import Missing
from ir.core.secret import Secret
from ir.inventory import Inventory, Key, Webhook, consent, references
from ir.ports import Operator
from ir.runtime import adapter_registry


def asks(source: Inventory, key: Key) -> set[str]:
    """The programs that `problem` runs, for consent (`inventory.consent`)."""
    row = source.account(key.account)
    return consent.reading(
        source, [ref for where, ref in (*references.of_account(row), *references.of_key(key)) if where[-1] in ("app_key", "api_key")]
    )


def problem(source: Inventory, key: Key, value: Secret, operator: Operator, base: Path) -> str:
    """The reason why the listed id does not fit a key whose stores hold `value`; "" = it fits, or none is listed.

    Raises:
        PortError: it cannot be told; Missing: nothing that may read Stripe's list is listed.
    """
    if not key.id:
        return ""
    return _of_webhook(source, key, operator, base) if isinstance(key, Webhook) else _of_key(source, key, value, operator, base)


def _of_key(source: Inventory, key: Key, value: Secret, operator: Operator, base: Path) -> str:
    from ir.adapters.issuers.key_api import KeyApi
    from ir.adapters.issuers.row_identity import Identity
    from ir.clients.stripe_api import StripeApi, probe
    from ir.runtime.wiring import SystemClock

    account = source.account(key.account)
    if account.app_key is None:
        raise Missing(f"account `{account.name}` lists no `app_key`, which alone may read Stripe's list of keys")
    ref, api = account.app_key, StripeApi(account.api_base)
    keys = KeyApi(api, account.id, lambda: adapter_registry.resolve(ref, source, operator, base))
    row = Identity(keys, lambda secret: probe(api, secret), SystemClock()).of(value, key.id)
    if row is None:
        return f"`id: {key.id}` is not the id of what its stores hold, but of a former or another key: remove it, or write the right one"
    return "" if row.active else f"`id: {key.id}` is of a dead key, and its stores hold it still"


def _of_webhook(source: Inventory, key: Webhook, operator: Operator, base: Path) -> str:
    from ir.adapters.issuers.webhook_endpoints import Endpoints
    from ir.clients.stripe_api import StripeApi

    if key.api_key is None:
        raise Missing(f"webhook `{key.name}` lists no `api_key`, which may read Stripe's list of endpoints")
    ref = key.api_key
    endpoints = Endpoints(StripeApi(source.account(key.account).api_base), lambda: adapter_registry.resolve(ref, source, operator, base))
    try:
        found = endpoints.one(key.id)
    except Missing:
        return f"`id: {key.id}`: Stripe has no such endpoint any more; remove the line, or write the right id"
    if found.url != key.url:
        return f"`id: {key.id}` is an endpoint of another url; remove the line, or write the right id"
    return "" if found.enabled else f"`id: {key.id}` is an endpoint that is disabled"
