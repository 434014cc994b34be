"""Discard: remove everything that this incident staged or kept; custody ends when death is proven or the incident closes."""

from ir.core.errors import PortError
from ir.core.model import Debt, Did, Item, Outcome
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Store

ESCROW = "escrow"
_LOOKS, _BETWEEN_LOOKS = 4, 1.0


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Remove what this incident kept; what cannot be removed is a debt, never an error. A close also ends custody that was taken over.

    What an earlier incident that is over for good left at a store of this key is taken away as well.
    """
    closed = any(signal.get("kind") == "close" for signal in record.signals)
    earlier = dict.fromkeys(record.facts.get("took_over", {}) if closed else ())
    earlier |= dict.fromkeys(row["leftover"] for row in record.facts.get("stores", {}).values() if row.get("leftover"))
    items = [item for incident in (world.incident, *earlier) for item in emptied(world, record, incident)]
    left = {item.name: item for item in items if item.did is Did.FAILED}
    debts = tuple(Debt("custody", item.name, item.said, f"ir resume {world.incident}") for item in left.values())
    kept = {about for about, debt in record.debts.items() if debt.kind == "custody"}  # a store may have a debt for another reason, too
    paid = tuple(sorted({item.name for item in items if item.did is Did.DONE} & kept - set(left)))
    if left:
        return Outcome(Did.FAILED, f"kept values are still in {counted(len(left), 'store')}", items=tuple(items), debts=debts)
    return Outcome(Did.DONE, "everything that was kept for this incident is removed", items=tuple(items), paid=paid)


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was kept, so nothing would be removed."""
    return Outcome(Did.SKIPPED, "nothing was kept")


def emptied(world: World, record: Incident, incident: str) -> list[Item]:
    """Remove what an incident keeps, in all stores side by side and in the escrow."""
    stores = world.each(list(world.ports.stores.values()), lambda store: _discard(world, record, store, incident))
    return [*stores, _discard_escrow(world, incident)]


def _discard(world: World, record: Incident, store: Store, incident: str) -> Item:
    """Discard and look: where nothing was made, the next step may say that nothing was changed."""
    name = str(store.ref)
    if store.guided or record.facts.get("stores", {}).get(name, {}).get("left_out"):
        return Item(name, Did.SKIPPED, "")
    try:
        store.discard(incident)
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "") if "new" in record.facts else _emptied(world, store, incident)


def _emptied(world: World, store: Store, incident: str) -> Item:
    """See that it is empty; a read may be older than the removal, so it is repeated."""
    name, said = str(store.ref), ""
    for look in range(_LOOKS):
        if look:
            world.ports.clock.sleep(_BETWEEN_LOOKS)
        try:
            roles = store.left(incident).roles
        except PortError as error:
            said = f"whether something of {incident} is left there cannot be told: {error.what}"
            continue
        if not roles:
            return Item(name, Did.DONE, "")
        said = f"still keeps {', '.join(roles)} of {incident}"
    return Item(name, Did.FAILED, said)


def _discard_escrow(world: World, incident: str) -> Item:
    """Empty the escrow. Another incident's may be on another machine, so its emptiness here proves nothing."""
    kept = world.ports.custody.of(incident)
    try:
        known = incident == world.incident or bool(kept.escrowed())
        kept.discard()
    except PortError as error:
        return Item(ESCROW, Did.FAILED, error.what)
    return Item(ESCROW, Did.DONE if known else Did.SKIPPED, "")
