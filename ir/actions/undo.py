"""Undo (rollback): the old key back in the stores, the services on it again, only then the new key dies.

Looks first: only if the old key is alive, uncontained, and not about to run out. Otherwise the only way is forward.
"""

from dataclasses import replace

from ir.actions import death, leave, own_keys
from ir.core.errors import Missing, PortError, Rejected, Waiting
from ir.core.model import Debt, Did, Item, Json, Liveness, Outcome
from ir.core.secret import Secret
from ir.incident import debts as debt_rules
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Expected, Store, Target

_ROOM = 900.0
"""Seconds that must be left before a deadline of the old key, or going back is worse than going on."""
_LIST_LOOKS = 30
"""Looks, a second apart, until a key that was expired by its id leaves the provider's list."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Stores → reload who took the new key → verify → kill the new key."""
    facts = record.facts
    if "old" not in facts:
        return Outcome(Did.DONE, "nothing was looked at yet, nothing has to be put back")
    old = world.old_key(facts)
    probe = world.issuer.probe(old)
    seen = {"old": {"liveness": probe.liveness.value, "probed_at": probe.at or world.now()}}
    if probe.liveness is Liveness.UNKNOWN:
        return Outcome(Did.UNKNOWN, f"Stripe gave no answer about the old key (status {probe.status})")
    why_not = _forward_only(world, facts, probe.liveness)
    if why_not:
        return Outcome(Did.REFUSED, f"there is no way back, only forward: {why_not}", {**seen, "forward_only": why_not})
    asked, stray = own_keys.expire_others(world, facts) if "mint" in facts else ({}, ())
    if any(debt.kind == "key-unproven" for debt in stray):
        return Outcome(Did.UNKNOWN, stray[0].why, debts=stray)
    if "new" not in facts:
        given = leave.in_custody(world, record)
        said = "nothing that was minted is in use, nothing has to be put back"
        return Outcome(Did.DONE, said, {"strays": asked}, debts=(_alive(record), *stray, *given))
    try:
        new = world.new_key(facts)
    except Missing:
        return replace(
            outcome := _without_its_value(world, record, old), facts={**outcome.facts, "strays": asked}, debts=(*outcome.debts, *stray)
        )
    stores = world.each([s for s in world.stores.values() if _touched(facts, s)], lambda store: _put_back(store, world.incident, old, new))
    items = (*stores, *_services_back(world, facts, old))
    if still := _not_back(world, items):
        return still
    own_keys.spare(world, facts, old)
    outcome = _kill_new(world, record, new, items)
    return replace(outcome, facts={**outcome.facts, "strays": asked}, debts=(*outcome.debts, *stray))


def _services_back(world: World, facts: Json, old: Secret) -> list[Item]:
    expected = Expected(old.fingerprint, facts["old"].get("id", ""))
    return world.each(world.services, lambda service: _bring_back(world, service.name, expected))


def _not_back(world: World, items: tuple[Item, ...]) -> Outcome | None:
    """Why the replacement must not die yet; None: everything is on the old key."""
    bad = [item for item in items if item.did not in (Did.DONE, Did.SKIPPED)]
    if not bad:
        return None
    todo = f"ir rollback {world.incident}"
    debts = tuple(Debt("service-behind", i.name, i.said, todo) for i in bad)
    said = "; ".join(f"{item.name}: {item.said}" for item in bad)
    return Outcome(Did.WAITING, f"not all of it went back, both keys live: {said}", items=items, debts=debts, todo=todo)


def _without_its_value(world: World, record: Incident, old: Secret) -> Outcome:
    """The replacement's value is in no store, so none has to be put back; the key itself is expired by its id, or by a human."""
    new = record.facts["new"]
    items = tuple(_services_back(world, record.facts, old))
    if still := _not_back(world, items):
        return still
    name, debts = new.get("id") or new["fingerprint"], [_alive(record)]
    said = f"its value is lost, and no call can expire it without an id; {name} lives"
    if new.get("id"):
        try:
            said = own_keys.expire_by_id(world, new)
        except (PortError, Waiting) as error:
            said = error.what
    if not new.get("id") or _stays_listed(world, new["id"]):
        debts.append(Debt("key-alive", new["fingerprint"], f"the replacement {name}: {said}", f"expire {name} in the Dashboard"))
    done = f"rolled back: stores and services are on the old key; the replacement, whose value is lost: {said}"
    return Outcome(Did.DONE, done, {"rolled_back_at": world.now()}, items, tuple(debts), paid=tuple(item.name for item in items))


def _stays_listed(world: World, key_id: str) -> bool:
    """Whether the provider still lists it as a living key of ours; its value is lost, so the list is all that tells."""
    for look in range(_LIST_LOOKS):
        if look:
            world.clock.sleep(1.0)
        if all(row.id != key_id for row in world.issuer.strays(world.incident)):
            return False
    return True


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was changed, so there is nothing to undo."""
    return Outcome(Did.SKIPPED, "nothing was changed")


def _forward_only(world: World, facts: Json, liveness: Liveness) -> str:
    if not liveness.answers:
        return f"the old key answers {liveness.value}"
    if facts.get("containment") and not facts["containment"].get("undone"):
        return "the old key is contained"
    deadline = float(facts["old"].get("deadline", 0.0))
    if deadline and deadline - world.now() < _ROOM:
        return f"the old key runs out in {deadline - world.now():.0f} s"
    return ""


def _touched(facts: Json, store: Store) -> bool:
    known = facts.get("stores", {}).get(str(store.ref), {})
    return not known.get("left_out") and not (store.guided and "after" not in known)


def _put_back(store: Store, incident: str, old: Secret, new: Secret) -> Item:
    name = str(store.ref)
    try:
        store.undo(incident, old, new)
    except (PortError, Waiting) as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "the old key was put back")


def _bring_back(world: World, name: str, expected: Expected) -> Item:
    service = next(s for s in world.services if s.name == name)
    item = service_health.look(world, service, expected)
    if item.did is Did.DONE and item.facts.get("proves") == "holds-key":
        return item
    try:
        world.reloaders[name].reload()
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return service_health.look(world, service, expected, patience=60.0)


def _kill_new(world: World, record: Incident, new: Secret, items: tuple[Item, ...]) -> Outcome:
    facts = record.facts
    debts = [_alive(record)]
    key_id = facts["new"].get("id", "")
    try:
        said = world.issuer.retire(Target(key_id, new, replacement=True), stop=world.stopping)
        debts += _unproven(world, record, new)
    except Rejected as error:
        said = error.what
        debts.append(_replacement_lives(record, new, killed=world.issuer.probe(world.old_key(facts)).liveness.dead))
    except (PortError, Waiting) as error:
        said = error.what
        debts.append(_replacement_lives(record, new, killed=False))
    return Outcome(
        Did.DONE,
        f"rolled back: stores and services are on the old key; the replacement: {said}",
        {"rolled_back_at": world.now()},
        items,
        tuple(debts),
        paid=tuple(item.name for item in items),
    )


def _unproven(world: World, record: Incident, new: Secret) -> list[Debt]:
    """The replacement's death is proven by the one rule, with the old key as control: that lives, or nothing would have gone back."""
    window = death.window_of(world)
    seen = death.watch(world, new, world.old_key(record.facts), window.at_once if world.issuer.guided else window)
    if seen.proven:
        return []
    name = record.facts["new"].get("id") or new.fingerprint
    todo = f"look at its row in the Dashboard, and expire it if it is there; then: {debt_rules.again(record)}"
    return [Debt("key-unproven", new.fingerprint, f"the replacement {name} is not proven dead: {seen.said(world.key.kind)}", todo)]


def _replacement_lives(record: Incident, new: Secret, *, killed: bool) -> Debt:
    """`killed`: the old key died in its place, the wrong row was clicked."""
    name = record.facts["new"].get("id") or new.fingerprint
    if killed:
        why = f"the old key was killed instead of the replacement {name}, and the services run on the old key"
        return Debt("key-alive", new.fingerprint, why, f"now: {debt_rules.again(record)} --policy exposed, which brings them back")
    todo = f"expire {name} in the Dashboard"
    if debt_rules.webhook(record):
        todo = f"before the old secret runs out: {debt_rules.again(record)}"
    return Debt("key-alive", new.fingerprint, f"the replacement {name} lives and is not used", todo)


def _alive(record: Incident) -> Debt:
    old = record.facts["old"]
    todo = debt_rules.again(record) + ("" if debt_rules.webhook(record) else f"; to take its power now: ir contain {record.id}")
    return Debt("key-alive", old["fingerprint"], f"the leaked key {old.get('id') or old['fingerprint']} lives", todo)
