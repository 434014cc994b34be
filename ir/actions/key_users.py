"""Tell who used the old key after all services had moved (no action of its own): by the listed services and our logs.

A use of ours stops before the kill, and is named: a program that pays with it would fail. A stranger's never delays it. Where Stripe's
`last_used` moves and nothing tells whose use it was, the policy decides: see `unknown`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ir.actions import last_use, review
from ir.core.durations import spoken
from ir.core.errors import IrError
from ir.core.model import Debt, Did, Json, KeyKind, Outcome
from ir.incident import reversibility, service_health
from ir.incident.context import World
from ir.incident.record import Incident
from ir.ports import Expected, KeyUse

KILL, WAIT = "kill it", "wait"
_LOGS_WITHIN = 20.0
"""Seconds in which the ends of the logs have to be read."""
_EVERY = 2.0
_SHOWN = 5


@dataclass(frozen=True)
class Users:
    """The users of the old key: in words, and only names."""

    ours: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()

    def facts(self) -> Json:
        """The facts to record."""
        return {"users": {"ours": list(self.ours), "strangers": list(self.strangers)}}


def look(world: World, record: Incident, skew: float) -> Users:
    """Everything that can be told now, side by side. `skew`: seconds by which our clock is ahead of Stripe's."""
    if world.key.kind is KeyKind.WEBHOOK:
        return Users()  # a service may accept both secrets, and no log names one
    mark = record.facts["old"]["fingerprint"]
    (services, found), uses = world.both(
        lambda: world.both(lambda: _back_on_it(world, record), lambda: world.lookups.elsewhere(mark)), lambda: _logged(world, record, skew)
    )
    services += [holder.name for holder in found.holders if holder.kind == "service"]
    options = world.options
    left = {*options.accept_unhealthy, *options.accept_unverified}
    told = [f"service {name}" for name in dict.fromkeys(services) if name not in left]
    told += [use.who for use in uses if use.ours]
    return Users(_first(told), _first([use.who for use in uses if not use.ours]))


def _back_on_it(world: World, record: Incident) -> list[str]:
    """Services of the plan that show the old key and not the replacement. A check that any key passes shows nothing."""
    old = record.facts["old"]
    seen = service_health.look_at(world, world.services, Expected(old["fingerprint"], old.get("id", "")))
    names = {item.name for item in seen if item.did is Did.DONE and item.facts.get("proves") == "holds-key"}
    doubtful = [service for service in world.services if service.name in names]
    now = service_health.look_at(world, doubtful, service_health.expected_new(record.facts))
    return [item.name for item in now if item.did is Did.FAILED]


def _first(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:_SHOWN]


def _logged(world: World, record: Incident, skew: float) -> list[KeyUse]:
    """Uses in logs after the last move; our own logs by our clock, all others by Stripe's."""
    if not (world.account.egress or world.account.logs):
        return []
    moved = max((float(row.get("moved_at", 0.0)) for row in record.facts.get("services", {}).values()), default=0.0)
    if not moved:
        return []
    ours, stripes = moved + last_use.RESOLUTION, moved - skew + last_use.RESOLUTION
    asked = review.request(world, record)
    try:
        uses = world.within(_LOGS_WITHIN, lambda: world.ports.reviewer.users(asked, min(ours, stripes), world.hooks.say))
    except (IrError, TimeoutError):
        return []
    return [use for use in uses if use.at > (ours if use.by_us else stripes)]


def ours(world: World, found: Users) -> Outcome | None:
    """The outcome when a program of ours uses the old key, which then must not die; None: no such use was seen."""
    if not found.ours:
        return None
    said = f"the old key is still used by what looks like ours: {', '.join(found.ours)}; it is not killed, both keys live"
    todo = f"give them the replacement, then: ir resume {world.incident}; or go back: ir rollback {world.incident}"
    return Outcome(Did.WAITING, said, {"quiet": found.facts()}, todo=todo)


def logged(world: World, record: Incident, seconds: float, skew: float) -> Outcome | None:
    """Uses in logs over the next seconds, where Stripe shows none; None: no use of ours, or no logs."""
    if not (world.account.egress or world.account.logs):
        return None  # the last look at services comes before the kill in any case
    world.hooks.say(f"waiting {seconds:g} s for what logs tell of the old key")
    with world.hooks.resting(seconds):
        until = world.elapsed() + seconds
        while world.elapsed() < until and not world.run.stopping():
            world.ports.clock.sleep(min(_EVERY, max(until - world.elapsed(), 0.01)))
    return ours(world, look(world, record, skew))


def judged(world: World, record: Incident, quiet: Json, skew: float, *, required: bool) -> Outcome:
    """The meaning of a use that Stripe's own record shows."""
    found = look(world, record, skew)
    facts = {**quiet, "quiet": {**quiet["quiet"], **found.facts()}}
    if (stopped := ours(world, found)) is not None:
        return Outcome(stopped.did, stopped.said, facts, todo=stopped.todo)
    if found.strangers:
        said = f"the old key is used by strangers ({', '.join(found.strangers)}): that never delays its death"
        return Outcome(Did.DONE, said, facts)
    return unknown(world, record, facts, skew, required=required)


def unknown(world: World, record: Incident, facts: Json, skew: float, *, required: bool) -> Outcome:
    """The outcome when the user cannot be told: an unhurried run waits; else a person is asked, and without one the budget ends it."""
    said = "the old key is still used, though every listed service was seen on the replacement: a stranger, or a consumer not listed"
    todo = f"find the consumer, then: ir resume {world.incident}; to kill it now all the same: ir contain {world.incident}"
    if required:
        return Outcome(Did.WAITING, said, facts, todo=todo)
    if world.ports.operator.interactive:
        world.ports.operator.tell(f"{said[:1].upper()}{said[1:]}. Nothing tells which. While it lives, a thief has it, too.")
        if world.ports.operator.choose("Kill it, or wait?", (KILL, WAIT)) == WAIT:
            return Outcome(Did.WAITING, said, facts, todo=todo)
        return Outcome(Did.DONE, f"{said}; {world.ports.operator.name} lets it die all the same", facts)
    return _until_the_budget_ends(world, record, said, facts, skew, todo)


def _until_the_budget_ends(world: World, record: Incident, said: str, facts: Json, skew: float, todo: str) -> Outcome:
    until = float(record.facts.get("opened_at", 0.0)) + reversibility.OVERLAP_BUDGET
    left = until - world.now()
    if left > 0 and not world.run.patient:
        return Outcome(Did.WAITING, f"{said}; both keys live for at most another {spoken(left)}", {**facts, "wake_at": until}, todo=todo)
    if left > 0:
        world.hooks.say(f"WARNING: {said}; nobody is here to ask, so both keys live for at most another {spoken(left)}; {todo}")
    while world.now() < until:
        if world.run.stopping():
            return Outcome(Did.SKIPPED, f"{said}; the wait was cut short by a signal", facts)
        world.ports.clock.sleep(min(_EVERY, max(until - world.now(), 0.01)))
    if left > 0 and (stopped := ours(world, look(world, record, skew))) is not None:
        return stopped
    why = (
        "the old key was used after every listed service had moved, and nothing tells by whom: if it was a consumer of ours, that fails now"
    )
    find = f"look who is refused now (401s of the old key in its request log), then: ir close {world.incident} --attest REASON --by NAME"
    debt = Debt("unknown-use", f"use of {record.facts['old']['fingerprint']}", why, find)
    return Outcome(Did.DONE, f"{said}; the overlap's budget is over, so it dies all the same", facts, debts=(debt,))
