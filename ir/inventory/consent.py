"""Consent: list in words every place that an inventory makes `ir` write to, every program it runs and every host it tells a secret.

New ones are shown before they are used. Reading a store with the operator's own login needs no consent, nor does asking a service without a
secret.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from ir.core.model import Json
from ir.core.reference import Reference
from ir.inventory import Account, Command, Inventory, Key, Reload, Service, Verify, references
from ir.inventory.host_rows import HOSTS

_FINISHED = ("done", "debt", "attested", "rolled back")


def destinations(inventory: Inventory, key: Key) -> set[str]:
    """Destinations of a rotation: everything that may receive the key or run on its account."""
    account, services = inventory.account(key.account), inventory.services_of(key.name)
    stores = {ref for _, ref in (*references.of_key(key), *references.of_account(account))}
    stores |= {ref for ref in (inventory.evidence_key,) if ref is not None}
    found = {f"store {ref.object}" for ref in stores} | {f"host {urlsplit(account.api_base).netloc}"}
    found |= {f"notices to {row.to.object}" for row in inventory.notify}
    found |= {f"keys in the clear to {url}" for url in inventory.plain_http}
    found |= _programs(inventory, key.stored_in, ("read", "check", "write")) | _programs(inventory, (*stores, *_told(inventory)))
    for service in services:
        urls = [service.reload.http, *(url for verify in service.verify for url in (verify.http, verify.webhook))]
        found |= {f"host {urlsplit(url).netloc}" for url in urls if url}
        found |= _used(inventory, service.reload).union(*(_used(inventory, verify) for verify in service.verify))
    return found


def beyond(inventory: Inventory, key: Key, others: Iterable[str]) -> set[str]:
    """Destinations that rotations of other keys, by name, reach and this one does not."""
    names = {other.name for other in inventory.held} & set(others)
    return {place for name in names for place in destinations(inventory, inventory.key(name))} - destinations(inventory, key)


def dry_run(inventory: Inventory, key: Key) -> set[str]:
    """Destinations of a dry run."""
    found = _programs(inventory, key.stored_in, ("read", "check"))
    return found | reading(inventory, _others(inventory.account(key.account), key)) | _looks(inventory, inventory.services_of(key.name))


def comparison(inventory: Inventory, key: Key) -> set[str]:
    """Destinations of a look at the stores and services of a key."""
    return reading(inventory, key.stored_in) | _looks(inventory, inventory.services_of(key.name))


def others(inventory: Inventory, key: Key) -> set[str]:
    """Destinations of the same look at all other keys."""
    return {place for other in inventory.held if other.name != key.name for place in comparison(inventory, other)}


def containment(inventory: Inventory, key: Key) -> set[str]:
    """Destinations of the red button. The leaked key is given, so it needs neither a store nor a service."""
    others = _others(inventory.account(key.account), key)
    return reading(inventory, [*others, *_told(inventory), *filter(None, [inventory.evidence_key])])


def reading(inventory: Inventory, refs: Iterable[Reference]) -> set[str]:
    """Destinations of reading references: the programs behind them."""
    return _programs(inventory, refs)


def of_check(inventory: Inventory, row: Verify) -> set[str]:
    """Destinations of one check of a service."""
    return _used(inventory, row)


def custody(key: Key) -> set[str]:
    """Destinations of keeping a new key in a key's stores until it is in use."""
    return {f"store {ref.object}" for ref in key.stored_in if ref.promises.custody}


class Ran(Protocol):
    """As much of an incident in the index as tells where it went."""

    @property
    def status(self) -> str:
        """As the index has it."""
        ...

    @property
    def summary(self) -> Json:
        """With `destinations`: what it was agreed to write to, run and reach."""
        ...


def known(index: Iterable[Ran]) -> set[str] | None:
    """Destinations of finished rotations; None when there is none yet (first use)."""
    rows = [row.summary for row in index if row.status in _FINISHED and not row.summary.get("rehearsal")]
    places = [row["destinations"] for row in rows if row.get("destinations")]
    return {place for some in places for place in some} if places else None


def _others(account: Account, key: Key) -> list[Reference]:
    """Places that are read besides the key's own."""
    return [ref for where, ref in (*references.of_account(account), *references.of_key(key)) if where[0] != "stored_in"]


def _told(inventory: Inventory) -> list[Reference]:
    return [row.to for row in inventory.notify]


def _programs(inventory: Inventory, refs: Iterable[Reference], parts: Sequence[str] = ("read",)) -> set[str]:
    """The programs behind references, and the hosts that are told a token when they are read."""
    refs = list(refs)
    hosts = {place for ref in refs if ref.scheme in HOSTS for place in _of_host(inventory, ref.scheme, ref.host)}
    return hosts | _commands(inventory, refs, parts)


def _of_host(inventory: Inventory, name: str, context: str) -> set[str]:
    """What a `hosts:` row makes `ir` run and tell. Without a row, the host's own login goes to the host's own address."""
    row = inventory.host(name, context)
    if row is None:
        return set()
    there = urlsplit(row.api_base).netloc if row.api_base else f"the address of {name}"
    found = {_command(row.program, row.env)} if row.program else set()
    if row.token is not None:
        found |= {f"token from {row.token} to {there}"} | _commands(inventory, [row.token], ("read",))
    elif row.api_base:
        found.add(f"the login for {name} to {there}")
    return found


def _commands(inventory: Inventory, refs: Iterable[Reference], parts: Sequence[str]) -> set[str]:
    rows: dict[str, Command] = {row.name: row for row in inventory.commands}
    chosen = [rows[ref.path] for ref in refs if ref.scheme == "command"]
    return {_command(argv, row.env) for row in chosen for part in parts if (argv := getattr(row, part))}


def _command(argv: Sequence[str], env: Sequence[str]) -> str:
    """A program, with the environment that it inherits: a variable may hold a login, so it is part of the consent."""
    return f"command {shlex.join(argv)}" + (f", which gets {', '.join(env)} of the environment" if env else "")


def _looks(inventory: Inventory, services: Sequence[Service]) -> set[str]:
    """A look at a service does not run a program that may change something."""
    rows = [verify for service in services for verify in service.verify if verify.read_only or not verify.command]
    return {place for row in rows for place in _used(inventory, row)}


def _used(inventory: Inventory, row: Reload | Verify) -> set[str]:
    """The programs that it runs, and the secrets that it tells a host: headers, and events that only a signing secret can sign."""
    found = {_command(row.command, row.env)} if row.command else set()
    found |= set(_headers(row)) | reading(inventory, row.headers.values())
    if isinstance(row, Reload) and row.vercel is not None:
        found |= _of_host(inventory, "vercel", "") | {f"deployment of {row.vercel} at Vercel"}
    if isinstance(row, Reload) and row.rollout is not None:
        found |= _of_host(inventory, "k8s", row.rollout.context) | {f"rollout of {row.rollout}"}
    if isinstance(row, Verify) and row.webhook:
        found.add(f"signed test events to {urlsplit(row.webhook).netloc}")
    return found


def _headers(row: Reload | Verify) -> Iterator[str]:
    url = row.http or (row.webhook if isinstance(row, Verify) else "") or ""
    yield from (f"header {name} from {ref} to {urlsplit(url).netloc}" for name, ref in row.headers.items())
