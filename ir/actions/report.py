"""Report: write what happened, for a manager and for an auditor."""

from ir.core.model import Did, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """The same record gives the same files; they are written anew at the very end, with the chain's head."""
    if world.options.dry_run:
        return Outcome(Did.SKIPPED, "a dry run keeps no report")
    paths = world.publish(record)
    return Outcome(Did.DONE, f"the report is in {paths[0]}" if paths else "the report can be had with ir report")
