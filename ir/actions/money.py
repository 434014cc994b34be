"""Money: pending payouts, transfers, new external and connected accounts, each with its cancel or pause link."""

from ir.actions.review import request
from ir.core.errors import PortError
from ir.core.model import Did, Item, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """List what may still be stopped; a person decides."""
    try:
        moving = world.ports.reviewer.money(request(world, record), world.hooks.say)
    except PortError as error:
        return Outcome(Did.SKIPPED, f"not looked at: {error.what}", {"money": {"checked": False}})
    items = tuple(Item(str(row["id"]), Did.DONE, f"{row['kind']}: {row['why']} → {row['undo']}") for row in moving)
    said = (
        f"{len(items)} movement{'s' * (len(items) > 1)} of money can still be stopped"
        if items
        else "no money is on its way out that we can see"
    )
    return Outcome(Did.DONE, said, {"money": {"checked": True, "moving": list(moving)}}, items)
