"""One wave: promote in the stores that its services read, reload them, see each hold the replacement.

A wave is one durable step; inside, things run side by side and each looks before it acts, so that a second run after a
crash repeats nothing that has happened.
"""

from ir.core.errors import Conflict, PortError, Rejected, Unknown, Waiting
from ir.core.model import Debt, Did, Item, Json, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.inventory import Service
from ir.ports import Expected, Store


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Promote → reload → verify → soak → verify."""
    if "new" not in record.facts:
        return Outcome(Did.SKIPPED, "there is no replacement to roll out")
    new = world.new_key(record.facts)
    services = [s for s in world.services if s.wave == step.wave]
    world.say(f"promoting for {step.wave or 'stores without services'}")
    stores = tuple(world.each(_stores_of(world, record, services, step), lambda store: _promote(world, record, store, new)))
    facts: Json = {"stores": {item.name: item.facts for item in stores if item.facts}}
    bad = [item for item in stores if item.did not in (Did.DONE, Did.SKIPPED)]
    if bad:
        return _not_promoted(bad, stores, facts)
    facts.setdefault("promoted_at", record.facts.get("promoted_at", world.now()))
    expected = service_health.expected_new(record.facts)
    world.say(f"reloading {counted(len(services), 'service')}")
    items = world.each(services, lambda service: _move(world, service, expected, float(step.params["patience"])))
    if step.params["soak"] and all(item.did is Did.DONE for item in items) and not _hurried(world, record):
        world.say(f"soaking for {step.params['soak']:g} s")
        _soak(world, float(step.params["soak"]))
        items = service_health.look_at(world, services, expected, patience=float(step.params["patience"]))
    facts["services"] = {item.name: _service_facts(world, item, expected) for item in items}
    unset = [item for item in items if item.did is not Did.DONE and _by_hand(world, item.name)]
    if unset:
        said = "; ".join(f"{item.name}: {item.said}" for item in unset)
        todo = f"set the replacement by hand where they read it, then: ir resume {world.incident} --yes"
        return Outcome(Did.WAITING, f"not set by hand yet, as it seems: {said}", facts, (*stores, *items), todo=todo)
    return _verdict(world, step, services, items, stores, facts)


def _by_hand(world: World, name: str) -> bool:
    """Whether a service reads its key from where only a human can set it."""
    service = next(s for s in world.services if s.name == name)
    return world.stores[world.store_of(service)].guided


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """The writes and reloads that would happen."""
    services = [s for s in world.services if s.wave == step.wave]
    stores = _stores_of(world, record, services, step)
    items = [Item(str(store.ref), Did.SKIPPED, "would make the replacement current") for store in stores]
    items += [Item(s.name, Did.SKIPPED, f"would reload by {_how(s)}") for s in services]
    facts = {"stores": {str(store.ref): {"rehearsed": True} for store in stores}}
    return Outcome(
        Did.SKIPPED, f"would promote in {counted(len(stores), 'store')} and reload {counted(len(services), 'service')}", facts, tuple(items)
    )


def _how(service: Service) -> str:
    if service.reload.command:
        return "`" + " ".join(service.reload.command) + "`"
    return f"POST {service.reload.http}" if service.reload.http else "waiting: it polls its store"


def _stores_of(world: World, record: Incident, services: list[Service], step: Step) -> list[Store]:
    """Stores that these services read; the last wave takes every store that is left."""
    known = record.facts.get("stores", {})
    wanted = {str(ref) for s in services for ref in s.reads_from} if not step.last_wave else set(world.stores)
    return [
        store
        for name, store in world.stores.items()
        if name in wanted and not known.get(name, {}).get("left_out") and not known.get(name, {}).get("rehearsed")
    ]


def _promote(world: World, record: Incident, store: Store, new: Secret) -> Item:
    name = str(store.ref)
    known = record.facts.get("stores", {}).get(name, {})
    after = known.get("after", {})
    # our own last write, where a replacement that died is replaced
    last = after if after.get("fingerprint", new.fingerprint) != new.fingerprint else known.get("before", {})
    try:
        version = store.promote(world.incident, new, expected=str(last.get("version", "")))
    except Waiting as error:
        if known.get("told"):  # the run was resumed since: whether it is set shows in the services
            return Item(name, Did.SKIPPED, "a human was told to set it; its services show whether it is")
        return Item(name, Did.WAITING, error.what, {"told": world.now()})
    except Unknown as error:
        return Item(name, Did.UNKNOWN, error.what)
    except Conflict as error:
        return Item(name, Did.FAILED, f"somebody else changed it: {error.what}")
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "promoted and read back", _after(version, new))


def _after(version: str, new: Secret) -> Json:
    return {"after": {"version": version, "fingerprint": new.fingerprint}}


def _not_promoted(bad: list[Item], stores: tuple[Item, ...], facts: Json) -> Outcome:
    said = "; ".join(f"{item.name}: {item.said}" for item in bad)
    for did in (Did.FAILED, Did.UNKNOWN):
        if any(item.did is did for item in bad):
            return Outcome(did, said, facts, stores)
    return Outcome(Did.WAITING, said, facts, stores, todo=said)


def _move(world: World, service: Service, expected: Expected, patience: float) -> Item:
    """Look, reload, look until it holds the replacement."""
    if service_health.provable(world, service):
        there = service_health.look(world, service, Expected(expected.fingerprint, expected.key_id, expected.since))
        if there.did is Did.DONE and there.facts["proves"] == "holds-key":
            return there
    try:
        said = world.reloaders[service.name].reload()
    except Rejected as error:
        return Item(service.name, Did.FAILED, f"its reload was refused: {error.what}", {"wave": service.wave})
    except Unknown as error:
        said = f"its reload gave no answer ({error.what})"
    except PortError as error:
        return Item(service.name, Did.FAILED, f"its reload failed: {error.what}", {"wave": service.wave})
    item = service_health.look(world, service, expected, patience=patience)
    return item if item.did is Did.DONE else Item(item.name, item.did, f"{said}; then: {item.said}", item.facts)


def _soak(world: World, seconds: float) -> None:
    until = world.elapsed() + seconds
    while world.elapsed() < until and not world.stopping():
        world.clock.sleep(min(0.5, max(until - world.elapsed(), 0.01)))


def _hurried(world: World, record: Incident) -> bool:
    """Contained or dead already: an outage is running, so nobody waits."""
    return bool(record.facts.get("containment") or record.facts.get("dead_on_arrival"))


def _service_facts(world: World, item: Item, expected: Expected) -> Json:
    moved = item.did is Did.DONE
    return {
        "after": expected.fingerprint if moved else "",
        "proves": item.facts.get("proves", ""),
        "moved_at": world.now() if moved else 0.0,
    }


def _verdict(world: World, step: Step, services: list[Service], items: list[Item], stores: tuple[Item, ...], facts: Json) -> Outcome:
    every = (*stores, *items)
    bad = [item for item in items if item.did is not Did.DONE and item.name not in world.options.accept_unhealthy]
    paid = tuple(item.name for item in every if item.did is Did.DONE)
    if bad:
        debts = tuple(Debt("service-behind", item.name, item.said, f"fix {item.name}, then: ir resume {world.incident}") for item in bad)
        said = "; ".join(f"{item.name}: {item.said}" for item in bad)
        return Outcome(
            Did.FAILED, f"of {counted(len(services), 'service')} these do not hold the replacement: {said}", facts, every, debts, paid
        )
    said = service_health.said_of(items) if items else "promoted; no service reads from there"
    return Outcome(Did.DONE, said, facts, every, paid=paid)
