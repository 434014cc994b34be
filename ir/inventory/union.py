"""Treat one value that is listed under several keys as one key: its places and services count as listed under that key. Pure."""

from collections.abc import Collection

from ir.core.reference import Reference
from ir.inventory.rows import Inventory, Key
from ir.inventory.service_rows import Service


def merged(source: Inventory, name: str, refs: Collection[Reference]) -> Inventory:
    """The inventory in which `refs`, which other keys list, are places of the key of that name, and what reads them uses it.

    A key without remaining places is left out; a service that reads nothing else of it no longer uses it.
    """
    left = {key.name: [ref for ref in key.stored_in if ref not in refs] for key in source.keys if key.name != name}
    rows = [key.model_copy(update={"stored_in": left[key.name]}) for key in source.keys if left.get(key.name)]
    others = [key for key in source.keys if key.name != name and set(key.stored_in) & set(refs)]
    rows.insert(0, _whole(source.key(name), others, refs))
    return source.model_copy(update={"keys": rows, "services": [_service(service, name, left, refs) for service in source.services]})


def fit(source: Inventory, key: Key, other: Key) -> bool:
    """Whether one replacement can serve both keys: where an API call makes it, each row states its permissions, or neither does."""
    if source.account(key.account).issuer == "dashboard":
        return True
    return bool(key.permissions) is bool(other.permissions) and bool(key.connect_permissions) is bool(other.connect_permissions)


def _whole(key: Key, others: list[Key], refs: Collection[Reference]) -> Key:
    """The permissions of all its rows together."""
    permissions = dict.fromkeys(name for row in (key, *others) for name in row.permissions)
    connect = dict.fromkeys(name for row in (key, *others) for name in row.connect_permissions)
    update = {"stored_in": [*key.stored_in, *refs], "permissions": list(permissions), "connect_permissions": list(connect)}
    return key.model_copy(update=update)


def _service(service: Service, name: str, left: dict[str, list[Reference]], refs: Collection[Reference]) -> Service:
    if not set(service.reads_from) & set(refs):
        return service
    uses = [used for used in service.uses if used == name or used not in left or set(service.reads_from) & set(left[used])]
    return service.model_copy(update={"uses": list(dict.fromkeys([*uses, name]))})
