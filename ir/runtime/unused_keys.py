"""Keys of an account that nothing has used for a while, by Stripe's own `last_used`. Its list is read; no key is used for it."""

from dataclasses import dataclass
from pathlib import Path

from ir.core.model import KeyRow
from ir.inventory import Account, Inventory, consent, references
from ir.ports import Operator
from ir.runtime import adapter_registry


@dataclass(frozen=True)
class UnusedKey:
    """A key that lives and is not used. `last_used`: epoch seconds, 0 = never; `listed_as`: its name in the inventory, "" = it has none."""

    account: str
    id: str
    name: str
    created: float
    last_used: float
    listed_as: str


def asks(source: Inventory) -> set[str]:
    """The programs that `found` runs, for consent (`inventory.consent`)."""
    refs = [ref for row in source.accounts for where, ref in references.of_account(row) if where[-1] == "app_key"]
    return consent.reading(source, refs)


def found(source: Inventory, account: Account, before: float, operator: Operator, base: Path) -> list[UnusedKey]:
    """Living keys of the account that were last used before `before` (epoch seconds), and were made before it; the oldest first.

    Raises:
        PortError: Stripe's list cannot be read.
    """
    from ir.adapters.issuers.key_api import KeyApi
    from ir.clients.stripe_api import StripeApi

    ref = account.app_key
    if ref is None:
        return []
    api = KeyApi(StripeApi(account.api_base), account.id, lambda: adapter_registry.resolve(ref, source, operator, base))
    rows = [seen.row for seen in api.every() if seen.row.active]
    return [_unused(source, account, row) for row in sorted(rows, key=lambda row: (row.last_used, row.created)) if _idle(row, before)]


def _idle(row: KeyRow, before: float) -> bool:
    """A key that was made since then may not be in use yet."""
    return row.last_used < before and row.created < before


def _unused(source: Inventory, account: Account, row: KeyRow) -> UnusedKey:
    named = next((key.name for key in source.held if key.id == row.id), "")
    return UnusedKey(account.name, row.id, row.name, row.created, row.last_used, named)
