"""Looks at breached places: names first; values only where a person agreed to that. What gives no answer is said, never taken for empty."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ir.core.errors import PortError
from ir.core.place import Place
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.fleet.breach.matching import Look, ReadValues
from ir.inventory import Inventory
from ir.ports import Listed, Operator
from ir.runtime import adapter_registry

_AT_ONCE = 8


def look(places: Sequence[Place], source: Inventory, operator: Operator, base: Path) -> list[Look]:
    """Names at each place, as the inventory says that the host is reached."""

    def one(place: Place) -> Look:
        try:
            return Look(place, adapter_registry.lister(place, source, operator, base).names(place))
        except PortError as error:
            return Look(place, why_not=error.what)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, places))


def read(rows: Sequence[Listed], source: Inventory, operator: Operator, base: Path) -> ReadValues:
    """Values of listed things; somebody agreed to that."""

    def one(row: Listed) -> ReadValues:
        if row.ref is None:
            return ReadValues()
        place = Place(row.ref.scheme, row.ref.host, row.ref.path)
        try:
            return ReadValues(adapter_registry.lister(place, source, operator, base).keys_in(row))
        except PortError as error:
            return ReadValues(unread=(f"{row.ref}: {error.what}",))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(one, rows))
    return ReadValues(tuple(find for one in found for find in one.found_keys), tuple(line for one in found for line in one.unread))


def held(source: Inventory, operator: Operator, base: Path, may: Callable[[Reference], bool]) -> dict[Secret, str]:
    """Value → name of the key of the inventory that it is, as far as its places can be read; `may`: whether one of them may be."""
    found: dict[Secret, str] = {}
    for key in source.held:
        for ref in key.stored_in:
            if not ref.promises.reads or not may(ref):
                continue
            try:
                value = adapter_registry.store(ref, source, operator, base).read().value
            except PortError:
                continue
            if value is not None:
                found.setdefault(value, key.name)
                break
    return found
