"""Ask Stripe about the keys that stores hold: their answers, and other living keys of our making. Each key is used once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ir.core.errors import IrError
from ir.core.model import Liveness
from ir.core.secret import Secret
from ir.incident.earlier import History
from ir.inventory import Inventory, Key, Webhook
from ir.ports import Operator
from ir.runtime import adapter_registry


@dataclass(frozen=True)
class Probed:
    """The answers about one key.

    Attributes:
        seen: fingerprint → what it answered.
        beside: names and ids of living keys of our making that are none of those; of a managed account alone.
        unknown: what could not be told.
    """

    seen: Mapping[str, Liveness] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def look(source: Inventory, key: Key, values: Mapping[str, Secret], past: History, operator: Operator, base: Path) -> Probed:
    """Use each of `values` (by fingerprint) once, and read Stripe's list where an app's key may."""
    from ir.clients.stripe_api import StripeApi, probe

    if isinstance(key, Webhook):
        return Probed(unknown=("a signing secret cannot be asked for its life",))
    account = source.account(key.account)
    api = StripeApi(account.api_base)
    seen = {mark: probe(api, value).liveness for mark, value in values.items()}
    silent = tuple(f"Stripe gave no answer about {mark}" for mark, liveness in seen.items() if liveness is Liveness.UNKNOWN)
    left = {name: mark for name, mark in past.left.items() if mark not in values}
    if account.app_key is None:
        told = (f"whether the replacement of {name} ({mark}) lives: only the Dashboard lists keys" for name, mark in left.items())
        return Probed(seen, (), (*silent, *told))
    try:
        return Probed(seen, _beside(source, key, values, past, operator, base), silent)
    except IrError as error:
        return Probed(seen, (), (*silent, f"which keys live beside: {error.what}"))


def _beside(source: Inventory, key: Key, values: Mapping[str, Secret], past: History, operator: Operator, base: Path) -> tuple[str, ...]:
    from ir.adapters.issuers.key_api import KeyApi
    from ir.adapters.issuers.key_rows import name_of
    from ir.adapters.issuers.row_identity import Identity
    from ir.clients.stripe_api import StripeApi, probe
    from ir.runtime.wiring import SystemClock

    ours = tuple(f"ir-{name}-" for name in {*past.left, *past.replaced.values()})
    account = source.account(key.account)
    ref, api = account.app_key, StripeApi(account.api_base)
    assert ref is not None  # noqa: S101 - the caller has looked
    keys = KeyApi(api, account.id, lambda: adapter_registry.resolve(ref, source, operator, base))
    named = [seen.row for seen in keys.every(wanted=lambda data: name_of(data).startswith(ours)) if seen.row.active] if ours else []
    identity = Identity(keys, lambda secret: probe(api, secret), SystemClock())
    held = {row.id for value in values.values() if (row := identity.of(value)) is not None} if named else set()
    return tuple(f"{row.name} ({row.id})" for row in named if row.id not in held)
