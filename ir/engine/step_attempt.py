"""One attempt at one action: run, tried without writes, or skipped. Every failure becomes an outcome, and every outcome is recorded."""

import re
from dataclasses import replace
from typing import cast

from ir.actions import Action, DryRuns, Prepares, load, prepares
from ir.core.errors import IrError, PortError, Refused, Unknown, Waiting, unexpected
from ir.core.model import Danger, Did, Json, Outcome
from ir.core.secret import scrub
from ir.engine.recorder import Recorder
from ir.incident import folding
from ir.incident.action_catalog import ACTIONS as CATALOG
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.storage.patience import Away

UNKNOWN_TRIES = 3
"""Looks at a step that ends `unknown` before a human is asked."""
_UNNAMED = re.compile(r"\bir (?:resume|rollback|abort)\b(?! INC-)")
"""A command about an incident that does not name it: with two open incidents it could not tell them apart."""


class DryRunAction:
    """An action that only says what it would do."""

    def __init__(self, module: DryRuns) -> None:
        self.run = module.dry_run


class NeedsRealRun:
    """A look at something that a dry run does not change."""

    def run(self, world: World, record: Incident, step: Step) -> Outcome:
        """Say that it was not tried."""
        return Outcome(Did.SKIPPED, f"not tried in a dry run, it needs the real run: {step.says}")


class Attempts:
    """The attempts of one incident."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @property
    def _world(self) -> World:
        return self._recorder.world

    def unplanned(self, action: str) -> Outcome:
        """Attempt an action that is not a step of the plan."""
        ran = self.once(Step(action, action, Danger.REVERSIBLE, action, "", {}), heard=None)
        assert isinstance(ran, Outcome)  # noqa: S101 - it listens to no signals
        return ran

    def number(self, step: str) -> int:
        """The number of the next attempt at a step, from 1."""
        return 1 + sum(run.id == step for run in self._recorder.record.runs)

    def once(self, step: Step, *, heard: int | None) -> Outcome | list[Json]:
        """Make one recorded attempt; or return the signals that were sent since `heard`, the id of the last one taken in.

        The look for signals and the act are one recorded step, so nothing can come between them, and a step costs milliseconds.
        """
        module, attempt = load(step.action), self.number(step.id)
        acts = not self._world.options.dry_run or step.danger is Danger.READ
        facts: Json = {}
        if acts and prepares(step.action) and self._shown(step):
            facts = cast(Prepares, module).prepare(self._world, self._recorder.record, step)
        folding.merge(self._recorder.record.facts, facts)

        def body() -> Json:
            called = self._recorder.durable.signals(heard) if heard is not None else []
            if called:
                return {"signals": called}
            started = self._recorder.now()
            outcome = guarded(self._as_run(module, step), self._world, self._recorder.record, step)
            folding.merge(outcome.facts, {**facts, **outcome.facts})
            stamp = {"at": self._recorder.now(), "by": self._world.ports.operator.name}
            return {"action": step.action, "attempt": attempt, "started": started, "outcome": outcome.to_json(), **stamp}

        ran = self._recorder.durable.step(f"{step.id}#{attempt}", body)
        if "signals" in ran:
            signals: list[Json] = ran["signals"]
            return signals
        at, by = ran.pop("at"), ran.pop("by")
        self._recorder.emit("step", step=step.id, body=ran, at=at, actor=by)
        return Outcome.from_json(ran["outcome"])

    def _as_run(self, module: Action, step: Step) -> Action:
        """The action itself; in a dry run, the part of it that changes nothing."""
        if not self._world.options.dry_run:
            return module
        if step.danger is Danger.READ:
            return module if self._shown(step) else NeedsRealRun()
        return DryRunAction(cast(DryRuns, module))

    def _shown(self, step: Step) -> bool:
        """Whether there is something to look at: in a dry run, the earlier steps have changed nothing."""
        if not self._world.options.dry_run or step.danger is not Danger.READ:
            return True
        given = {fact for run in self._recorder.record.runs if run.outcome.did is Did.DONE for fact in CATALOG[run.action].gives}
        return all(set(need.split("|")) & given for need in CATALOG[step.action].needs)


def guarded(module: Action, world: World, record: Incident, step: Step) -> Outcome:
    """Run an action; every failure becomes an outcome, so that nothing transient is recorded as final.

    A stranger's text was scrubbed where it came in, and is scrubbed again before it is recorded. Commands to type get the incident's name,
    which an issuer that asks for them may not know.
    """
    outcome = _guarded(module, world, record, step)
    debts = tuple(replace(debt, why=scrub(debt.why), todo=_named(debt.todo, world.incident)) for debt in outcome.debts)
    items = tuple(replace(item, said=scrub(item.said)) for item in outcome.items)
    return replace(outcome, said=scrub(outcome.said), items=items, todo=_named(outcome.todo, world.incident), debts=debts)


def _named(todo: str, incident: str) -> str:
    return _UNNAMED.sub(lambda found: f"{found[0]} {incident}", scrub(todo))


def _guarded(module: Action, world: World, record: Incident, step: Step) -> Outcome:
    try:
        return module.run(world, record, step)
    except Away:  # not this step's failure: nothing can be recorded, so the attempt does not count
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
