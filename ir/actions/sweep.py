"""Sweep: what did an attacker leave behind? Nothing is undone without asking."""

from ir.actions.review import leftover_debts, request
from ir.errors import PortError
from ir.incident import Incident
from ir.model import Did, Outcome
from ir.plan import Step
from ir.world import World


def run(world: World, record: Incident, step: Step) -> Outcome:
    """List leftovers; undecided ones of high or critical severity are debt."""
    try:
        leftovers = world.reviewer.sweep(request(world, record), world.say)
    except PortError as error:
        return Outcome(Did.SKIPPED, f"not swept: {error.what}", {"sweep": {"checked": False}})
    facts = {"sweep": {"checked": True, "leftovers": list(leftovers)}}
    said = f"{len(leftovers)} things were left behind" if leftovers else "nothing was left behind that we can see"
    there = {str(left["id"]) for left in leftovers}
    gone = tuple(debt.about for debt in record.debts.values() if debt.kind == "leftover" and debt.about not in there)
    return Outcome(Did.DONE, said, facts, debts=leftover_debts(leftovers), paid=gone)
