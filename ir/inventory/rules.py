"""Rules between the rows of an inventory: names are unique, and every name that is used exists."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ir.core.reference import Reference
from ir.core.store_kind import PlaceKind
from ir.core.urls import in_the_clear
from ir.inventory import references
from ir.inventory.host_rows import HOSTS
from ir.inventory.rows import Account, Command, Inventory, Key
from ir.inventory.service_rows import Reload, Service, Verify

Problem = tuple[tuple[str | int, ...], str, str]


def problems(inventory: Inventory) -> Iterator[Problem]:
    """Every broken rule as YAML path, what is wrong, and the fix."""
    yield from _duplicates(inventory)
    accounts = {a.name for a in inventory.accounts}
    commands = {c.name for c in inventory.commands}
    holders: dict[Reference, str] = {}
    for group, i, key in _held(inventory):
        if key.account not in accounts:
            yield (group, i, "account"), f"there is no account `{key.account}`", f"one of: {', '.join(sorted(accounts))}"
        for j, ref in enumerate(key.stored_in):
            if ref in holders:
                yield (group, i, "stored_in", j), f"`{ref}` already holds key `{holders[ref]}`", "one field holds one key"
            holders[ref] = key.name
    for where, ref in references.every(inventory):
        if ref.scheme == "command" and ref.path not in commands:
            yield where, f"there is no command `{ref.path}`", "declare it under `commands:`"
        if ref.promises.kind is PlaceKind.WRITE_ONLY and "stored_in" not in where:
            yield where, f"`{ref}` is write-only: nothing can be read from there", "name a place that can be read"
    yield from _sent_in_the_clear(inventory)
    yield from _hosts(inventory)
    yield from _notices(inventory)
    yield from _approvers(inventory)
    yield from _dangling_services(inventory)
    yield from _webhook_checks(inventory)


def _held(inventory: Inventory) -> Iterator[tuple[str, int, Key]]:
    yield from (("keys", i, key) for i, key in enumerate(inventory.keys))
    yield from (("webhooks", i, key) for i, key in enumerate(inventory.webhooks))


def _webhook_checks(inventory: Inventory) -> Iterator[Problem]:
    """Only a signed event tells which signing secret a service has, and one such check tells of one secret."""
    names = {webhook.name for webhook in inventory.webhooks}
    for i, service in enumerate(inventory.services):
        used = [name for name in service.uses if name in names]
        checks = [j for j, verify in enumerate(service.verify) if verify.webhook]
        if len(used) > 1:
            yield ("services", i, "uses"), f"two webhooks: {', '.join(used)}", "write a service for each, with its own check"
        if used and not checks:
            yield ("services", i, "verify"), f"it uses webhook `{used[0]}`, and no check sends it a signed event", "add {webhook: its URL}"
        if checks and not used:
            yield ("services", i, "verify", checks[0], "webhook"), "this service uses no webhook", "name the webhook under `uses:`"


def _sent_in_the_clear(inventory: Inventory) -> Iterator[Problem]:
    for i, service in enumerate(inventory.services):
        calls: list[tuple[tuple[str | int, ...], Reload | Verify]] = [(("reload",), service.reload)]
        calls += [(("verify", j), verify) for j, verify in enumerate(service.verify)]
        for where, row in calls:
            url = row.http or (row.webhook if isinstance(row, Verify) else "") or ""
            if row.headers and in_the_clear(url):
                name = next(iter(row.headers))
                yield (
                    ("services", i, *where, "headers", name),
                    f"`{name}` would be sent in the clear: {url} is plain http to another machine",
                    "use https, or http on loopback",
                )


def _hosts(inventory: Inventory) -> Iterator[Problem]:
    for i, row in enumerate(inventory.hosts):
        if (row.name, row.context) in [(other.name, other.context) for other in inventory.hosts[:i]]:
            yield (
                ("hosts", i, "name"),
                f"`{row.name}` is listed twice",
                "one row for a host; of k8s one for each context, of azure-kv one for each vault",
            )
        if row.token is not None and row.token.scheme in HOSTS:
            yield ("hosts", i, "token"), f"`{row.token}` needs a token itself", "name a place that is read without one"


def _notices(inventory: Inventory) -> Iterator[Problem]:
    for i, row in enumerate(inventory.notify):
        if row.to in [other.to for other in inventory.notify[:i]]:
            yield ("notify", i, "to"), f"`{row.to}` is listed twice", "put all of its `when:` into one row"


def _approvers(inventory: Inventory) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for i, row in enumerate(inventory.approvers):
        owner = owners.setdefault(row.public.fingerprint, row.name)
        if owner != row.name:
            yield ("approvers", i, "key"), f"the key belongs to `{owner}` already", "a key is one person's"


def _dangling_services(inventory: Inventory) -> Iterator[Problem]:
    keys = {k.name: k for k in inventory.held}
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
    """Keys and webhooks share their names: a service uses them by name alone."""
    rows: dict[str, Sequence[Account | Key | Service | Command]] = {
        "accounts": inventory.accounts,
        "keys": inventory.keys,
        "webhooks": inventory.webhooks,
        "services": inventory.services,
        "commands": inventory.commands,
    }
    seen: set[tuple[str, str]] = set()
    for group, members in rows.items():
        for i, row in enumerate(members):
            name = ("keys" if group == "webhooks" else group, row.name)
            if name in seen:
                yield (group, i, "name"), f"the name `{row.name}` is listed twice under `{name[0]}`", "names are unique"
            seen.add(name)
