"""Clear: remove strangers' unfinished stages that the operator was shown and gave up by name and reason. No current value is touched."""

from ir.actions.store_check import whose
from ir.core.errors import PortError, Unknown
from ir.core.model import Did, Item, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Pending, Store


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Remove each stage as it was shown; one that has changed since is left alone."""
    shown = _shown(record)
    if not shown:
        return Outcome(Did.SKIPPED, "nothing was shown that would have to be cleared")
    reason = world.options.discard_pending
    items = tuple(world.each([world.ports.stores[name] for name in shown], lambda store: _clear(world, store, shown[str(store.ref)])))
    failed = [item for item in items if item.did is not Did.DONE]
    said = "; ".join(f"{item.name}: {item.said}" for item in (failed or items))
    if failed:
        did = Did.FAILED if any(item.did is Did.FAILED for item in failed) else Did.UNKNOWN
        done = ", ".join(item.name for item in items if item.did is Did.DONE)
        return Outcome(did, f"{said}{f' (cleared: {done})' if done else ''}", items=items, todo="look at it, then run the command again")
    return Outcome(Did.DONE, f"{said}. Reason given: {reason}", {"cleared": {item.name: reason for item in items}}, items)


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Name the stages that would be removed."""
    shown = _shown(record)
    items = tuple(Item(name, Did.SKIPPED, f"would clear {whose(found, world.now())}") for name, found in shown.items())
    return Outcome(Did.SKIPPED, f"would clear {len(items)} unfinished rotations of others", items=items)


def _shown(record: Incident) -> dict[str, Pending]:
    return {name: Pending(**row) for name, row in record.facts.get("pending", {}).items()}


def _clear(world: World, store: Store, found: Pending) -> Item:
    name = str(store.ref)
    try:
        store.drop(found)
        under = store.pending(world.incident)
    except Unknown as error:
        return Item(name, Did.UNKNOWN, error.what)
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    if under is not None:
        return Item(name, Did.FAILED, f"cleared what was shown, but {whose(under, world.now())} is there, too")
    return Item(name, Did.DONE, f"cleared {whose(found, world.now())}")
