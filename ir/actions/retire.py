"""Retire: kill the old key, after re-reading every store and re-verifying every service in this same step.

Accepted is not dead: `prove` polls until it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ir.actions import own_keys, rights, rights_given, same_value, store_check, unread
from ir.core.errors import Conflict, Denied, PortError, Rejected, Waiting
from ir.core.model import Debt, Did, Item, Json, Liveness, Outcome, Policy, Probe
from ir.core.secret import Secret
from ir.incident import reversibility, service_health
from ir.incident.context import World
from ir.incident.facts import Facts, of_role
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.inventory import Service
from ir.ports import Comparison, Expected, Store, Target


@dataclass(frozen=True)
class _Seen:
    """The state of stores and services, the debts that follow, and the reason why the old key must not die yet.

    Attributes:
        elsewhere: who holds the old key outside of the plan.
        todo: what to do about `why_not`, where that is a matter of its own.
        facts, paid: what was seen of rights that the replacement lacks.
    """

    items: tuple[Item, ...] = ()
    debts: tuple[Debt, ...] = ()
    why_not: str = ""
    elsewhere: Comparison = field(default_factory=Comparison)
    todo: str = ""
    facts: Json = field(default_factory=dict)
    paid: tuple[str, ...] = ()


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Look at stores, services and the old key; then, and only then, ask for its death. Our strays die with it."""
    if world.ports.issuer.guided and (died := _replacement_died(world, record)) is not None:
        return died
    added, stopped = rights_given.added(world, record)
    if stopped is not None:
        return stopped
    named: Json = {}
    new = record.facts.get("new", {})
    if new and not new.get("id"):
        named = {"new": {"id": own_keys.id_of(world, int(new["n"]), world.new_key(record.facts))}}
    told = {**record.facts, "new": {**new, **named.get("new", {})}} if new else record.facts
    (asked, debts), (probe, seen) = world.both(lambda: _strays(world, record, told), lambda: _look(world, record, step, added))
    if probe.liveness.dead and (died := _replacement_died(world, record, old=probe)) is not None:
        return died
    outcome = _kill(world, record, probe, seen)
    found = {**named, "strays": asked, **same_value.facts(seen.elsewhere), **unread.told(seen.items), **(seen.facts or added.facts)}
    debts = (*debts, *([] if seen.facts else added.debts))
    paid = (*seen.paid, *same_value.gone(record, seen.elsewhere), *(item.name for item in seen.items if item.facts.get("accepted")))
    return replace(outcome, facts={**found, **outcome.facts}, debts=(*debts, *outcome.debts), paid=(*outcome.paid, *paid))


def _replacement_died(world: World, record: Incident, old: Probe | None = None) -> Outcome | None:
    """Where there is no way back, a dead replacement is replaced itself, before anything else dies.

    A person killed its row by mistake; or a way back that was begun had killed it, when the old key died, too. `old`: as it was just seen.
    """
    facts = record.facts
    new = facts.get("new", {})
    if not new or not world.ports.issuer.probe(world.new_key(facts)).liveness.dead:
        return None
    if world.plan.policy is not Policy.EXPLOITED and (old or world.ports.issuer.probe(world.old_key(facts))).liveness.answers:
        return None  # the old key is what is left, and the workflow goes back to it
    said = f"the replacement {new.get('id') or new['fingerprint']} is dead: services that hold it fail; another one is needed"
    return Outcome(Did.FAILED, said, {"mint": {"spoilt": {str(new["n"]): "dead"}, "again": True}})


def _strays(world: World, record: Incident, told: Facts) -> tuple[Json, tuple[Debt, ...]]:
    """As `own_keys.expire_others`. One call that was seen to make one key leaves no stray; `prove` looks once more."""
    only = told.get("new", {}).get("alone") and told["mint"]["n"] == 1
    return ({}, ()) if only and not record.debts else own_keys.expire_others(world, told)


def _look(world: World, record: Incident, step: Step, added: rights.LackingRights) -> tuple[Probe, _Seen]:
    """Look at the old key, and at everything that its death could cut off; a key known to be dead is not waited for."""
    old = world.old_key(record.facts)
    if Liveness(record.facts["old"].get("liveness", Liveness.UNKNOWN)).answers:
        return world.both(lambda: world.ports.issuer.probe(old), lambda: _last_look(world, record, step, added))
    probe = world.ports.issuer.probe(old)
    return probe, _cut_off(world, record) if probe.liveness.dead else _last_look(world, record, step, added)


def _cut_off(world: World, record: Incident) -> _Seen:
    """The same for a dead key: nothing prevents the kill, and services that are on it elsewhere become debts."""
    found = world.lookups.elsewhere(record.facts["old"]["fingerprint"])
    items = same_value.items(world, found)
    return _Seen(tuple(items), same_value.debts(world, items), elsewhere=found)


def _kill(world: World, record: Incident, probe: Probe, looked: _Seen) -> Outcome:
    facts = record.facts
    old = world.old_key(facts)
    seen = {"old": {"liveness": probe.liveness.value, "probed_at": probe.date}}
    if probe.liveness.dead:
        asked = {**seen, "retire_asked_at": facts.get("retire_asked_at", world.now())}
        return Outcome(Did.DONE, "the old key answers as dead already", asked, looked.items, looked.debts)
    items, debts, why_not = looked.items, looked.debts, looked.why_not
    if why_not and world.plan.policy is not Policy.EXPLOITED:
        todo = looked.todo or f"fix it, then: ir resume {world.incident}; or go back: ir rollback {world.incident}"
        did = Did.UNKNOWN if items and all(item.did in (Did.DONE, Did.SKIPPED, Did.UNKNOWN) for item in items) else Did.WAITING
        return Outcome(did, f"the old key is not killed: {why_not}", seen, items, debts, todo=todo)
    if probe.liveness is Liveness.UNKNOWN and world.plan.policy is not Policy.EXPLOITED:
        return Outcome(Did.UNKNOWN, f"Stripe gave no answer about the old key (status {probe.status})", seen, items)
    if reversibility.dead(facts) and probe.liveness.answers:
        said = "the old key was seen dead when it was contained, and answers now: nobody was asked about another kill yet"
        return Outcome(Did.UNKNOWN, said, seen, items)
    if "new" in facts:
        own_keys.spare(world, facts)
    world.hooks.say("asking for the death of the old key")
    try:
        how = world.ports.issuer.retire(Target(facts["old"].get("id", ""), old), stop=world.run.stopping)
    except Waiting as error:
        asked = {**seen, "retire_told_at": facts.get("retire_told_at", world.now())}
        return Outcome(Did.WAITING, f"{error.told} ({_named(facts)})", asked, items, debts, todo=error.next_step)
    except (Denied, Rejected, Conflict) as error:
        return _not_killed(world, facts, error, seen, items)
    return Outcome(Did.DONE, how, {**seen, "retire_asked_at": world.now()}, items, debts)


def _not_killed(world: World, facts: Facts, error: PortError, seen: Json, items: tuple[Item, ...]) -> Outcome:
    """The kill was refused: services on the replacement stay there; only when it is dead, the old key is all that is left."""
    old = facts["old"].get("id") or facts["old"]["fingerprint"]
    if "new" in facts:
        liveness = world.ports.issuer.probe(world.new_key(facts)).liveness
        if liveness.dead:
            said = f"{error.told} ({_named(facts)})"
            return Outcome(Did.FAILED, said, {**seen, "new": {"liveness": liveness.value}}, items, todo=error.next_step)
    on = f"services stay on the replacement {facts['new'].get('id') or facts['new']['fingerprint']}" if "new" in facts else "nothing moved"
    todo = f"{error.next_step or f'expire {old} in the Dashboard'}, then: ir resume {world.incident}; to take its power meanwhile: "
    return Outcome(Did.WAITING, f"the old key {old} lives: {error.what}; {on}", seen, items, todo=f"{todo}ir contain {world.incident}")


def _named(facts: Facts) -> str:
    """The keys in question, by the names that records use."""
    words = {"old": "old key", "new": "new key"}
    return ", ".join(f"{word} {key.get('id') or key['fingerprint']}" for role, word in words.items() if (key := of_role(facts, role)))


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say the one irreversible write."""
    key = record.facts["old"].get("id") or record.facts["old"]["fingerprint"]
    how = "guide you to kill" if world.ports.issuer.guided else "expire"
    return Outcome(Did.SKIPPED, f"would look at all stores and services again, then {how} the old key {key}: this cannot be undone")


def _last_look(world: World, record: Incident, step: Step, added: rights.LackingRights) -> _Seen:
    if "new" not in record.facts:
        found = world.lookups.elsewhere(record.facts["old"]["fingerprint"])
        why_not = "" if not world.services or world.options.no_replacement else "there is no replacement"
        return _judged(world, record, (), [], found, why_not)
    world.hooks.say("looking at every store and service once more")
    new, old = world.new_key(record.facts), record.facts["old"]["fingerprint"]
    expected, patience = service_health.expected_new(record.facts), float(step.params["patience"])
    (stores, found), (services, unhealthy) = world.both(
        lambda: (  # in this order: the other fields that its own stores are read to hold are compared, too
            world.each(list(world.ports.stores.values()), lambda store: _reread(record, store, new)),
            world.lookups.elsewhere(old),
        ),
        lambda: world.both(
            lambda: service_health.look_at(world, world.services, expected, patience=patience), lambda: _replacement(world, record, new)
        ),
    )
    stores, services = _shown_by_readers(world, record, new, stores, services, lambda one: _reloaded(world, one, expected, patience))
    bad = [item for item in stores if item.did not in (Did.DONE, Did.SKIPPED)]
    bad += [item for item in services if item.did is not Did.DONE and item.name not in world.options.accept_unhealthy]
    seen = _judged(world, record, (*stores, *services, *unhealthy), [*bad, *unhealthy], found)
    return _with_rights(world, record, seen, rights.missing(world, record, services, added))


def _with_rights(world: World, record: Incident, seen: _Seen, lacking: rights.LackingRights) -> _Seen:
    """A right that a service uses and the replacement lacks: in an overlap it keeps the old key alive."""
    seen = replace(seen, facts=lacking.facts, paid=lacking.paid, debts=(*seen.debts, *lacking.debts))
    if not lacking.told_by:
        return seen
    if world.plan.policy is Policy.EXPLOITED:
        return replace(seen, items=(*seen.items, *lacking.items()), debts=(*seen.debts, *lacking.still_to_do(world.incident)))
    asked = rights_given.stop(world, record, lacking)
    why_not = "; ".join(filter(None, [seen.why_not, asked.said]))
    items = (*seen.items, *lacking.items(Did.FAILED if asked.did is Did.WAITING else Did.UNKNOWN))
    return replace(seen, items=items, why_not=why_not, todo=seen.todo or asked.todo, facts=asked.facts)


def _shown_by_readers(
    world: World, record: Incident, new: Secret, stores: list[Item], services: list[Item], reload: Callable[[Service], Item]
) -> tuple[list[Item], list[Item]]:
    """Reload the readers of stores that a person set and no look can read: before the old key dies, they show what it is."""
    known = record.facts.get("stores", {})
    by_hand = {item.name for item in stores if item.did is Did.DONE and unread.is_by_hand(item, known.get(item.name, {}))}
    readers = [one for one in world.services if one.name not in world.options.accept_unhealthy and by_hand & set(map(str, one.reads_from))]
    if not readers:
        return stores, services
    world.hooks.say(f"reloading {', '.join(one.name for one in readers)}: a person has set what they read")
    seen = dict(zip((one.name for one in readers), world.each(readers, reload), strict=True))
    on = [one for one in readers if seen[one.name].did is Did.DONE and seen[one.name].facts["proves"] == "holds-key"]
    shown, asked = ({str(ref) for one in some for ref in one.reads_from} & by_hand for some in (on, readers))
    judged = [unread.shown(item) if item.name in shown else unread.not_shown(item, new) if item.name in asked else item for item in stores]
    return judged, [seen.get(item.name, item) for item in services]


def _reloaded(world: World, service: Service, expected: Expected, patience: float) -> Item:
    try:
        world.ports.reloaders[service.name].reload()
    except PortError as error:
        return Item(service.name, Did.FAILED, f"its reload failed: {error.what}")
    return service_health.look(world, service, expected, patience=patience)


def _judged(world: World, record: Incident, items: tuple[Item, ...], bad: list[Item], found: Comparison, why_not: str = "") -> _Seen:
    others = same_value.items(world, found)
    names = {str(ref) for ref in world.ports.stores}
    debts = tuple(
        Debt("store-behind" if item.name in names else "service-behind", item.name, item.said, f"ir resume {world.incident}")
        for item in bad
    )
    told = [why_not, *(f"{item.name}: {item.said}" for item in bad), *same_value.problems(others)]
    todo = same_value.later(world, record, found) if same_value.problems(others) and not bad else ""
    return _Seen((*items, *others), (*debts, *same_value.debts(world, others)), "; ".join(filter(None, told)), found, todo)


def _replacement(world: World, record: Incident, new: Secret) -> list[Item]:
    """Nothing, if it works; a dead replacement means that the old key is all that is left."""
    liveness = world.ports.issuer.probe(new).liveness
    if liveness.answers or liveness is Liveness.BLOCKED:
        return []
    did = Did.UNKNOWN if liveness is Liveness.UNKNOWN else Did.FAILED
    return [Item(record.facts["new"].get("id") or new.fingerprint, did, f"the replacement itself answers {liveness.value}")]


def _reread(record: Incident, store: Store, new: Secret) -> Item:
    name = str(store.ref)
    known = record.facts.get("stores", {}).get(name, {})
    if store.guided or known.get("left_out"):
        return Item(name, Did.SKIPPED, "cannot be read; its services were looked at instead")
    if unread.concerns(store):
        return unread.as_written(store, known, new)
    try:
        held = store.read()
    except PortError as error:
        return Item(name, Did.UNKNOWN, error.what)
    if held.value == new:
        return Item(name, Did.DONE, "holds the replacement", {"version": held.version})
    return Item(name, Did.FAILED, store_check.another_value(known), {"version": held.version})
