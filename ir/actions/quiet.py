"""Quiet: do *our* services still use the old key? Strangers' use never delays the kill; it speeds it.

Where no source shows who uses the key, a run that nothing presses (`required`) waits for a human's word; any other says so and goes on.
"""

from datetime import UTC, datetime

from ir.core.model import Did, Json, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident

_LOOK_EVERY = 2.0
_CLOCK_RESOLUTION = 1.0
"""Stripe's `last_used` counts whole seconds (facts, §1.3)."""
UNUSED, USED = "unused", "used"


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Watch the provider's `last_used` of the old key for a while; without one, ask a human or say that it was not checked."""
    facts = record.facts
    if "new" not in facts or facts.get("dead_on_arrival") or facts.get("containment"):
        return Outcome(Did.SKIPPED, "there is no overlap in which to listen")
    old, key_id = world.old_key(facts), facts["old"].get("id", "")
    first = world.issuer.identify(old, known_id=key_id) if key_id or not world.issuer.guided else None
    if first is not None and not first.active:
        return Outcome(Did.SKIPPED, "the old key is dead already, so nothing can use it", {"quiet": {"checked": False}})
    if first is None or not first.last_used:  # we asked with it ourselves: no time at all means that none is told
        if step.params["required"]:
            return _word(world, record)
        return Outcome(Did.SKIPPED, "not checked: no source shows who still uses the old key", {"quiet": {"checked": False}})
    world.say(f"listening for use of the old key for {step.params['for']:g} s")
    used = _listen(world, first.id, record, float(step.params["for"]), first.last_used)
    quiet: Json = {"checked": True, **({"used_at": used} if used else {})}
    if not used:
        return Outcome(Did.DONE, "no use of the old key was seen after the services moved", {"quiet": quiet})
    said = "the old key is still used, though every listed service was seen on the replacement: a stranger, or a consumer not listed"
    if step.params["required"]:
        todo = f"find the consumer, then: ir resume {world.incident}"
        return Outcome(Did.WAITING, said, {"quiet": quiet}, todo=todo)
    return Outcome(Did.DONE, said, {"quiet": quiet})


# ── a human's word ──


def _word(world: World, record: Incident) -> Outcome:
    """What somebody saw in the Dashboard: said at this terminal, or sent (`ir approve --unused`) about the verification that stands.

    The key is not probed here: that would be a use, and all that the Dashboard shows is the newest one.
    """
    word = _sent(record)
    if not word and world.operator.interactive:
        world.operator.tell(_where(world, record))
        if world.operator.choose("What does its `Last used` say?", (UNUSED, USED)) == UNUSED:
            word = {"by": world.operator.name, "reason": "looked at `Last used` in the Dashboard when asked"}
    if word:
        said = f"{word['by']} says that the old key is not used any more: {word['reason']}; attested, no source of ours shows it"
        return Outcome(Did.DONE, said, {"quiet": {"checked": False, "attested": word}})
    said = "no source shows whether the old key is still used, and nothing is urgent: it is not killed before a person has looked"
    todo = f"{_where(world, record)} Not used since: ir approve {world.incident} --unused REASON, then ir resume {world.incident}. "
    return Outcome(Did.WAITING, said, {"quiet": {"checked": False}}, todo=f"{todo}Used since: find the consumer first")


def _sent(record: Incident) -> Json:
    verified = record.run_of("verify")
    seen = verified.ended if verified else ""
    words = (s for s in reversed(record.signals) if s["kind"] == "approve" and s.get("unused") and s.get("seen") == seen)
    return next(({"by": s["by"], "reason": s["unused"]} for s in words), {})


def _where(world: World, record: Incident) -> str:
    at = datetime.fromtimestamp(_since(record), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    new = f"; the new one is ir-{world.incident}-{record.facts['new']['n']}"
    return f"In Stripe's Dashboard, under API keys, look at `Last used` of the old key (made before this run{new}): is it later than {at}?"


# ── the provider's own record ──


def _since(record: Incident) -> float:
    """Any use after this is not a listed service's, nor ours."""
    moved = max((s.get("moved_at", 0.0) for s in record.facts.get("services", {}).values()), default=0.0)
    own = float(record.facts.get("old", {}).get("probed_at", 0.0))
    return max(moved, own) + _CLOCK_RESOLUTION


def _listen(world: World, key_id: str, record: Incident, seconds: float, last_used: float) -> float:
    """The time of a use after the last wave (or during the wait) that was not told before; 0.0 when there was none."""
    old = world.old_key(record.facts)
    noted = float(record.facts.get("grace", {}).get("last_used", 0.0))
    baseline = max(noted or _since(record), float(record.facts.get("quiet", {}).get("used_at", 0.0)))
    until = world.elapsed() + seconds
    while True:
        if last_used > baseline:
            return last_used
        if world.elapsed() >= until or world.stopping():
            return 0.0
        world.clock.sleep(min(_LOOK_EVERY, max(until - world.elapsed(), 0.01)))
        row = world.issuer.identify(old, known_id=key_id)
        last_used = row.last_used if row else last_used
