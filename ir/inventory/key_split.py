"""One shared key → a key for each set of rights, as a change of the inventory's text that a person looks at and makes."""

import difflib
from collections.abc import Mapping

from ir import inventory
from ir.core import yaml_file
from ir.core.errors import BadFile
from ir.core.reference import Reference
from ir.inventory.rows import Inventory

Rights = tuple[str, ...]


def groups(rights: Mapping[str, Rights]) -> list[tuple[tuple[str, ...], Rights]]:
    """Services that need the same, together, in the order given; those that need nothing are left out."""
    found: dict[Rights, list[str]] = {}
    for service, names in rights.items():
        if names:
            found.setdefault(names, []).append(service)
    return [(tuple(services), names) for names, services in found.items()]


def split(text: str, file: str, key: str, rights: Mapping[str, Rights]) -> str:
    """A unified diff; "" where the services need the same, or the file is written in a way that cannot be changed line by line.

    The first group keeps the key. Each other one gets a key of its own beside it, in another field of the same store (or another name),
    and only the permissions that it needs.

    Args:
        text: of the inventory.
        file: its name, for the diff.
        key: the shared one.
        rights: service → permissions, canary first.
    """
    parts = groups(rights)
    if len(parts) < 2:
        return ""
    lines = text.splitlines(keepends=True)
    new = list(lines)
    source, rows = inventory.loads(text, file), yaml_file.parse(text, file)[1]
    try:
        made = [block for services, names in parts[1:] for block in _moved(new, source, rows, key, services, names)]
    except LookupError:
        return ""
    at = _above(new, rows[("keys", [row.name for row in source.keys].index(key))] - 1)
    indent = new[rows[("keys", 0)] - 1].split("-", 1)[0] if "-" in new[rows[("keys", 0)] - 1] else "  "
    new[at:at] = [f"{indent}{line}\n" for line in made]
    try:
        inventory.loads("".join(new), file)
    except BadFile:
        return ""
    return "".join(difflib.unified_diff(lines, new, file, f"{file} (proposed)"))


def _moved(new: list[str], source: Inventory, rows: yaml_file.Lines, key: str, services: tuple[str, ...], names: Rights) -> list[str]:
    """Point the services to the new key, in place; returns the lines of its row. Raises LookupError."""
    old = source.key(key)
    made = f"{key}-{services[0]}"
    places: list[Reference] = []
    for index, service in enumerate(source.services):
        if service.name not in services:
            continue
        held = source.store_of(service, old)
        place = _beside(held, services[0])
        start, end = _span(rows, index, len(new))
        _swap(new, start, end, key, made, within=rows[("services", index, "uses")] - 1)
        _swap(new, start, end, str(held), str(place), within=rows[("services", index, "reads_from")] - 1)
        places.append(place)
    stored = ", ".join(dict.fromkeys(map(str, places)))
    return [
        f"- name: {made}",
        f"  account: {old.account}",
        "  kind: restricted",
        f"  permissions: [{', '.join(names)}]",
        f"  stored_in: [{stored}]",
    ]


def _beside(ref: Reference, service: str) -> Reference:
    """Another field of the same store, or another name beside it."""
    if ref.field:
        mark = "_" if ref.field.isupper() or "_" in ref.field else "-"
        tail = service.replace("-", "_") if mark == "_" else service
        return Reference(ref.scheme, ref.host, ref.path, f"{ref.field}{mark}{tail.upper() if ref.field.isupper() else tail}")
    return Reference(ref.scheme, ref.host, f"{ref.path}-{service}")


def _span(rows: yaml_file.Lines, index: int, end: int) -> tuple[int, int]:
    start = rows[("services", index)] - 1
    later = [line - 1 for path, line in rows.items() if line - 1 > start and (path == ("services", index + 1) or len(path) == 1)]
    return start, min(later, default=end)


def _swap(new: list[str], start: int, end: int, old: str, made: str, *, within: int) -> None:
    """Replace one word in the lines of a field, from `within` on. Raises LookupError: it is not written there as it is."""
    for at in range(max(start, within), end):
        head, found, tail = new[at].partition(old)
        if found and not tail[:1].isalnum() and tail[:1] not in ("-", "_", ".") and not head[-1:].isalnum():
            new[at] = head + made + tail
            return
    raise LookupError(old)


def _above(lines: list[str], at: int) -> int:
    """The first of the remarks that stand above a row."""
    while at and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    return at
