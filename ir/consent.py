"""Consent: stores, hosts and commands that are new since the last finished incident are shown before they get a key."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ir.inventory import Account, Inventory, Key, Webhook
from ir.model import Json

_FINISHED = ("done", "debt", "attested", "rolled back")


def destinations(inventory: Inventory, key: Key) -> set[str]:
    """Everything that may receive the key or be run on its account, as readable words."""
    found = {f"store {ref.object}" for ref in key.stored_in}
    found |= _account_places(inventory.account(key.account))
    found |= {f"store {ref.object}" for ref in (inventory.evidence_key,) if ref is not None}
    if isinstance(key, Webhook) and key.api_key is not None:
        found.add(f"store {key.api_key.object}")
    found |= {f"notices to {row.to.object}" for row in inventory.notify}
    for service in inventory.services_of(key.name):
        urls = [service.reload.http, *(url for verify in service.verify for url in (verify.http, verify.webhook))]
        found |= {f"host {urlsplit(url).netloc}" for url in urls if url}
        commands = [service.reload.command, *(verify.command for verify in service.verify)]
        found |= {f"command {' '.join(argv)}" for argv in commands if argv}
    for command in inventory.commands:
        if any(ref.scheme == "command" and ref.path == command.name for ref in key.stored_in):
            found |= {f"command {' '.join(argv)}" for argv in (command.read, command.write, command.check or []) if argv}
    return found


def known(index: Iterable[Json]) -> set[str] | None:
    """Destinations of finished incidents; None when there is none yet (first use)."""
    rows = [row for row in index if row["status"] in _FINISHED and not row["summary"].get("rehearsal")]
    return {place for row in rows for place in row["summary"].get("destinations", [])} if rows else None


def _account_places(account: Account) -> set[str]:
    refs = [ref for ref in (account.app_key, account.review_key) if ref is not None]
    return {f"store {ref.object}" for ref in refs} | {f"host {urlsplit(account.api_base).netloc}"}
