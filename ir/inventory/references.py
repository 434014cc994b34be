"""Every reference that an inventory makes, and its place in the file. One list, so that no rule and no consent can miss a reference."""

from collections.abc import Iterator

from ir.core.reference import Reference
from ir.inventory.rows import Account, Inventory, Key, Webhook
from ir.inventory.service_rows import Reload, Service, Verify

Path = tuple[str | int, ...]
"""The place in the file, as in `yaml_file.Lines`."""
Found = tuple[Path, Reference]


def every(inventory: Inventory) -> Iterator[Found]:
    """All references except those that services say they read from, which repeat a key's places."""
    for i, account in enumerate(inventory.accounts):
        yield from _under(("accounts", i), of_account(account))
    for group, rows in (("keys", inventory.keys), ("webhooks", inventory.webhooks)):
        for i, key in enumerate(rows):
            yield from _under((group, i), of_key(key))
    for i, service in enumerate(inventory.services):
        yield from _under(("services", i), of_service(service))
    yield from ((("hosts", i, "token"), row.token) for i, row in enumerate(inventory.hosts) if row.token is not None)
    yield from of_record(inventory)


def of_account(account: Account) -> Iterator[Found]:
    """Keys that are read to work on an account."""
    rows = (("app_key", account.app_key), ("review_key", account.review_key))
    yield from (((name,), ref) for name, ref in rows if ref is not None)


def of_key(key: Key) -> Iterator[Found]:
    """The places of a key, and what else is read to rotate it."""
    yield from ((("stored_in", j), ref) for j, ref in enumerate(key.stored_in))
    if isinstance(key, Webhook) and key.api_key is not None:
        yield ("api_key",), key.api_key


def of_service(service: Service) -> Iterator[Found]:
    """Headers that are sent to a service."""
    calls: list[tuple[Path, Reload | Verify]] = [(("reload",), service.reload)]
    calls += [(("verify", j), verify) for j, verify in enumerate(service.verify)]
    yield from (((*where, "headers", name), ref) for where, row in calls for name, ref in row.headers.items())


def of_record(inventory: Inventory) -> Iterator[Found]:
    """References that are read to tell people of an incident, and to sign its record."""
    yield from ((("notify", i, "to"), row.to) for i, row in enumerate(inventory.notify))
    if inventory.evidence_key is not None:
        yield ("evidence_key",), inventory.evidence_key


def _under(where: Path, rows: Iterator[Found]) -> Iterator[Found]:
    yield from (((*where, *path), ref) for path, ref in rows)
