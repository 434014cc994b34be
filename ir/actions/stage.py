"""Stage: place the replacement beside the current key in every store, unseen by services."""

from ir.actions import custody, own_keys
from ir.core.errors import Missing, PortError, Unknown
from ir.core.model import Did, Item, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import leak_source, reversibility
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Store


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Stage in all stores side by side, except those left out by name and those that a person sets."""
    if "new" not in record.facts:
        return Outcome(Did.SKIPPED, "there is no replacement to stage")
    source = leak_source.open_source(world.options, record)
    if source:
        said = f"{source} is where the key leaked: it gets no new key until a named person says that it is closed"
        return Outcome(Did.WAITING, said, todo=leak_source.todo(world.incident, source))
    try:
        new = world.new_key(record.facts)
    except Missing as error:
        return own_keys.replaced(world, record.facts, error)
    late = custody.kept_late(world, record)
    items = tuple(world.each(list(world.ports.stores.values()), lambda store: _stage(world, record, store, new)))
    facts = {**late, "stores": {item.name: item.facts for item in items if item.facts}}
    failed = [item for item in items if item.did in (Did.FAILED, Did.UNKNOWN)]
    if failed and reversibility.forward(record.facts):  # each store stands for itself: its wave reports the result
        where = "; ".join(f"{item.name}: {item.said}" for item in failed)
        return Outcome(Did.DONE, f"the replacement is staged in {counted(len(items) - len(failed), 'store')}; not in {where}", facts, items)
    if failed:
        did = Did.FAILED if any(item.did is Did.FAILED for item in failed) else Did.UNKNOWN
        return Outcome(did, "; ".join(f"{item.name}: {item.said}" for item in failed), facts, items)
    done = sum(item.did is Did.DONE for item in items)
    return Outcome(Did.DONE, f"the replacement is staged in {counted(done, 'store')}", facts, items)


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say the writes that would be made."""
    if world.options.no_replacement:
        return Outcome(Did.SKIPPED, "there would be no replacement to stage")
    items = tuple(
        Item(str(store.ref), Did.SKIPPED, "would stage the replacement") for store in world.ports.stores.values() if store.promises.stage
    )
    return Outcome(Did.SKIPPED, f"would write a staged version to {counted(len(items), 'store')}", items=items)


def _stage(world: World, record: Incident, store: Store, new: Secret) -> Item:
    name = str(store.ref)
    known = record.facts.get("stores", {}).get(name, {})
    if known.get("left_out"):
        return Item(name, Did.SKIPPED, "left out by the operator")
    if store.guided:
        return Item(name, Did.SKIPPED, "a human sets it at its turn")
    try:
        version = store.stage(world.incident, new)
    except Unknown as error:
        return Item(name, Did.UNKNOWN, error.what)
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "staged" if version else "this store cannot stage", {"staged": version})
