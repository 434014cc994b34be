"""Prove: poll the old key until it is dead by the one rule (`death`), and find other living keys of ours."""

from ir.actions import death, earlier_keys, own_keys, successor
from ir.actions.death import DeathWatch, PollWindow
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, Outcome
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.facts import Facts
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """`done` with the proof, or `failed` with the debt that stays until it is proven."""
    facts = record.facts
    try:
        old, control = world.old_key(facts), death.control_of(world, record)
    except PortError as error:
        return unproven(world, facts, error.what + (f" ({error.next_step})" if error.next_step else ""))
    if control is None:
        return unproven(world, facts, death.NO_CONTROL)
    world.hooks.say("polling the old key until it is proven dead")
    known = bool(facts["old"].get("seen_alive") or facts["old"].get("found_in_store"))
    window = PollWindow(float(step.params["window"]), float(step.params["limit"]), float(step.params["every"]))
    with world.hooks.resting(window.seconds):
        seen = death.watch(world, old, control, window, known=known)
    return _proven(world, record, seen, control) if seen.proven else unproven(world, facts, seen.said(world.key.kind))


def _strays(world: World, record: Incident) -> tuple[tuple[Debt, ...], tuple[str, ...]]:
    """Keys of our name and of earlier incidents', other than the replacement: the living ones, and the debts about dead ones."""
    facts = record.facts
    try:
        rows = own_keys.others(world, facts)
    except PortError as error:
        return (own_keys.unlisted(world, error),), ()
    why = "a key that an unanswered mint left behind"
    debts = tuple(Debt("key-alive", row.id, why, f"ir resume {world.incident}") for row in rows)
    before, named = earlier_keys.alive(world, record)
    return (*debts, *named), own_keys.shown_paid(record, (*rows, *before))


def _pasted_and_dead(world: World, record: Incident) -> tuple[str, ...]:
    """Fingerprints of keys that were pasted, not taken, and are dead by now."""
    marks = list(record.facts.get("seen", {}))
    keys = [world.ports.custody.fetch(f"seen-{mark}") if world.ports.custody.possible else None for mark in marks]
    proven = world.each(keys, lambda key: key is not None and death.is_proven(world, record, key))
    return tuple(mark for mark, dead in zip(marks, proven, strict=True) if dead)


def _proven(world: World, record: Incident, seen: DeathWatch, control: Secret) -> Outcome:
    facts = record.facts
    found: Json = {"proof": seen.proof(control), "dead_at": seen.began, "old": {"liveness": seen.last.value}}
    if "new" in facts:
        found["new"] = {"probed_at": seen.control_at}  # our own use of it: checks of use count from here
    strays, gone = _strays(world, record)
    lost, expired = successor.lost(world, record)
    works = [name for name in (facts.get("new", {}).get("id"), facts.get("new", {}).get("fingerprint")) if name]  # it was the control key
    paid = (*_pasted_and_dead(world, record), facts["old"]["fingerprint"], *gone, *works, *expired)
    return Outcome(Did.DONE, seen.said(world.key.kind), {**found, **lost}, debts=strays, paid=paid)


def unproven(world: World, facts: Facts, why: str) -> Outcome:
    """The debt until the death of the old key is proven."""
    debt = Debt("key-unproven", facts["old"]["fingerprint"], why, f"ir resume {world.incident} looks again")
    return Outcome(Did.FAILED, f"not proven dead: {why}", debts=(debt,), todo=debt.todo)
