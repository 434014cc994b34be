"""One attempt at one action: run, rehearsed, or passed over; every failure becomes an outcome."""

import re
from dataclasses import replace
from typing import Any

from ir.core.errors import IrError, PortError, Refused, Unknown, Waiting, unexpected
from ir.core.model import Did, Outcome
from ir.core.secret import scrub
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.storage.patience import Away

Action = Any
"""A module of `actions`, or something with the same `run`."""
_UNNAMED = re.compile(r"\bir (?:resume|rollback|abort)\b(?! INC-)")
"""A command about an incident, without its name: with two open ones it would only ask which."""


class Rehearsal:
    """An action that only says what it would do."""

    def __init__(self, module: Action) -> None:
        self.run = module.rehearse


class NotRehearsed:
    """A look at something that a dry run did not change."""

    @staticmethod
    def run(world: World, record: Incident, step: Step) -> Outcome:
        """Says so."""
        return Outcome(Did.SKIPPED, f"not rehearsed, it needs the real run: {step.says}")


def guarded(module: Action, world: World, record: Incident, step: Step) -> Outcome:
    """Run an action; every failure becomes an outcome, so that nothing transient is recorded as final.

    What strangers said was scrubbed where it came in, and is once more before it is recorded. Commands to type name the incident,
    though whoever asks for them, as an issuer does, may not know it.
    """
    outcome = _guarded(module, world, record, step)
    debts = tuple(replace(debt, why=scrub(debt.why), todo=_named(debt.todo, world.incident)) for debt in outcome.debts)
    items = tuple(replace(item, said=scrub(item.said)) for item in outcome.items)
    return replace(outcome, said=scrub(outcome.said), items=items, todo=_named(outcome.todo, world.incident), debts=debts)


def _named(todo: str, incident: str) -> str:
    return _UNNAMED.sub(lambda found: f"{found[0]} {incident}", scrub(todo))


def _guarded(module: Action, world: World, record: Incident, step: Step) -> Outcome:
    try:
        outcome: Outcome = module.run(world, record, step)
        return outcome
    except Away:  # not this step's failure: nothing can be recorded, so it was not made
        raise
    except Waiting as error:
        return Outcome(Did.WAITING, error.told, todo=error.next_step)
    except Unknown as error:
        return Outcome(Did.UNKNOWN, error.told, todo=error.next_step)
    except PortError as error:
        return Outcome(Did.FAILED, error.told, todo=error.next_step)
    except Refused as error:
        return Outcome(Did.REFUSED, error.what, todo=error.next_step)
    except IrError as error:
        return Outcome(Did.FAILED, error.what, todo=error.next_step)
    except Exception as error:  # noqa: BLE001 - a bug of ours must leave a resumable incident, not a wedged one
        return Outcome(Did.UNKNOWN, unexpected(error), todo=f"this is a bug; ir resume {world.incident}")
