"""Undo (rollback): the old key back in the stores, the services on it again, only then the new key dies.

Looks first: only if the old key is alive, uncontained, and not about to run out. Otherwise the only way is forward.
"""

from dataclasses import replace

from ir.actions import death, leave, own_keys, owned, unread
from ir.core.errors import Missing, PortError, Rejected, Waiting
from ir.core.model import Debt, Did, Item, Json, Liveness, Outcome
from ir.core.secret import Secret
from ir.incident import debts as debt_rules
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.facts import Facts, StoreFacts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Expected, Store, Target

_ROOM = 900.0
"""Seconds that must be left before a deadline of the old key, or going back is worse than going on."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Go back: stores, then reloads of the services that took the new key, then checks, then the kill of the new key."""
    facts = record.facts
    if "old" not in facts:
        return Outcome(Did.DONE, "nothing was looked at yet, nothing has to be put back")
    old = world.old_key(facts)
    probe = world.ports.issuer.probe(old)
    seen = {"old": {"liveness": probe.liveness.value, "probed_at": probe.date}}
    if probe.liveness is Liveness.UNKNOWN:
        return Outcome(Did.UNKNOWN, f"Stripe gave no answer about the old key (status {probe.status})")
    why_not = _forward_only(world, facts, probe.liveness)
    if why_not:
        return Outcome(Did.REFUSED, f"there is no way back, only forward: {why_not}", {**seen, "forward_only": why_not})
    asked, stray = own_keys.expire_others(world, facts) if "mint" in facts else ({}, ())
    if any(debt.kind == "key-unproven" for debt in stray):
        return Outcome(Did.UNKNOWN, stray[0].why, debts=stray)
    if "new" not in facts:
        return _settled(world, record, _untouched(world, record, old), asked, stray)
    try:
        new = world.new_key(facts)
    except Missing:
        return _settled(world, record, _without_its_value(world, record, old), asked, stray)
    touched = [store for store in world.ports.stores.values() if _touched(facts, store)]
    stores = owned.in_turn(world, facts.get("stores", {}), touched, lambda store: _put_back(world, store, old, new))
    items = (*stores, *_services_back(world, facts, old))
    if still := _not_back(world, items):
        return still
    own_keys.spare(world, facts, old)
    return _settled(world, record, _kill_new(world, record, new, items), asked, stray)


def _settled(world: World, record: Incident, outcome: Outcome, asked: Json, stray: tuple[Debt, ...]) -> Outcome:
    """The outcome with the state of this incident's other keys, by a look at the provider's list after all of it."""
    merged = replace(outcome, facts={**outcome.facts, "strays": asked}, debts=(*outcome.debts, *stray))
    if outcome.did is not Did.DONE or world.ports.issuer.guided or not (asked or stray or record.debts):
        return merged
    try:
        left = own_keys.still_listed(world, asked)
        rows = world.ports.issuer.strays(world.incident)
    except PortError as error:
        return replace(merged, debts=(*merged.debts, own_keys.unlisted(world, error)))
    lives = tuple(Debt("key-alive", one, f"{one} was expired, and Stripe lists it still", "expire it in the Dashboard") for one in left)
    gone = {debt.about for debt in stray} - {row.id for row in rows}
    return replace(merged, debts=(*merged.debts, *lives), paid=(*merged.paid, *own_keys.shown_paid(record, rows), *sorted(gone)))


def _untouched(world: World, record: Incident, old: Secret) -> Outcome:
    """Nothing of this incident is in use. Stores and services are looked at all the same, since others may have moved them."""
    known = record.facts.get("stores", {})
    stores = [store for store in world.ports.stores.values() if not store.guided and not known.get(str(store.ref), {}).get("left_out")]
    expected = Expected(old.fingerprint, record.facts["old"].get("id", ""))
    items = (
        *world.each(stores, lambda store: _as_found(store, known.get(str(store.ref), {}), old)),
        *service_health.look_at(world, world.services, expected),
    )
    moved = [item for item in items if item.did in (Did.FAILED, Did.UNKNOWN)]
    debts = (_alive(record), *(_not_on_the_old(world, item) for item in moved), *leave.in_custody(world, record))
    said = "nothing that was minted is in use, nothing has to be put back"
    said += "".join(f"; {item.name}: {item.said}" for item in moved)
    return Outcome(Did.DONE, said, items=items, debts=debts, paid=tuple(item.name for item in items if item.did is Did.DONE))


def _as_found(store: Store, known: StoreFacts, old: Secret) -> Item:
    name = str(store.ref)
    try:
        held = store.read()
    except PortError as error:
        return Item(name, Did.UNKNOWN, f"cannot be read: {error.what}")
    if unread.concerns(store) and held.version == known.get("before", {}).get("version"):
        return Item(name, Did.DONE, f"was not changed, by {unread.WEAKER}")
    if held.value == old:
        return Item(name, Did.DONE, "holds the old key")
    return Item(name, Did.FAILED, "does not hold the old key, and was not written by this incident: it was changed from outside")


def _not_on_the_old(world: World, item: Item) -> Debt:
    kind = "store-behind" if item.name in world.ports.stores else "service-behind"
    return Debt(kind, item.name, item.said, f"look at {item.name}: which key it should hold is for its owner to say")


def _services_back(world: World, facts: Facts, old: Secret) -> list[Item]:
    expected = Expected(old.fingerprint, facts["old"].get("id", ""))
    return world.each(world.services, lambda service: _bring_back(world, service.name, expected))


def _not_back(world: World, items: tuple[Item, ...]) -> Outcome | None:
    """The reason why the replacement must not die yet; None: everything is on the old key."""
    bad = [item for item in items if item.did not in (Did.DONE, Did.SKIPPED)]
    if not bad:
        return None
    todo = f"ir rollback {world.incident}"
    debts = tuple(Debt("service-behind", i.name, i.said, todo) for i in bad)
    said = "; ".join(f"{item.name}: {item.said}" for item in (*bad, *(item for item in items if not unread.is_shown(item))))
    return Outcome(Did.WAITING, f"not all of it went back, both keys live: {said}", unread.told(items), items, debts, todo=todo)


def _without_its_value(world: World, record: Incident, old: Secret) -> Outcome:
    """The replacement's value is in no store, so none has to be put back; the key itself is expired by its id, or by a person."""
    items = tuple(_services_back(world, record.facts, old))
    if still := _not_back(world, items):
        return still
    new, debts = record.facts["new"], [_alive(record)]
    try:
        ids = own_keys.expire_by_id(world, new)
        said = f"expired by its id {', '.join(ids)}" if ids else "no call can expire it without an id"
        lives = bool(own_keys.still_listed(world, ids)) or (not ids and world.ports.issuer.guided)
    except (PortError, Waiting) as error:
        said, lives = error.what, True
    if lives:
        name = new.get("id") or new["fingerprint"]
        debts.append(Debt("key-alive", new["fingerprint"], f"the replacement {name} lives: {said}", f"expire {name} in the Dashboard"))
    done = f"rolled back: stores and services are on the old key; the replacement, whose value is lost: {said}"
    paid = (*(item.name for item in items), *(() if lives else own_keys.names(new)))
    return Outcome(Did.DONE, done, {"rolled_back_at": world.now()}, items, tuple(debts), paid)


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Nothing was changed, so there is nothing to undo."""
    return Outcome(Did.SKIPPED, "nothing was changed")


def _forward_only(world: World, facts: Facts, liveness: Liveness) -> str:
    if not liveness.answers:
        return f"the old key answers {liveness.value}"
    if facts.get("containment") and not facts["containment"].get("undone"):
        return "the old key is contained"
    deadline = float(facts["old"].get("deadline", 0.0))
    if deadline and deadline - world.now() < _ROOM:
        return f"the old key runs out in {deadline - world.now():.0f} s"
    return ""


def _touched(facts: Facts, store: Store) -> bool:
    known = facts.get("stores", {}).get(str(store.ref), {})
    return not known.get("left_out") and not (store.guided and "after" not in known)


def _put_back(world: World, store: Store, old: Secret, new: Secret) -> Item:
    name = str(store.ref)
    if unread.concerns(store):
        return unread.undo(world, store, world.run.facts().get("stores", {}).get(name, {}), old, new)
    try:
        store.undo(world.incident, old, new)
    except (PortError, Waiting) as error:
        return Item(name, Did.FAILED, error.what)
    return Item(name, Did.DONE, "the old key was put back")


def _bring_back(world: World, name: str, expected: Expected) -> Item:
    service = next(s for s in world.services if s.name == name)
    item = service_health.look(world, service, expected)
    if item.did is Did.DONE and item.facts.get("proves") == "holds-key":
        return item
    try:
        world.ports.reloaders[name].reload()
    except PortError as error:
        return Item(name, Did.FAILED, error.what)
    return service_health.look(world, service, expected, patience=60.0)


def _kill_new(world: World, record: Incident, new: Secret, items: tuple[Item, ...]) -> Outcome:
    facts = record.facts
    debts, paid = [_alive(record)], tuple[str, ...]()
    key_id = facts["new"].get("id", "")
    try:
        said = world.ports.issuer.retire(Target(key_id, new, replacement=True), stop=world.run.stopping)
        debts += (unproven := _unproven(world, record, new))
        paid = () if unproven else own_keys.names(facts["new"])
    except Rejected as error:
        said = error.what
        if not facts.get("delivery", {}).get("refused"):  # it belongs to another endpoint, not to this incident
            debts.append(_replacement_lives(record, new, killed=world.ports.issuer.probe(world.old_key(facts)).liveness.dead))
    except (PortError, Waiting) as error:
        said = error.what
        debts.append(_replacement_lives(record, new, killed=False))
    strange = [item for item in items if not unread.is_shown(item)]
    debts += [_not_on_the_old(world, item) for item in strange]
    but = "".join(f"; {item.name}: {item.said}" for item in strange)
    return Outcome(
        Did.DONE,
        f"rolled back: stores and services are on the old key{but}; the replacement: {said}",
        {"rolled_back_at": world.now(), **unread.told(items)},
        items,
        tuple(debts),
        (*(item.name for item in items if item not in strange), *paid),
    )


def _unproven(world: World, record: Incident, new: Secret) -> list[Debt]:
    """Prove the replacement's death by the one rule, with the old key as control: it lives, or nothing would have gone back."""
    window = death.window_of(world)
    seen = death.watch(world, new, world.old_key(record.facts), window.at_once if world.ports.issuer.guided else window)
    if seen.proven:
        return []
    name = record.facts["new"].get("id") or new.fingerprint
    todo = f"look at its row in the Dashboard, and expire it if it is there; then: {debt_rules.again(record)}"
    return [Debt("key-unproven", new.fingerprint, f"the replacement {name} is not proven dead: {seen.said(world.key.kind)}", todo)]


def _replacement_lives(record: Incident, new: Secret, *, killed: bool) -> Debt:
    """The debt about a living replacement. `killed`: the old key died in its place, because the wrong row was clicked."""
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
