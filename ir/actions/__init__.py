"""One file per action. A module is an `Action`: it looks, then acts.

Optional: `Prepares`, facts that are fixed before the act, and `DryRuns`, what a dry run says; actions that only read need neither.
"""

from functools import cache
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from ir.core.model import Json, Outcome
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident

ACTIONS = {
    "preflight": "ir.actions.preflight",
    "clear": "ir.actions.clear",
    "review": "ir.actions.review",
    "contain": "ir.actions.contain",
    "money": "ir.actions.money",
    "custody": "ir.actions.custody",
    "mint": "ir.actions.mint",
    "check": "ir.actions.check",
    "stage": "ir.actions.stage",
    "wave": "ir.actions.wave",
    "verify": "ir.actions.verify",
    "delivery": "ir.actions.delivery",
    "undelivered": "ir.actions.undelivered",
    "forged": "ir.actions.forged",
    "quiet": "ir.actions.quiet",
    "grace": "ir.actions.grace",
    "retire": "ir.actions.retire",
    "prove": "ir.actions.prove",
    "remove": "ir.actions.remove",
    "sweep": "ir.actions.sweep",
    "watch": "ir.actions.watch",
    "report": "ir.actions.report",
    "undo": "ir.actions.undo",
    "discard": "ir.actions.discard",
    "leave": "ir.actions.leave",
    "settle": "ir.actions.settle",
    "close": "ir.actions.close",
}


class Action(Protocol):
    """One step's work: a module of this package, or an object with the same function."""

    def run(self, world: World, record: Incident, step: Step) -> Outcome:
        """Look, then act; safe to repeat. Any error becomes an outcome (`engine.step_attempt`)."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """An action with facts that must be fixed before it acts."""

    def prepare(self, world: World, record: Incident, step: Step) -> Json:
        """Facts that follow from the record alone: names, idempotency keys."""
        ...


@runtime_checkable
class DryRuns(Protocol):
    """An action that writes, and can say without writing what it would do."""

    def dry_run(self, world: World, record: Incident, step: Step) -> Outcome:
        """What a real run would call."""
        ...


def load(name: str) -> Action:
    """The module of one action; loaded when its step is reached, since most commands run none."""
    return cast(Action, import_module(ACTIONS[name]))


@cache
def prepares(name: str) -> bool:
    """Whether an action is a `Prepares`: asked before each attempt, and Python looks through all names of a module to tell."""
    return isinstance(load(name), Prepares)
