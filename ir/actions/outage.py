"""The outage that containment makes (no action of its own): look at the listed services after it, for at most half a minute.

Never before it, and never instead. A check without consent is not run here: its service is named as not looked at.
"""

from ir.actions import same_value
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Item, Json, Outcome
from ir.incident import debts as debt_rules
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.facts import ServiceFacts
from ir.incident.record import Incident
from ir.inventory import Service
from ir.inventory.consent import of_check
from ir.ports import Comparison, Expected

AT_MOST = 30.0
"""Seconds for all services together."""


def look(world: World, record: Incident) -> Outcome | None:
    """Each listed service: on the replacement, on the leaked key, failing, or not looked at. None: none is listed."""
    world.hooks.say("looking at the services, and where else the key lies")
    items, found = world.both(
        lambda: world.each(world.services, lambda service: _look(world, record, service)),
        lambda: world.lookups.elsewhere(record.facts["old"]["fingerprint"]) if _cut(record) else Comparison(),
    )
    others = same_value.items(world, found)
    if not items and not others:
        return None
    failing = [item for item in items if item.did is not Did.DONE]
    todo = debt_rules.roll_out(record) if world.plan.key_alone else f"ir resume {world.incident}"
    debts = tuple(Debt("service-behind", item.name, f"{item.name} {item.said}", todo) for item in failing)
    facts: Json = {"services": {item.name: _facts(world, item, record.facts.get("services", {}).get(item.name, {})) for item in items}}
    said = f"{len(items) - len(failing)} of {len(items)} listed services were seen to work"
    if failing:
        why = (
            "an outage that is expected, since containment took the key from them, too" if _cut(record) else "though the policy spares them"
        )
        said += f"; not: {', '.join(item.name for item in failing)} ({why})"
    if same_value.problems(others):
        said += f"; on the key, too, and moved by no plan of it: {', '.join(item.name for item in others if item.did is Did.FAILED)}"
    paid = (*(item.name for item in items if item.did is Did.DONE), *same_value.gone(record, found))
    every = (*items, *others)
    return Outcome(Did.DONE, said, {**facts, **same_value.facts(found)}, every, (*debts, *same_value.debts(world, others)), paid)


def _look(world: World, record: Incident, service: Service) -> Item:
    """Look at one service. One that works on a key that we alone hold counts as working; all that is said follows from this look."""
    facts, cut = record.facts, _cut(record)
    unagreed = _unagreed(world, service)
    if not world.ports.verifiers.get(service.name):
        why = f"not looked at: nobody agreed to {', '.join(unagreed)}" if unagreed else "not looked at: it has no check"
        return Item(service.name, Did.UNKNOWN, why + ("; the key that it is listed with works no more" if cut else ""))
    partly = f" (not looked at, since nobody agreed to it: {', '.join(unagreed)})" if unagreed else ""
    new = service_health.expected_new(facts) if "new" in facts else None
    if new is not None and (item := _within(world, service, new)).did is Did.DONE and item.facts["proves"] in service_health.PROOFS:
        return Item(item.name, Did.DONE, f"holds the replacement{partly}", {"holds": new.fingerprint})
    item = _within(world, service, Expected(facts["old"]["fingerprint"], world.key.id))
    if item.did is Did.DONE and cut:
        on = "is on the leaked key, which works no more"
        return Item(item.name, Did.FAILED, on + partly, {"holds": facts["old"]["fingerprint"]})
    if item.did is Did.DONE:
        return Item(item.name, Did.DONE, f"works{partly}", {"holds": facts["old"]["fingerprint"]})
    return Item(item.name, item.did, f"{item.said or 'gave no answer'}{partly}")


def _within(world: World, service: Service, expected: Expected) -> Item:
    try:
        return world.within(AT_MOST / 2, lambda: service_health.look(world, service, expected))
    except TimeoutError:
        return Item(service.name, Did.UNKNOWN, f"gave no answer within {AT_MOST / 2:g} s")
    except PortError as error:
        return Item(service.name, Did.UNKNOWN, error.what)


def _unagreed(world: World, service: Service) -> list[str]:
    places = {place for row in service.verify for place in of_check(world.inventory, row)}
    return sorted(places & set(world.options.unagreed))


def _cut(record: Incident) -> bool:
    """Whether our own services lost the key, too."""
    return bool(record.facts.get("containment", {}).get("how", "expired") != "policy")


def _facts(world: World, item: Item, known: ServiceFacts) -> Json:
    service = next(one for one in world.services if one.name == item.name)
    moved = item.did is Did.DONE and item.said.startswith("holds the replacement")
    row: Json = {"wave": service.wave, "owner": service.owner, "store": world.store_of(service)}
    if moved and known.get("moved_at") and known.get("after") == item.facts["holds"]:
        return row  # it has had the replacement since before the key was contained
    return {**row, "before": item.facts.get("holds", "")} if not moved else {**row, "after": item.facts["holds"], "moved_at": world.now()}
