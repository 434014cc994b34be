"""Sweep: find what an attacker left behind. Nothing is undone without asking."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from ir.actions.review import leftover_debts, request
from ir.core.errors import PortError
from ir.core.model import Debt, Did, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """List leftovers; undecided ones of high or critical severity become debts."""
    asked = request(world, record)
    try:
        swept = world.ports.reviewer.sweep(asked, world.hooks.say)
    except PortError as error:
        return Outcome(Did.SKIPPED, f"not swept: {error.what}", {"sweep": {"checked": False}})
    facts = {"sweep": {"checked": True, "leftovers": list(swept.rows), "looked": sorted(swept.looked)}}
    there = {str(left["id"]) for left in swept.rows}
    leftovers = [debt for debt in record.debts.values() if debt.kind == "leftover" and debt.about not in there]
    # A leftover that could not be looked at stays a debt.
    gone = tuple(debt.about for debt in leftovers if looked_for(debt, swept.looked))
    return Outcome(Did.DONE, _said(len(swept.rows), asked.exposed_at), facts, debts=leftover_debts(swept.rows), paid=gone)


def looked_for(debt: Debt, looked: Iterable[str]) -> bool:
    """Whether the subject of a debt is of a kind that was looked for."""
    return any(fnmatchcase(debt.why.partition(":")[0], kind) for kind in looked)


def _said(count: int, exposed_at: float) -> str:
    if not count:
        return "nothing was left behind that we can see"
    doubt = "" if exposed_at else "may have been left behind: the exposure time is unknown"
    return f"{count} thing{'s' * (count > 1)} {doubt or ('were' if count > 1 else 'was') + ' left behind'}"
