"""Preflight: look at the key, every store and every service, and refuse before anything changes."""

from dataclasses import replace
from typing import TypeVar

from ir.actions import delivery, leaked_key, own_keys, rights, same_value, store_check
from ir.actions.store_check import tried
from ir.core.errors import PortError, Unknown
from ir.core.model import Did, Item, Json, KeyKind, Liveness, Outcome, Policy
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident import approvers, debts, reversibility, service_health
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.inventory import Service
from ir.ports import Comparison, Expected, Held

T = TypeVar("T")


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Check everything that can be known in advance. A contain-first run is refused only by what containment itself needs.

    The same holds once a person has contained the key meanwhile: services are without it, and waiting would not give it back.
    A plan that works on the key alone has no business in stores and services: the first is read only for want of the key itself.
    """
    if world.plan.key_alone and world.keys.leaked is not None:
        return _looked(world, record, {}, [], [])
    world.hooks.say("looking at the stores")
    stores, _ = world.both(
        lambda: world.each(list(world.ports.stores.values()), lambda store: store_check.look(world, store, record.facts)),
        world.lookups.prepare,
    )
    held = {item.name: found for item, found in stores}
    services = [] if world.plan.key_alone else world.services
    return _looked(world, record, held, [item for item, _ in stores], services)


def _looked(world: World, record: Incident, held: dict[str, Held | None], items: list[Item], services: list[Service]) -> Outcome:
    facts: Json = {"stores": {item.name: item.facts for item in items}}
    old, trouble = leaked_key.of_adopted(world, record, held) if record.facts.get("adopted") else leaked_key.of_stores(world, record, held)
    if old is None:
        todo = "give the leaked key with --leaked-key-from prompt"
        others = [name for item in items for name in _unfinished(item.facts) if name]
        todo = f"{_adopt(world, record, others[0])}; or {todo}" if others else todo
        return Outcome(Did.REFUSED, trouble, facts, tuple(items), todo=todo)
    world.hooks.claim(old.fingerprint)
    world.keys.leaked = old
    world.hooks.say("looking at the key and the services")
    (probe, row, unlisted), (seen, found) = world.both(
        lambda: leaked_key.look(world, old),
        lambda: world.both(lambda: _look_at_services(world, services, record, old), lambda: _elsewhere(world, old)),
    )
    if row is not None and row.name.startswith(f"ir-{world.incident}-"):
        where = next((name for name, one in held.items() if one is not None and one.value == old), "the prompt")
        return own_keys.taken_for_leaked(record, where, row.id)
    facts["old"] = leaked_key.facts_of(world, old, probe, row, held)
    facts["old"]["found_in_store"] |= bool(record.facts.get("old", {}).get("found_in_store"))
    hard = leaked_key.problems(world, old, probe)
    dead = probe.liveness.dead
    looked_at = [_accepted(world, service, item, dead=dead) for service, item in zip(services, seen, strict=True)]
    items += looked_at if dead else _reloadable(world, services, looked_at)
    soft = [f"{item.name}: {item.said}" for item in items if item.did in (Did.FAILED, Did.UNKNOWN, Did.REFUSED)]
    if not dead:  # a service on a dead key is reported later, when the others are brought back
        also = same_value.items(world, found)
        items += also
        soft += same_value.problems(also)
    facts |= same_value.facts(found)
    soft += [
        said for row in world.plan.steps if (said := approvers.too_few(row.id, row.approvals, world.inventory.approvers, record.actor))
    ]
    seen_of_deliveries, unseen = delivery.before(world) if not record.facts.get("new") else ({}, [])
    facts |= seen_of_deliveries
    soft += (
        unlisted
        + unseen
        + ([] if record.facts.get("new") else leaked_key.mint_problems(world, old, row, listed=probe.liveness.answers and not unlisted))
    )
    facts["services"] = {item.name: _service_facts(world, item, old) for item in looked_at}
    facts["dead_on_arrival"] = dead
    outcome = _verdict(world, record, hard, soft, facts, items, probe.liveness)
    if outcome.did is Did.DONE:
        _note_trouble(facts, items)
    if outcome.did is Did.REFUSED and found.holders:
        return replace(outcome, todo=f"{same_value.fix(world, found)}; anything else: {outcome.todo}")
    return replace(outcome, said=outcome.said + same_value.not_compared(found.unread)) if outcome.did is Did.DONE else outcome


def _note_trouble(facts: Json, items: list[Item]) -> None:
    """Note a store whose trouble did not stop the run, so that custody does not wait for it."""
    for item in items:
        if item.name in facts["stores"] and item.did not in (Did.DONE, Did.SKIPPED):
            facts["stores"][item.name] = {**facts["stores"][item.name], "later": item.said}


def _elsewhere(world: World, old: Secret) -> Comparison:
    """Look for the value elsewhere; containment does not wait for it."""
    if world.plan.policy is Policy.EXPLOITED or world.plan.key_alone:
        return Comparison()
    return world.lookups.elsewhere_lately(old.fingerprint)


def _verdict(world: World, record: Incident, hard: list[str], soft: list[str], facts: Json, items: list[Item], seen: Liveness) -> Outcome:
    contained = reversibility.forward(record.facts)
    problems = hard if contained or world.plan.policy is Policy.EXPLOITED else hard + soft
    if problems:
        fix = "fix it, or accept it by name with --accept-unhealthy, --accept-unreachable, --accept-unverified or --accept-owner"
        others = [str(name) for item in items for name in _unfinished(item.facts) if name]
        if others or any(item.facts.get("pending") for item in items):
            lost = f"{_adopt(world, record, others[0])}; " if others else ""
            fix = f"an unfinished rotation: {lost}or give it up with --discard-pending REASON; anything else: {fix}"
        return Outcome(Did.REFUSED, "; ".join(problems), facts, tuple(items), todo=fix)
    if seen.dead:
        facts["warnings"] = soft
        return Outcome(
            Did.DONE,
            "the key is dead already: no overlap, no quiet, no kill; the services are brought back on a replacement",
            facts,
            tuple(items),
        )
    if soft:
        facts["warnings"] = soft
        said = f"{_answered(world, seen)}; {'it is contained' if contained else 'containment can begin'}; left for later: {'; '.join(soft)}"
        return Outcome(Did.DONE, said, facts, tuple(items))
    count = f"{counted(len(facts['stores']), 'store')}, {counted(len(facts['services']), 'service')}"
    return Outcome(Did.DONE, f"{_answered(world, seen)}, {count} looked at, no problem was found", facts, tuple(items))


def _answered(world: World, seen: Liveness) -> str:
    """The result of the look at the key, and no more."""
    if seen.answers:
        return "the key answers"
    if seen is Liveness.BLOCKED:
        return "no call tells whether the secret works" if world.key.kind is KeyKind.WEBHOOK else "the key is refused from this address"
    return "Stripe gave no answer about the key"


def _adopt(world: World, record: Incident, other: str) -> str:
    return f"if its machine is lost, {debts.again(record)} --policy {world.plan.policy.value} --adopt {other}"


def _unfinished(facts: Json) -> list[str]:
    """Incidents outside of this one's record that left something at a store."""
    return [*facts.get("unknown", []), facts.get("pending", {}).get("incident", "")]


# ── services ──


def _look_at_services(world: World, services: list[Service], record: Incident, old: Secret) -> list[Item]:
    """Each service holds the leaked key; where an earlier incident got half way, its replacement counts, too."""
    items = service_health.look_at(world, services, Expected(old.fingerprint, world.key.id))
    adopted = record.facts.get("adopted") and record.facts.get("new")
    others = (
        [service_health.expected_new(record.facts)] if adopted else [Expected(mark) for mark in sorted(leaked_key.half_way(record, old))]
    )
    for expected in others:
        rest = [s for s, item in zip(services, items, strict=True) if item.did is not Did.DONE]
        moved = {
            item.name: replace(item, facts={**item.facts, "holds": expected.fingerprint})
            for item in service_health.look_at(world, rest, expected)
            if item.did is Did.DONE
        }
        items = [moved.get(item.name, item) for item in items]
    return items


def _accepted(world: World, service: Service, item: Item, *, dead: bool) -> Item:
    unverified = world.options.accept_unverified.get(service.name)
    unhealthy = world.options.accept_unhealthy.get(service.name)
    if not service_health.provable(world, service) and not unverified and world.plan.policy is not Policy.EXPLOITED:
        said = "no check proves which key it holds (`up` alone does not count)"
        return Item(item.name, Did.REFUSED, said, item.facts)
    if item.did is Did.DONE:
        return item
    if dead:
        return Item(item.name, Did.SKIPPED, f"unhealthy, which the dead key explains: {item.said}", item.facts)
    if unhealthy:
        return Item(item.name, Did.SKIPPED, f"unhealthy, accepted ({unhealthy}): {item.said}", {**item.facts, "accepted": unhealthy})
    return Item(item.name, item.did, f"is unhealthy before we start: {item.said}", item.facts)


def _reloadable(world: World, services: list[Service], items: list[Item]) -> list[Item]:
    """Whether its reload can be called at all: otherwise it would be left behind. A missing answer is judged by the reload itself."""
    told = world.each(services, lambda service: tried(world.ports.reloaders[service.name].ready))
    return [
        replace(item, did=Did.REFUSED, said=f"its reload cannot be asked for: {why.what}")
        if item.did is Did.DONE and isinstance(why, PortError) and not isinstance(why, Unknown)
        else item
        for item, why in zip(items, told, strict=True)
    ]


def _service_facts(world: World, item: Item, old: Secret) -> Json:
    service = next(s for s in world.services if s.name == item.name)
    return {
        "wave": service.wave,
        "owner": service.owner,
        "store": world.store_of(service),
        "before": item.facts.get("holds", old.fingerprint) if item.did is Did.DONE else "",
        "healthy_before": item.did is Did.DONE,
        "accepted": {
            "unverified": world.options.accept_unverified.get(item.name, ""),
            "unhealthy": world.options.accept_unhealthy.get(item.name, ""),
        },
        **rights.lacked(item),
    }
