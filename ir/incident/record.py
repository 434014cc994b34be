"""An incident as its audit entries tell it (`folding`), read by the workflow, status, report and exit code alike."""

from dataclasses import dataclass, field

from ir.core.errors import ExitCode
from ir.core.model import Debt, Did, Json, Outcome
from ir.incident.facts import Facts

CLASSIFIED = ("classified_at", "classified_by", "classified_because", "personal_data_breach")
"""What a person says about a breach; the whole ladder is in `Incident.words` (`incident.ladder`)."""
FINAL = ("done", "rolled back", "aborted", "attested", "refused")
"""States of an incident that has ended for good."""


@dataclass
class StepRun:
    """One attempt at one step.

    Attributes:
        started, ended: UTC ISO 8601.
    """

    id: str
    action: str
    attempt: int
    started: str
    ended: str
    actor: str
    outcome: Outcome


@dataclass
class Incident:
    """The fold of a chain of audit entries.

    Attributes:
        status: `running | waiting | done | debt | rolled back | aborted | attested | refused | reopened`.
        runs: every attempt at every step, in order.
        signals: what people sent: approvals, containment, rollback, abort.
        late: evidence in signals that no workflow has taken in.
        accepted: living keys that a person keeps: what a debt would be about → `{why, reason, by}`.
        just_paid: debts that words ended since the last step or signal: an end that was on its way does not bring them back.
        reopened: how it had ended, while misuse that was found since keeps it open.
        words: what people said by a command of its own, oldest first: `{kind, by, at, n, hash, …}`. Kinds:
            `ladder {rung, when, reason, …}`, `under {under}`, `told {to, when, reference, …}`, `not-told {to, reason, …}`,
            `stamped {…}`, `purged {…}`, `closed {…}`, `misuse {…}`; `n` is None where a signal of an earlier version told it.
    """

    id: str = ""
    status: str = "running"
    opened: Json = field(default_factory=dict)
    opened_at: str = ""
    actor: str = ""
    facts: Facts = field(default_factory=Facts)
    runs: list[StepRun] = field(default_factory=list)
    debts: dict[str, Debt] = field(default_factory=dict)
    signals: list[Json] = field(default_factory=list)
    ended: Json = field(default_factory=dict)
    ended_at: str = ""
    head: str = ""
    last: Json | None = None
    late: set[str] = field(default_factory=set)
    accepted: Json = field(default_factory=dict)
    words: list[Json] = field(default_factory=list)
    reopened: Json = field(default_factory=dict)
    just_paid: set[str] = field(default_factory=set)

    @property
    def heard(self) -> int:
        """The id of the newest signal that the workflow has taken in, 0 when there is none."""
        return max((int(signal.get("id", 0)) for signal in self.signals), default=0)

    @property
    def plan(self) -> Json:
        """The plan as JSON (`playbook.plan_from_json`)."""
        plan: Json = self.opened.get("plan", {})
        return plan

    @property
    def dry_run(self) -> bool:
        """Whether it was a dry run."""
        return bool(self.opened.get("options", {}).get("dry_run"))

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process; a running incident counts as waiting."""
        if self.ended:
            return ExitCode(self.ended["exit_code"])
        return ExitCode.WAITING

    @property
    def standing_code(self) -> ExitCode:
        """As `exit_code`, from now on: a living key that a person keeps counts once, when that is said."""
        if self.status == "attested" and "accepted" in self.ended:
            return ExitCode.DEBT if self.debts else ExitCode.DONE
        return self.exit_code

    def run_of(self, action: str) -> StepRun | None:
        """The latest attempt of the first step with that action, None when it never ran."""
        return next((run for run in reversed(self.runs) if run.action == action), None)

    def settled(self, step: str) -> bool:
        """Whether a step has ended for good: done or skipped."""
        return any(run.id == step and run.outcome.did in (Did.DONE, Did.SKIPPED) for run in self.runs)


def passed_over(facts: Facts) -> tuple[str, ...]:
    """Stores that are left alone: left out by name, or in trouble when a contain-first run looked at them first."""
    return tuple(name for name, row in facts.get("stores", {}).items() if row.get("left_out") or row.get("later"))
