"""Custody: keep the old key where any later step, in any later process, finds it again."""

from ir.core.errors import PortError
from ir.core.model import Did, Item, Outcome
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Take custody of the old key and prove, where that is possible, that the stores take a write of ours."""
    if not world.custody.possible:
        if world.options.no_replacement or world.issuer.guided:
            return Outcome(Did.SKIPPED, "no store can hold the old key: `ir resume` asks for it again")
        return Outcome(
            Did.FAILED, "no listed store can hold custody and there is no escrow", todo="list a store, or log in to an OS keyring"
        )
    old = world.old_key(record.facts)
    address = "" if _is_kept(world, record, old) else world.custody.keep("old", old)  # which looks before it writes
    items = tuple(world.each([s for s in world.stores.values() if not s.guided], lambda store: _prove(world, record, store)))
    refused = [item for item in items if item.did is Did.FAILED]
    if refused:
        said = "; ".join(f"{item.name}: {item.said}" for item in refused)
        return Outcome(Did.FAILED, f"a store refuses our write: {said}", items=items, todo="grant the permission, then start again")
    facts = {"old": {"custody": address}} if address else {}
    return Outcome(Did.DONE, "the old key is backed up", facts, items)


def _is_kept(world: World, record: Incident, old: Secret) -> bool:
    return bool(record.facts["old"].get("custody")) and world.custody.fetch("old") == old


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """What would be written."""
    where = "in a listed store" if world.custody.possible else "nowhere: no store can hold it"
    return Outcome(Did.SKIPPED, f"would keep the old key ({record.facts['old']['fingerprint']}) {where}")


def _prove(world: World, record: Incident, store: object) -> Item:
    """Re-stage the unchanged value under our own label, where the vendor cannot simulate a write."""
    name = str(getattr(store, "ref", ""))
    facts = record.facts.get("stores", {}).get(name, {})
    prove = getattr(store, "prove_write", None)
    if facts.get("left_out") or facts.get("permission_proven") or prove is None:
        return Item(name, Did.SKIPPED, "")
    try:
        prove(world.incident)
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "write permission proven by staging the unchanged value", {"permission_proven": True})
