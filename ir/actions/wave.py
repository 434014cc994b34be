"""One wave: promote in the stores that its services read, reload them, see each hold the replacement.

A wave is one durable step; inside, things run side by side and each looks before it acts, so that a second run after a
crash repeats nothing that has happened. After a containment every service is on its own: one whose store was written is
reloaded at once, whatever became of the others.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ir.actions import rights, rights_given, unread
from ir.core.errors import Conflict, PortError, Rejected, Unknown, Waiting
from ir.core.model import Debt, Did, Item, Json, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import reversibility, service_health
from ir.incident.context import World
from ir.incident.facts import StoreFacts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.inventory import Service
from ir.ports import Expected, Store

_Lacks = Callable[[Item], Sequence[str]]
"""The rights that a service tells to be lacking."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Promote → reload → verify → soak → verify."""
    if "new" not in record.facts:
        return Outcome(Did.SKIPPED, "there is no replacement to roll out")
    new = world.new_key(record.facts)
    added, stopped = rights_given.added(world, record)
    if stopped is not None:
        return stopped
    outcome = _rolled_out(world, record, step, new, added)
    return replace(outcome, debts=(*outcome.debts, *added.debts), paid=(*outcome.paid, *_given_up(world, record)))


def _rolled_out(world: World, record: Incident, step: Step, new: Secret, added: rights.LackingRights) -> Outcome:
    services, began = [s for s in world.services if s.wave == step.wave], world.now()
    world.hooks.say(f"promoting for {step.wave or 'stores without services'}")
    stores = tuple(world.each(_stores_of(world, record, services, step), lambda store: _promote(world, record, store, new)))
    facts: Json = {**added.facts, "stores": {item.name: item.facts for item in stores if item.facts}}
    bad = [item for item in stores if item.did not in (Did.DONE, Did.SKIPPED)]
    alone = reversibility.forward(record.facts)
    if bad and not alone:
        return _not_promoted(bad, stores, facts)
    if not stores or len(bad) < len(stores):
        facts["promoted_at"] = record.facts.get("promoted_at", world.now())
    expected = service_health.expected_new(record.facts)
    world.hooks.say(f"reloading {counted(len(services), 'service')}")
    wanted = partial(rights.of, record, granted=added.granted)
    items = world.each(services, lambda service: _moved(world, service, bad, expected, float(step.params["patience"]), wanted))
    if step.params["soak"] and all(item.did is Did.DONE for item in items) and not alone:
        world.hooks.say(f"soaking for {step.params['soak']:g} s")
        _soak(world, float(step.params["soak"]))
        items = service_health.look_at(world, services, expected, patience=float(step.params["patience"]))
    facts["services"] = {item.name: _service_facts(world, item, expected) for item in items}
    lacking = rights.missing(world, record, items, added, began)
    facts |= lacking.facts
    if lacking.told_by and not alone:
        return _lacking(world, record, lacking, facts, (*stores, *items))
    unset = [item for item in items if item.did is not Did.DONE and _by_hand(world, item.name)]
    if unset and not alone:
        said = "; ".join(f"{item.name}: {item.said}" for item in unset)
        todo = f"set the replacement by hand where they read it, then: ir resume {world.incident} --yes"
        return Outcome(Did.WAITING, f"not set by hand yet, as it seems: {said}", facts, (*stores, *items), todo=todo)
    outcome = _verdict(world, services, items, stores, facts)
    debts = (*outcome.debts, *lacking.debts, *lacking.still_to_do(world.incident))
    return replace(outcome, said=outcome.said + rights_given.summary(added), debts=debts, paid=(*outcome.paid, *lacking.paid))


def _lacking(world: World, record: Incident, lacking: rights.LackingRights, facts: Json, items: tuple[Item, ...]) -> Outcome:
    """The wave stands still, and is not taken back: a right is added, or a person goes back."""
    stopped = rights_given.stop(world, record, lacking)
    return replace(stopped, facts={**facts, **stopped.facts}, items=(*items, *lacking.items()), debts=lacking.debts)


def _given_up(world: World, record: Incident) -> tuple[str, ...]:
    """Accepted exceptions are not debts."""
    left_out = (name for name, row in record.facts.get("stores", {}).items() if row.get("left_out"))
    return (*left_out, *world.options.accept_unhealthy)


def _by_hand(world: World, name: str) -> bool:
    """Whether a service reads its key from a place that only a person can set."""
    service = next(s for s in world.services if s.name == name)
    return world.ports.stores[world.store_of(service)].guided


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say the writes and reloads that would happen."""
    services = [s for s in world.services if s.wave == step.wave]
    stores = _stores_of(world, record, services, step)
    items = [
        Item(str(store.ref), Did.SKIPPED, "would write the replacement" if unread.concerns(store) else "would make the replacement current")
        for store in stores
    ]
    items += [Item(s.name, Did.SKIPPED, f"would reload by {_how(s)}") for s in services]
    facts = {"stores": {str(store.ref): {"rehearsed": True} for store in stores}}
    return Outcome(
        Did.SKIPPED, f"would promote in {counted(len(stores), 'store')} and reload {counted(len(services), 'service')}", facts, tuple(items)
    )


def _how(service: Service) -> str:
    if service.reload.command:
        return "`" + " ".join(service.reload.command) + "`"
    if service.reload.rollout:
        return f"a rollout of {service.reload.rollout}"
    if service.reload.vercel:
        return f"a deployment of {service.reload.vercel}"
    return f"POST {service.reload.http}" if service.reload.http else "waiting: it polls its store"


def _stores_of(world: World, record: Incident, services: list[Service], step: Step) -> list[Store]:
    """Stores that these services read; the last wave takes every store that is left."""
    known = record.facts.get("stores", {})
    wanted = {str(ref) for s in services for ref in s.reads_from} if not step.last_wave else set(world.ports.stores)
    return [
        store
        for name, store in world.ports.stores.items()
        if name in wanted and not known.get(name, {}).get("left_out") and not known.get(name, {}).get("rehearsed")
    ]


def _promote(world: World, record: Incident, store: Store, new: Secret) -> Item:
    name = str(store.ref)
    known = record.facts.get("stores", {}).get(name, {})
    if unread.concerns(store):
        return unread.promote(world, store, known, new)
    try:
        version = _written(world, record, store, new, known)
    except Waiting as error:
        if known.get("told"):  # the run was resumed since: the services show whether it is set
            return Item(name, Did.SKIPPED, "a human was told to set it; its services show whether it is")
        return Item(name, Did.WAITING, error.what, {"told": world.now()})
    except Unknown as error:
        return Item(name, Did.UNKNOWN, error.what)
    except Conflict as error:
        return Item(name, Did.FAILED, f"somebody else changed it: {error.what}")
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "promoted and read back", _after(version, new))


def _written(world: World, record: Incident, store: Store, new: Secret, known: StoreFacts) -> str:
    """Promote over the former value, or over our own last write where a dead replacement is replaced; returns the version.

    A way back that broke off may have put the first value back without a record of it, so that counts, too.
    """
    before, after = known.get("before", {}), known.get("after", {})
    if after.get("fingerprint", new.fingerprint) != new.fingerprint:
        with suppress(Conflict):
            return store.promote(world.incident, new, expected=str(after.get("version", "")))
    last = before or _first_read(record, store, new)
    return store.promote(world.incident, new, expected=str(last.get("version", "")))


def _first_read(record: Incident, store: Store, new: Secret) -> Json:
    """The first read of a store that preflight could not read. Raises Conflict: another key; PortError: it cannot be read yet."""
    if store.guided:
        return {}
    held = store.read()
    if held.value is not None and held.value.fingerprint not in (record.facts["old"]["fingerprint"], new.fingerprint):
        raise Conflict(f"{store.ref} holds neither the leaked key nor ours")
    return {"version": held.version}


def _after(version: str, new: Secret) -> Json:
    return {"after": {"version": version, "fingerprint": new.fingerprint}}


def _not_promoted(bad: list[Item], stores: tuple[Item, ...], facts: Json) -> Outcome:
    said = "; ".join(f"{item.name}: {item.said}" for item in bad)
    for did in (Did.FAILED, Did.UNKNOWN):
        if any(item.did is did for item in bad):
            return Outcome(did, said, facts, stores)
    return Outcome(Did.WAITING, said, facts, stores, todo=said)


def _moved(world: World, service: Service, bad: list[Item], expected: Expected, patience: float, lacks: _Lacks) -> Item:
    """As `_move`; a service whose own store was not written has nothing to take up."""
    unwritten = [item for item in bad if item.name in {str(ref) for ref in service.reads_from}]
    if not unwritten:
        return _move(world, service, expected, patience, lacks)
    said = f"not reloaded: {', '.join(item.name for item in unwritten)}, which it reads, was not written"
    return Item(service.name, Did.UNKNOWN if all(i.did is Did.UNKNOWN for i in unwritten) else Did.FAILED, said, {"wave": service.wave})


def _move(world: World, service: Service, expected: Expected, patience: float, lacks: _Lacks) -> Item:
    """Look, reload, look until it holds the replacement; a service that lacked a right is reloaded, so that it forgets what was refused."""
    if service_health.provable(world, service):
        there = service_health.look(world, service, Expected(expected.fingerprint, expected.key_id, expected.since))
        if there.did is Did.DONE and there.facts["proves"] == "holds-key" and not lacks(there):
            return there
    try:
        said = world.ports.reloaders[service.name].reload()
    except Rejected as error:
        return Item(service.name, Did.FAILED, f"its reload was refused: {error.what}", {"wave": service.wave})
    except Unknown as error:
        said = f"its reload gave no answer ({error.what})"
    except PortError as error:
        return Item(service.name, Did.FAILED, f"its reload failed: {error.what}", {"wave": service.wave})
    item = service_health.look(world, service, expected, patience=patience)
    return item if item.did is Did.DONE else Item(item.name, item.did, f"{said}; then: {item.said}", item.facts)


def _soak(world: World, seconds: float) -> None:
    with world.hooks.resting(seconds):
        until = world.elapsed() + seconds
        while world.elapsed() < until and not world.run.stopping():
            world.ports.clock.sleep(min(0.5, max(until - world.elapsed(), 0.01)))


def _service_facts(world: World, item: Item, expected: Expected) -> Json:
    moved = item.did is Did.DONE
    return {
        "after": expected.fingerprint if moved else "",
        "proves": item.facts.get("proves", ""),
        "moved_at": world.now() if moved else 0.0,
    }


def _verdict(world: World, services: list[Service], items: list[Item], stores: tuple[Item, ...], facts: Json) -> Outcome:
    """The outcome of the wave. Every unfinished place is a debt of its own, with the next act of a person."""
    every = (*stores, *items)
    bad = [item for item in items if item.did is not Did.DONE and item.name not in world.options.accept_unhealthy]
    unwritten = [item for item in stores if item.did not in (Did.DONE, Did.SKIPPED)]
    paid = tuple(item.name for item in every if item.did is Did.DONE)
    if not bad and not unwritten:
        said = service_health.said_of(items) if items else "promoted; no service reads from there"
        return Outcome(Did.DONE, said, facts, every, paid=paid)
    debts = tuple(_behind(world, "store-behind", item, f"not written: {item.said}") for item in unwritten)
    debts += tuple(_behind(world, "service-behind", item, item.said) for item in bad)
    told = [f"{item.name} was not written: {item.said}" for item in unwritten] + [f"{item.name}: {item.said}" for item in bad]
    did = Did.UNKNOWN if unwritten and all(item.did is Did.UNKNOWN for item in (*unwritten, *bad)) else Did.FAILED
    behind = f"of {counted(len(services), 'service')} {len(bad)} {'does' if len(bad) == 1 else 'do'} not hold the replacement"
    return Outcome(did, f"{behind}: {'; '.join(told)}", facts, every, debts, paid)


def _behind(world: World, kind: str, item: Item, why: str) -> Debt:
    what = f"set the replacement by hand in {item.name}" if item.did is Did.WAITING else f"fix {item.name}"
    return Debt(kind, item.name, why, f"{what}, then: ir resume {world.incident}")
