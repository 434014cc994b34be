"""Custody: keep the old key where any later step, in any later process, can fetch it."""

from ir.core.errors import PortError, Unknown
from ir.core.model import Did, Item, Json, Outcome
from ir.incident import reversibility
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident

_TRIES = 2
"""Looks at a store that gives no answer, before the services of a contained key stop waiting for it."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Take custody of the old key and prove, where that is possible, that the stores take a write of ours."""
    if not world.ports.custody.possible:
        if world.options.no_replacement or world.ports.issuer.guided:
            return Outcome(Did.SKIPPED, "no store can hold the old key: `ir resume` asks for it again")
        return Outcome(
            Did.FAILED, "no listed store can hold custody and there is no escrow", todo="list a store, or log in to an OS keyring"
        )
    forward = reversibility.forward(record.facts)
    try:
        address = _kept(world, record)
    except PortError as error:
        if not forward or (isinstance(error, Unknown) and _tries(record, step) < _TRIES):
            raise
        return Outcome(Did.SKIPPED, f"the old key is contained, and was not backed up: {error.what}; `ir resume` asks for it again")
    items = tuple(world.each([s for s in world.ports.stores.values() if not s.guided], lambda store: _prove(world, record, store)))
    refused = [item for item in items if item.did is Did.FAILED]
    if refused and forward:
        told = "; ".join(f"{item.name}: {item.said}" for item in refused)
        return Outcome(
            Did.DONE, f"the old key is backed up; a store that refuses our write is left for its wave: {told}", _facts(address), items
        )
    if refused:
        said = "; ".join(f"{item.name}: {item.said}" for item in refused)
        return Outcome(Did.FAILED, f"a store refuses our write: {said}", items=items, todo="grant the permission, then start again")
    return Outcome(Did.DONE, "the old key is backed up", _facts(address), items)


def _tries(record: Incident, step: Step) -> int:
    """The number of earlier tries whose custody is unknown."""
    return sum(run.id == step.id and run.outcome.did is Did.UNKNOWN for run in record.runs)


def kept_late(world: World, record: Incident) -> Json:
    """Try again, before stores lose the old key, to take a custody that was not possible at its time."""
    if not reversibility.forward(record.facts) or record.facts["old"].get("custody") or not world.ports.custody.possible:
        return {}
    try:
        return _facts(_kept(world, record))
    except PortError:
        return {}


def _facts(address: str) -> Json:
    return {"old": {"custody": address}} if address else {}


def _kept(world: World, record: Incident) -> str:
    """The new custody address, "" = it was kept already. Raises PortError."""
    old = world.old_key(record.facts)
    kept = bool(record.facts["old"].get("custody")) and world.ports.custody.fetch("old") == old
    return "" if kept else world.ports.custody.keep("old", old)  # which looks before it writes


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say what would be written."""
    where = "in a listed store" if world.ports.custody.possible else "nowhere: no store can hold it"
    return Outcome(Did.SKIPPED, f"would keep the old key ({record.facts['old']['fingerprint']}) {where}")


def _prove(world: World, record: Incident, store: object) -> Item:
    """Re-stage the unchanged value under our own label, where the vendor cannot simulate a write."""
    name = str(getattr(store, "ref", ""))
    facts = record.facts.get("stores", {}).get(name, {})
    prove = getattr(store, "prove_write", None)
    if facts.get("left_out") or facts.get("later") or facts.get("permission_proven") or prove is None:
        return Item(name, Did.SKIPPED, "")
    try:
        prove(world.incident)
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "write permission proven by staging the unchanged value", {"permission_proven": True})
