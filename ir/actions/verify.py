"""Verify: look at every service once more, all side by side."""

from dataclasses import replace

from ir.actions import rights, rights_given
from ir.core.model import Did, Json, Outcome
from ir.incident import reversibility, service_health
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Check that all services hold the replacement, or were accepted by name."""
    if "new" not in record.facts:
        return Outcome(Did.SKIPPED, "there is no replacement to verify")
    added, stopped = rights_given.added(world, record)
    if stopped is not None:
        return stopped
    items = service_health.look_at(
        world, world.services, service_health.expected_new(record.facts), patience=float(step.params["patience"])
    )
    bad = [item for item in items if item.did is not Did.DONE and item.name not in world.options.accept_unhealthy]
    lacking = rights.missing(world, record, items, added)
    facts: Json = {"verified_at": world.now(), **lacking.facts}
    if lacking.silent:
        facts["rights"] = {**facts.get("rights", {}), "silent": list(lacking.silent)}
    paid = (*(item.name for item in items if item.did is Did.DONE), *lacking.paid)
    if lacking.told_by and not reversibility.forward(record.facts):
        stopped = rights_given.stop(world, record, lacking)
        return replace(stopped, facts={**facts, **stopped.facts}, items=(*items, *lacking.items()), debts=lacking.debts, paid=paid)
    debts = (*lacking.debts, *lacking.still_to_do(world.incident))
    if bad:
        return Outcome(Did.FAILED, "; ".join(f"{item.name}: {item.said}" for item in bad), facts, tuple(items), debts, paid)
    said = service_health.said_of(items) + rights_given.summary(added) + rights.not_seen(lacking.silent)
    return Outcome(Did.DONE, said, facts, tuple(items), debts, paid)
