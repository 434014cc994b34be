"""Contain: take the leaked key away from strangers, in the order of least outage; seen, not believed.

Contained = a probe is refused where it answered before.
"""

from ir.core.errors import PortError, Rejected, Unknown, Waiting
from ir.core.model import Debt, Did, Json, Liveness, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Containment, Target

_CALLS = 4
_BITES_WITHIN = 30.0
"""Narrowing was measured to bite in 1 to 1.5 s (facts, §1.5); this leaves room."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Look, contain, look until it bites."""
    facts = record.facts
    old = world.old_key(facts)
    before = world.issuer.probe(old)
    if before.liveness.dead:
        return Outcome(Did.SKIPPED, "the key is dead already, there is nothing to contain", _seen(before.liveness, world))
    if facts.get("containment") and not before.liveness.answers:
        return Outcome(Did.DONE, "contained already", _seen(before.liveness, world))
    egress = tuple(str(network) for network in world.account.egress_ips)
    world.say("taking the key away from strangers")
    try:
        done = _asked(world, Target(facts["old"].get("id", ""), old), egress)
    except Waiting as error:
        return Outcome(Did.WAITING, error.told, todo=error.next_step)
    except PortError as error:
        return _uncontained(world, facts, error.what, error.next_step if isinstance(error, Rejected) else "")
    return _bitten(world, facts, done, answered=before.liveness)


def _asked(world: World, target: Target, egress: tuple[str, ...]) -> Containment:
    """Narrowing twice is narrowing once, so a call without an answer is made again: containment does not fail on a torn line."""
    for tried in range(1, _CALLS):
        try:
            return world.issuer.contain(target, egress)
        except Unknown:
            world.clock.sleep(float(tried))
    return world.issuer.contain(target, egress)


def rehearse(world: World, record: Incident, step: Step) -> Outcome:
    """What would be done."""
    how = "guide you to an access policy or a rotation in the Dashboard" if world.issuer.guided else "narrow the key's permissions"
    return Outcome(Did.SKIPPED, f"would {how}; services on the old key fail from then on")


def _bitten(world: World, facts: Json, done: Containment, *, answered: Liveness) -> Outcome:
    before = list(done.before) or facts["old"].get("permissions", [])
    containment = {"how": done.how, "said": done.said, "before": before}
    until = world.elapsed() + _BITES_WITHIN
    while True:
        seen = world.issuer.probe(world.old_key(facts)).liveness
        if seen in (Liveness.NARROW, Liveness.BLOCKED, Liveness.EXPIRED, Liveness.INVALID) and seen is not answered:
            said = f"contained: {done.said}; a probe is now refused ({seen.value})"
            return Outcome(Did.DONE, said, {"containment": containment, "contained_at": world.now(), "old": {"liveness": seen.value}})
        if world.elapsed() >= until:
            break
        world.clock.sleep(0.25)
    if done.how == "narrowed" and answered is Liveness.NARROW:
        said = f"contained: {done.said}; the probe was refused before, too, so it does not show"
        return Outcome(Did.DONE, said, {"containment": containment, "contained_at": world.now(), "old": {"liveness": seen.value}})
    if done.how == "policy" and seen is answered:
        said = f"{done.said}; from this machine the key answers as before, so the policy cannot be seen to bite from here"
        return Outcome(Did.DONE, said, {"containment": {**containment, "unseen": True}, "contained_at": world.now()})
    outcome = _uncontained(world, facts, f"{done.said}, but a probe is still answered as before ({seen.value})")
    return Outcome(outcome.did, outcome.said, {"containment": containment}, debts=outcome.debts, todo=outcome.todo)


def _seen(liveness: Liveness, world: World) -> Json:
    return {"old": {"liveness": liveness.value, "probed_at": world.now()}}


def _uncontained(world: World, facts: Json, why: str, todo: str = "") -> Outcome:
    debt = Debt("key-alive", facts["old"]["fingerprint"], f"not contained: {why}", todo or f"ir contain {world.incident}")
    return Outcome(Did.FAILED, f"not contained: {why}", debts=(debt,), todo=debt.todo)
