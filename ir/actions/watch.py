"""Watch: look at the services after the kill; who fails now is a missed consumer or fell back."""

from ir import health
from ir.incident import Incident
from ir.model import Debt, Did, Outcome
from ir.plan import Step
from ir.world import World

_LOOK_EVERY = 5.0


def run(world: World, record: Incident, step: Step) -> Outcome:
    """All listed services stay on the replacement for a while."""
    if "new" not in record.facts or not world.services:
        return Outcome(Did.SKIPPED, "there is no service to watch")
    expected, until = health.expected_new(record.facts), world.now() + float(step.params["for"])
    world.say(f"watching the services for {step.params['for']:g} s")
    while True:
        items = health.look_at(world, world.services, expected)
        bad = [item for item in items if item.did is Did.FAILED and item.name not in world.options.accept_unhealthy]
        if world.now() >= until or world.stopping():
            break
        world.clock.sleep(min(_LOOK_EVERY, max(until - world.now(), 0.01)))
    facts = {"watch": {"until": world.now(), "failing": [item.name for item in bad]}}
    if bad:
        debts = tuple(Debt("service-behind", item.name, item.said, f"mend {item.name}, then: ir resume {world.incident}") for item in bad)
        return Outcome(Did.FAILED, "; ".join(f"{i.name}: {i.said}" for i in bad), facts, tuple(items), debts)
    return Outcome(Did.DONE, f"{len(items)} services stayed on the replacement", facts, tuple(items), paid=tuple(i.name for i in items))
