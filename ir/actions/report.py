"""Report: write what happened, for a manager and for an auditor."""

from ir.core.model import Did, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Write the files, which are the same for the same record; at the very end they are written again, with the chain's head."""
    if world.options.dry_run:
        return Outcome(Did.SKIPPED, "a dry run keeps no report")
    paths = world.hooks.publish(record)
    said = f"the report is in {paths[0]}" if paths else "the report can be had with ir report"
    return Outcome(Did.DONE, said + _new_id(world, record))


def _new_id(world: World, record: Incident) -> str:
    """The line for an inventory that names the key by its id: the old id is a dead key's now."""
    new = record.facts.get("new", {}).get("id", "")
    if not world.key.id or not new or not record.facts.get("dead_at"):
        return ""
    return f"; in {record.opened.get('inventory_name', 'the inventory')} key `{world.key.name}` needs `id: {new}` from now on"
