"""Quiet: do *our* services still use the old key? Strangers' use never delays the kill; it speeds it."""

from ir.incident import Incident
from ir.model import Did, Json, Outcome
from ir.plan import Step
from ir.world import World

_LOOK_EVERY = 2.0
_CLOCK_RESOLUTION = 1.0
"""Stripe's `last_used` counts whole seconds (facts, §1.3)."""


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Watch the provider's `last_used` of the old key for a while; without one, say that it was not checked."""
    facts = record.facts
    if "new" not in facts or facts.get("dead_on_arrival") or facts.get("containment"):
        return Outcome(Did.SKIPPED, "there is no overlap in which to listen")
    old, key_id = world.old_key(facts), facts["old"].get("id", "")
    first = world.issuer.identify(old, known_id=key_id) if key_id or not world.issuer.guided else None
    if first is not None and not first.active:
        return Outcome(Did.SKIPPED, "the old key is dead already, nobody can use it", {"quiet": {"checked": False}})
    if first is None or not first.last_used:  # we asked with it ourselves: no time at all means that none is told
        return Outcome(Did.SKIPPED, "not checked: no source shows who still uses the old key", {"quiet": {"checked": False}})
    world.say(f"listening for use of the old key for {step.params['for']:g} s")
    used = _listen(world, first.id, record, float(step.params["for"]), first.last_used)
    quiet: Json = {"checked": True, **({"used_at": used} if used else {})}
    if not used:
        return Outcome(Did.DONE, "nobody used the old key after the services moved", {"quiet": quiet})
    said = "the old key is still used, though every listed service was seen on the replacement: a stranger, or a consumer not listed"
    if step.params["required"]:
        todo = f"find the consumer, then: ir resume {world.incident}"
        return Outcome(Did.WAITING, said, {"quiet": quiet}, todo=todo)
    return Outcome(Did.DONE, said, {"quiet": quiet})


def _listen(world: World, key_id: str, record: Incident, seconds: float, last_used: float) -> float:
    """The time of a use after the last wave (or during the wait) that was not told before; 0.0 when there was none."""
    old = world.old_key(record.facts)
    moved = max((s.get("moved_at", 0.0) for s in record.facts.get("services", {}).values()), default=0.0)
    own = float(record.facts.get("old", {}).get("probed_at", 0.0))
    told = float(record.facts.get("quiet", {}).get("used_at", 0.0))
    baseline = max(max(moved, own) + _CLOCK_RESOLUTION, told)
    until = world.elapsed() + seconds
    while True:
        if last_used > baseline:
            return last_used
        if world.elapsed() >= until or world.stopping():
            return 0.0
        world.clock.sleep(min(_LOOK_EVERY, max(until - world.elapsed(), 0.01)))
        row = world.issuer.identify(old, known_id=key_id)
        last_used = row.last_used if row else last_used
