"""Watch: look at services and stores after the kill; what fails now is a missed consumer or fell back. Then one more look at the old key.

The last look is the one that the end is told by, so what gave no answer to it is looked at again, and is a debt when it stays silent.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from ir.actions import death, rights, store_check, unread
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Item, Json, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.facts import StoreFacts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Expected, Store

_LOOK_EVERY = 5.0
_SILENT = 10.0
"""Seconds for which a place without an answer at the end is looked at again."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Watch that all listed services stay on the replacement for a while, and that the old key stays dead."""
    with world.hooks.resting(float(step.params["for"])):
        outcome = _watched_for(world, record, step)
    if not record.facts.get("dead_at"):
        return outcome
    back = death.came_back(world, record)
    if back is None:
        return outcome
    said = f"{outcome.said}; {back.said}"
    return replace(
        back, said=said, facts={**outcome.facts, **back.facts}, items=outcome.items, debts=(*outcome.debts, *back.debts), paid=outcome.paid
    )


def _watched_for(world: World, record: Incident, step: Step) -> Outcome:
    """Watch for the whole time, also without services: a dead key may come back."""
    until = world.elapsed() + float(step.params["for"])
    outcome = _watched(world, record, step)
    while record.facts.get("dead_at") and world.elapsed() < until and not world.run.stopping():
        world.ports.clock.sleep(min(_LOOK_EVERY, max(until - world.elapsed(), 0.01)))
    return outcome


def _watched(world: World, record: Incident, step: Step) -> Outcome:
    if "new" not in record.facts or not world.services:
        return Outcome(Did.SKIPPED, "there is no service to watch")
    expected, until = service_health.expected_new(record.facts), world.elapsed() + float(step.params["for"])
    world.hooks.say(f"watching the services for {step.params['for']:g} s")
    while True:
        last = world.elapsed() >= until or world.run.stopping()
        looked_at = list(world.ports.stores.values()) if last else []
        items, stores = world.both(
            lambda: service_health.look_at(world, world.services, expected), partial(_stores, world, record, looked_at)
        )
        if last:
            break
        world.ports.clock.sleep(min(_LOOK_EVERY, max(until - world.elapsed(), 0.01)))
    items = [*_heard(world, items, expected), *stores]
    bad = [item for item in items if item.did in (Did.FAILED, Did.UNKNOWN) and item.name not in world.options.accept_unhealthy]
    lacking = rights.missing(world, record, items)
    facts: Json = {"watch": {"until": world.now(), "failing": [item.name for item in bad]}, **unread.told(items), **lacking.facts}
    paid = (*(item.name for item in items if item.did is Did.DONE), *lacking.paid)  # only what was just seen
    if bad or lacking.told_by:
        debts = (*(_debt(world, item) for item in bad), *lacking.debts, *lacking.still_to_do(world.incident))
        said = "; ".join(filter(None, [*(f"{i.name}: {i.said}" for i in bad), lacking.said]))
        return Outcome(Did.FAILED, said, facts, (*items, *lacking.items()), debts, paid)
    stayed = sum(item.did is Did.DONE and item.name not in world.ports.stores for item in items)
    return Outcome(Did.DONE, f"{counted(stayed, 'service')} stayed on the replacement", facts, tuple(items), lacking.debts, paid)


def _heard(world: World, items: list[Item], expected: Expected) -> list[Item]:
    """The services as they were seen; for those without an answer, the last look counts."""
    silent = [service for service in world.services if any(item.name == service.name and item.did is Did.UNKNOWN for item in items)]
    again = {item.name: item for item in service_health.look_at(world, silent, expected, patience=_SILENT)}
    return [again.get(item.name, item) for item in items]


def _stores(world: World, record: Incident, stores: list[Store]) -> list[Item]:
    """A store that was put back since then would give the dead key to the next service that restarts."""
    known = record.facts.get("stores", {})
    new = world.new_key(record.facts)
    asked = [store for store in stores if not store.guided and not known.get(str(store.ref), {}).get("left_out")]
    return world.each(asked, lambda store: _reread(world, store, new, known.get(str(store.ref), {})))


def _reread(world: World, store: Store, new: Secret, known: StoreFacts) -> Item:
    """The store as it is now; one that cannot be read is asked again for a while, unless a signal arrives."""
    until, item = world.elapsed() + _SILENT, _seen(store, new, known)
    while item.did is Did.UNKNOWN and world.elapsed() < until and not world.run.stopping():
        world.ports.clock.sleep(1.0)
        item = _seen(store, new, known)
    return item


def _seen(store: Store, new: Secret, known: StoreFacts) -> Item:
    name = str(store.ref)
    if unread.concerns(store):
        return unread.at_the_end(store, known, new)
    try:
        held = store.read()
        ends_at = store.ends_at(held) if held.value == new else 0.0
    except PortError as error:
        return Item(name, Did.UNKNOWN, f"cannot be read since the old key died: {error.what}")
    if ends_at:
        at = datetime.fromtimestamp(ends_at, UTC).isoformat(timespec="minutes")
        how = "deletes that version by itself" if held.until else "is deleted by itself"
        return Item(name, Did.FAILED, f"holds the replacement, and {how} at {at}: lift the timer{' and write it again' * bool(held.until)}")
    if held.value == new:
        return Item(name, Did.DONE, "holds the replacement")
    return Item(name, Did.FAILED, store_check.another_value(known))


def _debt(world: World, item: Item) -> Debt:
    kind = "store-behind" if item.name in world.ports.stores else "service-behind"
    todo = unread.word(world.incident, item.name) if item.said == unread.BY_HAND else f"fix {item.name}, then: ir resume {world.incident}"
    return Debt(kind, item.name, item.said, todo)
