"""Leave: name what lives on when an incident is given up, and its holders. Looks only; every living key of ours becomes a debt."""

from collections.abc import Callable

from ir.actions import death, own_keys
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, Liveness, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.facts import of_role
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Store


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Keys at the provider that carry our name, keys in custody that no record knows, and which of those that were named live no more."""
    ((found, listed), (seen, dead)), where = world.both(
        lambda: world.both(lambda: _at_the_provider(world, record), lambda: _known(world, record)), lambda: _where(world, record)
    )
    debts = (*found, *in_custody(world, record))
    said = f"left behind by this run: {counted(len(debts), 'key')}" if debts else "no key of this run is left behind unrecorded"
    return Outcome(Did.DONE, said, {**seen, **where}, debts=debts, paid=(*listed, *dead))


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was made, so nothing is left."""
    return Outcome(Did.SKIPPED, "nothing was made")


def _at_the_provider(world: World, record: Incident) -> tuple[list[Debt], tuple[str, ...]]:
    """Living keys of our making, other than the replacement, and the debts that the list shows to be paid."""
    new, todo = record.facts.get("new", {}), "expire it in the Dashboard"
    try:
        rows = world.ports.issuer.strays(world.incident)
    except PortError as error:
        return [own_keys.unlisted(world, error)], ()
    others = [row for row in rows if not new.get("id") or row.id != new["id"]]
    paid = () if world.ports.issuer.guided else own_keys.shown_paid(record, rows)
    return [Debt("key-alive", row.id, f"{row.name} lives and is not used", todo) for row in others], paid


def _known(world: World, record: Incident) -> tuple[Json, tuple[str, ...]]:
    """The present answers of our two keys as facts, and the debts that they pay; a key that cannot be read now tells nothing."""
    facts: Json = {}
    paid: list[str] = []
    places: dict[str, Callable[[], Secret | None]] = {
        "old": lambda: world.old_key(record.facts),
        "new": lambda: world.held_new(record.facts["new"]),
    }
    for role, find in places.items():
        row = of_role(record.facts, role)
        try:
            key = find() if row.get("fingerprint") else None
        except PortError:
            continue
        seen = world.ports.issuer.probe(key).liveness if key is not None else Liveness.UNKNOWN
        proven = role == "new" and key is not None and seen.dead and death.is_proven(world, record, key)
        if seen.answers or proven or (role == "old" and seen.dead):
            facts[role] = {"liveness": seen.value}
        paid += own_keys.names(row) if proven else ()
    return facts, tuple(paid)


def _where(world: World, record: Incident) -> Json:
    """The present holders, by stores and services: a step that was cut short did more than its record tells."""
    if not record.facts.get("new") or not record.run_of("stage"):
        return {}
    stores, services = world.both(lambda: world.each(list(world.ports.stores.values()), _holds), lambda: on_the_replacement(world, record))
    mark = record.facts["new"]["fingerprint"]
    return {
        "stores": {name: {"holds": held} for name, held in zip(map(str, world.ports.stores), stores, strict=True) if held},
        "services": {name: {"after": mark} for name in services},
    }


def _holds(store: Store) -> str:
    try:
        value = None if store.guided else store.read().value
    except PortError:
        value = None
    return value.fingerprint if value else ""


def on_the_replacement(world: World, record: Incident) -> list[str]:
    """Services that show the replacement now."""
    items = service_health.look_at(world, world.services, service_health.expected_new(record.facts))
    return [item.name for item in items if item.did is Did.DONE and item.facts["proves"] in service_health.PROOFS]


def in_custody(world: World, record: Incident) -> list[Debt]:
    """A guided key that was taken at the very moment in which the process died."""
    mint, new = record.facts.get("mint", {}), record.facts.get("new", {})
    if new or not mint or not world.ports.issuer.guided or not world.ports.custody.possible:
        return []
    try:
        found = world.ports.custody.fetch(f"new-{mint['n']}")
    except PortError as error:
        return [own_keys.unlisted(world, error)]
    if found is None:
        return []
    return [Debt("key-alive", found.fingerprint, "a key that was given by hand lives and is not used", "expire it in the Dashboard")]
