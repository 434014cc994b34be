"""Discard: remove everything that this incident staged or kept; custody ends when death is proven or the incident closes."""

from ir.errors import PortError
from ir.incident import Incident
from ir.model import Debt, Did, Item, Outcome
from ir.plan import Step
from ir.ports import Store
from ir.world import World


def run(world: World, record: Incident, step: Step) -> Outcome:
    """All stores side by side; what cannot be removed is a debt, never an error."""
    items = (*world.each(list(world.stores.values()), lambda store: _discard(world, record, store)), _discard_escrow(world))
    left = [item for item in items if item.did is Did.FAILED]
    debts = tuple(Debt("custody", item.name, item.said, f"ir resume {world.incident}") for item in left)
    paid = tuple(item.name for item in items if item.did is Did.DONE)
    if left:
        return Outcome(Did.FAILED, f"{len(left)} stores still hold what we kept there", items=items, debts=debts)
    return Outcome(Did.DONE, "everything that was kept for this incident is removed", items=items, paid=paid)


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was kept."""
    return Outcome(Did.SKIPPED, "nothing was kept")


def _discard(world: World, record: Incident, store: Store) -> Item:
    name = str(store.ref)
    if store.guided or record.facts.get("stores", {}).get(name, {}).get("left_out"):
        return Item(name, Did.SKIPPED, "")
    try:
        store.discard(world.incident)
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "")


def _discard_escrow(world: World) -> Item:
    try:
        world.custody.discard()
    except PortError as error:
        return Item("escrow", Did.FAILED, error.what)
    return Item("escrow", Did.DONE, "")
