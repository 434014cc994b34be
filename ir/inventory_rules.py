"""What must hold between the rows of an inventory: names are unique, nothing points into the void."""

from collections import defaultdict
from collections.abc import Iterator

from ir.inventory_rows import Inventory
from ir.reference import Reference

Problem = tuple[tuple[str | int, ...], str, str]


def problems(inventory: Inventory) -> Iterator[Problem]:
    """Each as YAML path, what is wrong, and the fix."""
    yield from _duplicates(inventory)
    accounts = {a.name for a in inventory.accounts}
    commands = {c.name for c in inventory.commands}
    holders: dict[Reference, str] = {}
    for i, key in enumerate(inventory.keys):
        if key.account not in accounts:
            yield ("keys", i, "account"), f"there is no account `{key.account}`", f"one of: {', '.join(sorted(accounts))}"
        for j, ref in enumerate(key.stored_in):
            where = ("keys", i, "stored_in", j)
            if ref.scheme == "command" and ref.path not in commands:
                yield where, f"there is no command `{ref.path}`", "declare it under `commands:`"
            if ref in holders:
                yield where, f"`{ref}` already holds key `{holders[ref]}`", "one field holds one key"
            holders[ref] = key.name
    yield from _notices(inventory, commands)
    yield from _approvers(inventory)
    signs = inventory.evidence_key
    if signs is not None and signs.scheme == "command" and signs.path not in commands:
        yield ("evidence_key",), f"there is no command `{signs.path}`", "declare it under `commands:`"
    yield from _dangling_services(inventory)


def _notices(inventory: Inventory, commands: set[str]) -> Iterator[Problem]:
    for i, row in enumerate(inventory.notify):
        if row.to.scheme == "command" and row.to.path not in commands:
            yield ("notify", i, "to"), f"there is no command `{row.to.path}`", "declare it under `commands:`"
        if row.to in [other.to for other in inventory.notify[:i]]:
            yield ("notify", i, "to"), f"`{row.to}` stands twice", "put all of its `when:` into one row"


def _approvers(inventory: Inventory) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for i, row in enumerate(inventory.approvers):
        owner = owners.setdefault(row.public.fingerprint, row.name)
        if owner != row.name:
            yield ("approvers", i, "key"), f"the key belongs to `{owner}` already", "a key is one person's"


def _dangling_services(inventory: Inventory) -> Iterator[Problem]:
    keys = {k.name: k for k in inventory.keys}
    users = _users(inventory)
    for i, service in enumerate(inventory.services):
        held = {ref for name in service.uses if name in keys for ref in keys[name].stored_in}
        for j, name in enumerate(service.uses):
            if name not in keys:
                yield ("services", i, "uses", j), f"there is no key `{name}`", f"one of: {', '.join(sorted(keys))}"
            elif not set(keys[name].stored_in) & set(service.reads_from):
                yield ("services", i, "reads_from"), f"none of these places holds key `{name}`", "use a `stored_in` of that key"
        for ref in service.reads_from:
            if ref not in held:
                yield ("services", i, "reads_from"), f"`{ref}` holds none of the keys that it uses", "add it to `stored_in`"
        for j, verify in enumerate(service.verify):
            shared = {name for key in service.uses for name in users[key]} if verify.stripe_usage else set()
            if len(shared) > 1:
                yield (
                    ("services", i, "verify", j, "stripe_usage"),
                    f"cannot tell services apart that share a key: {', '.join(sorted(shared))}",
                    "use an `http` check that names the fingerprint",
                )


def _users(inventory: Inventory) -> dict[str, set[str]]:
    """Key → names of the services that use it."""
    found: dict[str, set[str]] = defaultdict(set)
    for service in inventory.services:
        for name in service.uses:
            found[name].add(service.name)
    return found


def _duplicates(inventory: Inventory) -> Iterator[Problem]:
    names: dict[str, list[str]] = {
        "accounts": [row.name for row in inventory.accounts],
        "keys": [row.name for row in inventory.keys],
        "services": [row.name for row in inventory.services],
        "commands": [row.name for row in inventory.commands],
    }
    for group, members in names.items():
        seen: set[str] = set()
        for i, name in enumerate(members):
            if name in seen:
                yield (group, i, "name"), f"the name `{name}` stands twice under `{group}`", "names are unique"
            seen.add(name)
