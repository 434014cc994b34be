"""Verify: look at every service once more, all side by side."""

from ir.core.model import Did, Outcome
from ir.incident import service_health
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Check that all services hold the replacement, or were accepted by name."""
    if "new" not in record.facts:
        return Outcome(Did.SKIPPED, "there is no replacement to verify")
    items = service_health.look_at(
        world, world.services, service_health.expected_new(record.facts), patience=float(step.params["patience"])
    )
    bad = [item for item in items if item.did is not Did.DONE and item.name not in world.options.accept_unhealthy]
    facts, paid = {"verified_at": world.now()}, tuple(item.name for item in items if item.did is Did.DONE)
    if bad:
        return Outcome(Did.FAILED, "; ".join(f"{item.name}: {item.said}" for item in bad), facts, tuple(items), paid=paid)
    return Outcome(Did.DONE, service_health.said_of(items), facts, tuple(items), paid=paid)
