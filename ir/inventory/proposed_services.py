"""Rows of services, out of what hosts tell of the programs that read a key's places. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ir.core.model import Json
from ir.core.reference import Reference
from ir.inventory.service_rows import Service

FILL_IN = "fill-in.invalid"
"""Stands for the host of a service's check where it is not known: a name that no machine has (RFC 2606)."""
_USAGE: Json = {"stripe_usage": True}
"""Stripe's own time of a key's last use: for a service that alone uses its keys. A check that shows the fingerprint says more."""
_POLLS: Json = {"polls": "1d"}
_ALONE = "the check of {} by stripe_usage allows no other service of the key: let it show the fingerprint"


@dataclass(frozen=True)
class Reader:
    """What a host tells of a program that reads a place.

    Attributes:
        ref: the place; without a field it reads all of the object.
        service: a name for it.
        reload: as a `reload:` row, {} = it takes a new value by itself at its next run.
        remark: what a person should know.
    """

    ref: Reference
    service: str
    reload: Json = field(default_factory=dict)
    remark: str = ""

    def reads(self, ref: Reference) -> bool:
        """Whether it reads that place."""
        return ref.object == self.ref.object and self.ref.field in ("", ref.field)


def rows(readers: Sequence[Reader], where: Mapping[Reference, str], listed: Sequence[Service]) -> tuple[list[tuple[Json, str]], list[str]]:
    """One row, with a remark, for each program that reads a key's place, with all the keys that it reads; and what could not be a row.

    Args:
        readers: the programs; one may be there for each place that it reads.
        where: place → name of its key.
        listed: services that are listed already.
    """
    taken = {service.name for service in listed}
    groups: dict[str, list[Reader]] = {}
    for reader in readers:
        groups.setdefault(f"{reader.service} {sorted(reader.reload.items(), key=str)}", []).append(reader)
    made: list[tuple[Json, str]] = []
    for group in groups.values():
        places = [ref for ref in where if any(reader.reads(ref) for reader in group)]
        fresh = [ref for ref in places if not _served(ref, group[0], listed)]
        if not fresh:
            continue
        name = free_name(safe_name(group[0].service), taken)
        taken.add(name)
        reads = [str(ref) for ref in fresh]
        uses = list(dict.fromkeys(where[ref] for ref in fresh))
        row = {"name": name, "uses": uses, "reads_from": reads[0] if len(reads) == 1 else reads}
        made.append(({**row, "reload": group[0].reload or _POLLS}, group[0].remark))
    blocked = [(row, name) for row, _ in made if (name := _blocks(row, listed))]
    untold = [f"service {row['name']} reads {row['reads_from']}, too, but {_ALONE.format(name)}" for row, name in blocked]
    return list(_checked([one for one in made if not _blocks(one[0], listed)], listed)), untold


def _served(ref: Reference, reader: Reader, listed: Sequence[Service]) -> bool:
    """Whether a listed service is that program."""
    same = [service for service in listed if ref in service.reads_from]
    return any(safe_name(reader.service) == one.name or one.reload.model_dump(exclude_defaults=True) == reader.reload for one in same)


def _blocks(row: Json, listed: Sequence[Service]) -> str:
    """A listed service whose check tells no two services of one key apart, "" without any."""
    uses = set(row["uses"])
    return next((one.name for one in listed if uses & set(one.uses) and any(check.stripe_usage for check in one.verify)), "")


def _checked(made: Sequence[tuple[Json, str]], listed: Sequence[Service]) -> Iterator[tuple[Json, str]]:
    users: dict[str, set[str]] = {}
    for name, uses in (*((one.name, one.uses) for one in listed), *((row["name"], row["uses"]) for row, _ in made)):
        for key in uses:
            users.setdefault(key, set()).add(name)
    for row, remark in made:
        alone = {name for key in row["uses"] for name in users[key]} == {row["name"]}
        http = {"http": f"https://{FILL_IN}/{row['name']}", "expect": {"json": {"key_fingerprint": "{{ new.fingerprint }}"}}}
        yield {**row, "verify": [_USAGE if alone else http]}, remark


def safe_name(text: str) -> str:
    """As the name of a row."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._").lower()[:50] or "key"


def free_name(name: str, taken: Collection[str]) -> str:
    """That name, or with the first number that is free."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
