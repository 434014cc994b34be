"""Programs that would put their own value back into a store (no action of its own): found before the mint, and accepted by name.

One that takes the value from another store of the key is no hindrance, if that store is written first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ir.core.errors import PortError
from ir.core.model import Did, Item
from ir.core.ownership import Owner
from ir.core.reference import plain
from ir.incident.context import World
from ir.incident.facts import StoreFacts
from ir.ports import Store


def judged(world: World, store: Store, item: Item, found: tuple[Owner, ...] | PortError) -> Item:
    """The first look at a store, with who else writes it: that stops what was no problem, unless its source is a store of this key.

    That it cannot be told is said, and stops nothing.
    """
    if isinstance(found, PortError):
        return replace(item, said=f"{item.said}; who else writes it cannot be told: {found.what}") if item.did is Did.DONE else item
    if not found:
        return item
    facts = {**item.facts, "owners": [str(owner) for owner in found]}
    if filled_from := [name for owner in found if owner.reverts and _listed(world, owner) for name in _stores(world, owner)]:
        facts["filled_from"] = list(dict.fromkeys(filled_from))
    told = item.said + "".join(f"; {_said(world, owner)}" for owner in found if not _stops(world, owner))
    stops = [owner for owner in found if _stops(world, owner)]
    reason = world.options.accept_owner.get(item.name)
    if not stops or item.did is not Did.DONE:
        return replace(item, facts=facts, said=told)
    claims = " and ".join(owner.claim for owner in stops)
    if reason:
        return replace(item, facts=facts, said=f"{told}; {claims}, accepted ({reason})")
    fixes = "; ".join(dict.fromkeys(owner.todo for owner in stops if owner.todo))
    return replace(item, did=Did.REFUSED, facts=facts, said=f"{claims}: {fixes}")


def _stops(world: World, owner: Owner) -> bool:
    return owner.reverts and not _listed(world, owner)


def _listed(world: World, owner: Owner) -> bool:
    """Whether it takes the value from stores of this key alone: it then writes what we write there."""
    return bool(owner.sources) and len(_stores(world, owner)) == len(set(owner.sources))


def _stores(world: World, owner: Owner) -> list[str]:
    """Names of the key's stores that it takes the value from."""
    return [name for name, store in world.ports.stores.items() if str(plain(store.ref)) in owner.sources]


def with_sources(known: Mapping[str, StoreFacts], names: Collection[str]) -> set[str]:
    """Those stores, and the stores that other programs fill them from."""
    return {*names, *(source for name in names for source in known.get(name, {}).get("filled_from", []))}


def in_turn(world: World, known: Mapping[str, StoreFacts], stores: Sequence[Store], work: Callable[[Store], Item]) -> tuple[Item, ...]:
    """`work` on all stores; on one that a program fills from others of them when these are done, or it would put their value back."""
    later = [store for store in stores if known.get(str(store.ref), {}).get("filled_from")]
    first = world.each([store for store in stores if store not in later], work)
    return (*first, *world.each(later, work))


def _said(world: World, owner: Owner) -> str:
    if owner.reverts:
        return f"{owner.name} writes it, too, from {', '.join(owner.sources)}, which is listed"
    return f"{owner.name} marks it: {owner.why_not}"
