"""Contain: take the leaked key away from strangers, in the order of least outage; seen, not believed.

Contained = a probe is refused where it answered before. How it is done depends on the issuer and the inventory (`reversibility`); a guided
rotation is the mint, too. What no later step of the plan does, containment does itself, afterwards: it proves a death, and looks at the
listed services.
"""

from collections.abc import Collection
from dataclasses import replace

from ir.actions import death, outage, successor
from ir.core.errors import PortError, Rejected, Unknown, Waiting
from ir.core.model import Debt, Did, Json, Liveness, Outcome
from ir.incident import folding
from ir.incident.context import World
from ir.incident.facts import Facts, Mint
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.incident.reversibility import Way
from ir.ports import Containment, Rotation, Target

_CALLS = 4
_BITES_WITHIN = 30.0
"""Seconds in which narrowing has to take effect: 1 to 1.5 s were measured (docs/stripe-facts.md, 1), and this leaves room."""


def prepare(world: World, record: Incident, step: Step) -> Json:
    """A rotation is a mint, so its name is fixed before it."""
    guided = successor.way_of(world, record) in (Way.ROTATION, Way.POLICY)
    return successor.fixed(world, record) if guided and "new" not in record.facts else {}


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Look, contain, and look until it takes effect; then do what no later step does."""
    return act(world, record, {step.action for step in world.plan.steps})


def act(world: World, record: Incident, later: Collection[str] = ()) -> Outcome:
    """As `run`, for the red button, which runs beside the incident's own process; `later`: actions that will follow here."""
    outcome = _contained(world, record)
    contained = outcome.did is Did.DONE or (outcome.did is Did.SKIPPED and outcome.facts)
    return _afterwards(world, record, outcome, later) if contained else outcome


def _contained(world: World, record: Incident) -> Outcome:
    facts = record.facts
    old = world.old_key(facts)
    before = world.ports.issuer.probe(old)
    seen = {"old": {"liveness": before.liveness.value, "probed_at": before.date}}
    unvalued = facts.get("rotation", {}).get("value") == "open" and "new" not in facts
    if facts.get("containment") and not before.liveness.answers and not unvalued:
        return Outcome(Did.DONE, "contained already", seen)
    if before.liveness.dead and (successor.way_of(world, record) is not Way.ROTATION or not _may_be_ours(facts)):
        return Outcome(Did.SKIPPED, "the key is dead already, there is nothing to contain", seen)
    world.hooks.say("taking the key away from strangers")
    rotation, custody = None, dict[str, Json]()
    mint: Mint = facts["mint"] if "name" in facts.get("mint", {}) else successor.fixed(world, record)["mint"]
    try:
        if "new" not in facts and not world.options.no_replacement:
            rotation, custody = successor.rotation(world, record, mint)
        done = _asked(world, record, rotation)
    except Waiting as error:
        return Outcome(Did.WAITING, error.told, {**custody, **_told(world, record)}, todo=error.next_step)
    except PortError as error:
        outcome = _uncontained(world, facts, error.what, error.next_step if isinstance(error, Rejected) else "")
        return replace(outcome, facts={**custody, **_told(world, record)})
    found, debts, paid = successor.after(world, record, done, mint)
    outcome = _bitten(world, facts, done, answered=before.liveness)
    merged: Json = dict(custody)
    for more in (found, outcome.facts):
        folding.merge(merged, more)
    return replace(outcome, facts=merged, debts=(*outcome.debts, *debts), paid=paid)


def _may_be_ours(facts: Facts) -> bool:
    """Whether a rotation that this incident guided may have killed the key: it died since it was first seen alive."""
    return bool(facts.get("rotation") or facts["old"].get("seen_alive")) and "new" not in facts


def _told(world: World, record: Incident) -> Json:
    """A person was told to rotate: from now on the key may have been rotated."""
    guided = successor.way_of(world, record) is Way.ROTATION
    return {"rotation": {"told_at": record.facts.get("rotation", {}).get("told_at", world.now())}} if guided else {}


def _asked(world: World, record: Incident, rotation: Rotation | None) -> Containment:
    """Contain, and repeat a call without an answer: narrowing twice equals narrowing once, so a dropped connection does not fail it."""
    target = Target(record.facts["old"].get("id", ""), world.old_key(record.facts))
    wanted = not world.options.no_replacement
    egress = tuple(str(network) for network in world.account.egress_ips) if wanted else ()
    for tried in range(1, _CALLS):
        try:
            return world.ports.issuer.contain(target, egress, rotation)
        except Unknown:
            world.ports.clock.sleep(float(tried))
    return world.ports.issuer.contain(target, egress, rotation)


def dry_run(world: World, record: Incident, step: Step) -> Outcome:
    """Say what would be done, and whether it could be undone."""
    way = successor.way_of(world, record)
    facts: Json = {"rotation": {"rehearsed": True}} if way is Way.ROTATION else {}
    end = "this cannot be undone" if way.kills else "this can be undone by hand"
    return Outcome(Did.SKIPPED, f"would {step.says}; {end}", facts)


def _bitten(world: World, facts: Facts, done: Containment, *, answered: Liveness) -> Outcome:
    before = list(done.before) or facts["old"].get("permissions", [])
    containment = {"how": done.how, "said": done.said, "before": before}
    until = world.elapsed() + _BITES_WITHIN
    while True:
        seen = world.ports.issuer.probe(world.old_key(facts)).liveness
        refused = seen in (Liveness.NARROW, Liveness.BLOCKED, Liveness.EXPIRED, Liveness.INVALID)
        if refused and (seen is not answered or done.how in ("rotated", "expired")):
            said = f"contained: {done.said}; a probe is now refused ({seen.value})"
            return Outcome(Did.DONE, said, {"containment": containment, "contained_at": world.now(), "old": {"liveness": seen.value}})
        if world.elapsed() >= until or done.how == "none":
            break
        world.ports.clock.sleep(0.25)
    if done.how == "narrowed" and answered is Liveness.NARROW:
        said = f"contained: {done.said}; the probe was refused before, too, so it does not show"
        return Outcome(Did.DONE, said, {"containment": containment, "contained_at": world.now(), "old": {"liveness": seen.value}})
    if done.how == "policy" and seen is answered:
        said = f"{done.said}; from this machine the key answers as before, so the policy cannot be seen to bite from here"
        return Outcome(Did.DONE, said, {"containment": {**containment, "unseen": True}, "contained_at": world.now()})
    outcome = _uncontained(world, facts, f"{done.said}, but a probe is still answered as before ({seen.value})")
    return replace(outcome, facts={} if done.how == "none" else {"containment": containment})


def _uncontained(world: World, facts: Facts, why: str, todo: str = "") -> Outcome:
    debt = Debt("key-alive", facts["old"]["fingerprint"], f"not contained: {why}", todo or f"ir contain {world.incident}")
    return Outcome(Did.FAILED, f"not contained: {why}", debts=(debt,), todo=debt.todo)


# ── afterwards ──


def _afterwards(world: World, record: Incident, outcome: Outcome, later: Collection[str]) -> Outcome:
    """Look at services and death after the containment, never before or instead; a plan that goes on to a rotation does it there."""
    now = Incident(record.id, opened=record.opened, facts={}, debts=record.debts)
    folding.merge(now.facts, record.facts)
    folding.merge(now.facts, outcome.facts)
    (proof, looked) = world.both(
        lambda: None if "prove" in later else _proven(world, now), lambda: None if "wave" in later else outage.look(world, now)
    )
    for more in filter(None, (proof, looked)):
        merged = dict(outcome.facts)
        folding.merge(merged, more.facts)
        outcome = replace(
            outcome,
            said=f"{outcome.said}; {more.said}",
            facts=merged,
            items=(*outcome.items, *more.items),
            debts=(*outcome.debts, *more.debts),
            paid=(*outcome.paid, *more.paid),
        )
    return _still_dead(world, now, outcome) if proof is not None and proof.facts.get("dead_at") else outcome


def _still_dead(world: World, now: Incident, outcome: Outcome) -> Outcome:
    """The proof with one more look at the key, after everything else."""
    back = death.came_back(world, now)
    if back is None:
        return outcome
    facts: Json = dict(outcome.facts)
    folding.merge(facts, back.facts)
    paid = tuple(about for about in outcome.paid if about not in {debt.about for debt in back.debts})
    return replace(outcome, said=f"{outcome.said}; {back.said}", facts=facts, debts=(*outcome.debts, *back.debts), paid=paid)


def _proven(world: World, now: Incident) -> Outcome | None:
    """The death of the old key, where the containment killed it; and of a key whose value was lost, what a person says."""
    facts, mark = now.facts, now.facts["old"]["fingerprint"]
    if not Liveness(facts["old"].get("liveness", Liveness.UNKNOWN)).dead:
        return None
    attested, expired = successor.lost(world, now)
    if facts.get("proof"):  # the death of the old key was seen before
        said = f"{world.ports.operator.name} says that the key whose value was lost is expired"
        return Outcome(Did.DONE, said, attested, paid=expired) if expired else None
    old, control = world.old_key(facts), death.other_control(world, now, world.old_key(facts))
    known = bool(facts["old"].get("seen_alive") or facts["old"].get("found_in_store"))
    if control is None:
        why = death.NO_CONTROL
    else:
        window = death.window_of(world)
        seen = death.watch(world, old, control, replace(window, limit=window.seconds), known=known)
        if seen.proven:
            found: Json = {"proof": seen.proof(control), "dead_at": seen.began, "old": {"liveness": seen.last.value}, **attested}
            return Outcome(Did.DONE, seen.said(world.key.kind), found, paid=(mark, *expired))
        why = seen.said(world.key.kind)
    debt = Debt("key-unproven", mark, f"not proven dead: {why}", f"ir resume {world.incident} looks again")
    return Outcome(Did.DONE, debt.why, attested, debts=(debt,), paid=expired)
