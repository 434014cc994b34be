"""An incident as its audit entries tell it: one fold, read by the runner, status, report and exit code alike.

Facts that actions establish (all secret-free; times are epoch seconds):

    exposed_at, opened_at, minted_at, promoted_at, contained_at, retire_asked_at, dead_at
    old {fingerprint, id, kind, mode, account, liveness, custody, seen_alive, permissions, deadline, last_used, probed_at}
    new {fingerprint, id, kind, custody, n, created, pasted, because, rotated, made_by, liveness, probed_at}
        `rotated`: a guided rotation made it; `probed_at`: our own latest use, by the provider's clock, 0 = it does not tell
    clock {ahead}    seconds by which our clock was ahead of the provider's when the replacement was checked
    rotation {told_at, value, attested {by, at}}    of a containment by rotating: `value` is taken | open | lost
    stores {REF: {guided, permission, before {version, fingerprint}, staged, after {version, fingerprint}, siblings, left_out, later}}
    elsewhere {holders [{name, kind, about, key}], unread [{name, why}]}    of the leaked key, outside of the plan
    services {NAME: {wave, owner, store, before, after, proves, accepted, tries}}
    containment {how, said, before, undone}
    review / triage {verdict, verdicts, score, findings, coverage, blast_radius, leftovers, timeline}
    proof {polls, from, to, code, control}
    earlier {dead {FINGERPRINT: INCIDENT}, left {INCIDENT: FINGERPRINT}}    of earlier incidents of this key, at the start
    emergency {by, at, reason}    that ended the grace of a scheduled rotation
    grace {last_used}    of the old key when it began, by the provider's clock
    quiet {checked, used_at, users {ours [name], strangers [name]}, attested {by, reason}}, money, sweep, watch {…}
    pending {REF: {owner, since, version, incident}}    strangers' stages that the operator was shown; cleared {REF: reason}
    accepted {OPTION: {NAME: REASON}}    exceptions that were accepted when it was resumed; at the start they stand in its options
        `leftover` of a store: an incident that is over for good, and left something there
    took_over {INCIDENT: [debt]}    of earlier incidents of this key, settled at the end where they can be
    closed {accepted, attested, needs_custody}    what a person's word ended, and what it could not
    adopted {at, owner, since, stores {REF: {roles, holds, trouble}}, keys {ID: NAME}, dead}    what the world still told of it;
        `signed_before` {size, head_hash, ts}: of a record that is lost
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ir.core.errors import ExitCode
from ir.core.model import Debt, Did, Json, Outcome, copied

_OWN_FACTS = {
    "classify": ("classified_at", "classified_by", "classified_because", "personal_data_breach"),
    "approved": ("approvals",),
    "wake": ("accepted",),
}
"""Kind of a signal → facts that it may establish."""
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
        late: evidence in signals that no course has taken in.
        accepted: living keys that a person keeps: what a debt would be about → `{why, reason, by}`.
    """

    id: str = ""
    status: str = "running"
    opened: Json = field(default_factory=dict)
    opened_at: str = ""
    actor: str = ""
    facts: Json = field(default_factory=dict)
    runs: list[StepRun] = field(default_factory=list)
    debts: dict[str, Debt] = field(default_factory=dict)
    signals: list[Json] = field(default_factory=list)
    ended: Json = field(default_factory=dict)
    ended_at: str = ""
    head: str = ""
    last: Json | None = None
    late: set[str] = field(default_factory=set)
    accepted: Json = field(default_factory=dict)

    @property
    def heard(self) -> int:
        """The id of the newest signal that the course has taken in, 0 when there is none."""
        return max((int(signal.get("id", 0)) for signal in self.signals), default=0)

    @property
    def plan(self) -> Json:
        """The plan as JSON (`playbook.plan_from_json`)."""
        plan: Json = self.opened.get("plan", {})
        return plan

    @property
    def rehearsal(self) -> bool:
        """A dry run."""
        return bool(self.opened.get("options", {}).get("dry_run"))

    @property
    def exit_code(self) -> ExitCode:
        """What the process ends with; a running incident counts as waiting."""
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


def fold(entries: Iterable[Json]) -> Incident:
    """Read a chain from its first entry."""
    incident = Incident()
    for entry in entries:
        absorb(incident, entry)
    return incident


def absorb(incident: Incident, entry: Json) -> None:
    """Take one more entry in."""
    body: Json = entry["body"]
    incident.last, incident.head = entry, entry["hash"]
    if entry["kind"] == "opened":
        incident.id, incident.opened, incident.opened_at = entry["incident"], body, entry["at"]
        incident.actor = entry["actor"]
        merge(incident.facts, body.get("facts", {}))
        _inherit(incident)
    elif entry["kind"] == "step":
        _absorb_step(incident, entry, body)
    elif entry["kind"] == "signal":
        incident.signals.append({**body, "at": entry["at"], "by": entry["actor"]})
        merge(incident.facts, _told(body))
        _owe_misuse(incident, body)
        incident.status = "running"
    elif entry["kind"] == "ended":
        incident.ended, incident.ended_at, incident.status = body, entry["at"], body["status"]
        incident.debts = {row["about"]: Debt(**row) for row in body["debts"]}
        incident.accepted = body.get("accepted", {})


def _told(signal: Json) -> Json:
    """Facts that a signal establishes: of each kind only its own, since whoever may send an approval may not say what was seen."""
    facts, kind = signal.get("facts", {}), signal.get("kind")
    if kind == "contain":  # by whoever may run incidents, who has done it
        return dict(facts)
    told = {name: facts[name] for name in _OWN_FACTS.get(str(kind), ()) if name in facts}
    if kind == "wake" and facts.get("stores"):  # which stores are left out from now on, and why
        rows = facts["stores"].items()
        told |= {"stores": {ref: {name: row[name] for name in ("left_out", "accepted") if name in row} for ref, row in rows}}
    return told


def _inherit(incident: Incident) -> None:
    """Debts of earlier incidents that this one took over are its own from the start."""
    for earlier, rows in incident.facts.get("took_over", {}).items():
        for row in rows:
            debt = Debt(**{**row, "todo": row["todo"].replace(earlier, incident.id)})
            incident.debts[debt.about] = debt


def hear_late(incident: Incident, signals: Iterable[Json]) -> None:
    """What was sent after the last entry and no course has taken in: misuse reopens what had ended, a `close` ends it again.

    Whether it is a personal data breach can be said at any time.
    """
    ended = dict(incident.ended)
    for signal in signals:
        if int(signal["id"]) <= incident.heard:
            continue
        merge(incident.facts, _told({**signal["body"], "kind": signal["kind"]}) if signal["kind"] == "classify" else {})
        if signal["kind"] == "misuse":
            _owe_misuse(incident, {**signal["body"], "kind": "misuse"})
            incident.late |= set(signal["body"]["evidence"])
            if ended:
                incident.status = "reopened"
                incident.ended = {**ended, "exit_code": int(ExitCode.DEBT), "status": "reopened", "said": signal["body"]["debt"]["why"]}
        elif signal["kind"] == "close" and incident.status == "reopened":
            incident.debts = {about: debt for about, debt in incident.debts.items() if debt.kind != "misuse"}
            incident.status, incident.ended = str(ended["status"]), ended


def _owe_misuse(incident: Incident, signal: Json) -> None:
    if signal.get("kind") == "misuse":
        debt = Debt(**signal["debt"])
        incident.debts[debt.about] = debt


def _absorb_step(incident: Incident, entry: Json, body: Json) -> None:
    outcome = Outcome.from_json(body["outcome"])
    run = StepRun(entry["step"], body["action"], body["attempt"], body["started"], entry["at"], entry["actor"], outcome)
    incident.runs.append(run)
    merge(incident.facts, outcome.facts)
    for debt in outcome.debts:
        incident.debts[debt.about] = debt
    for about in outcome.paid:
        incident.debts.pop(about, None)
    incident.status = "waiting" if outcome.did is Did.WAITING else "running"
    incident.ended = {}


def passed_over(facts: Json) -> tuple[str, ...]:
    """Stores that are left alone: left out by name, or in trouble already when a contain-first run looked at them first."""
    return tuple(name for name, row in facts.get("stores", {}).items() if row.get("left_out") or row.get("later"))


def merge(into: dict[str, Any], facts: Json) -> None:
    """Deep merge: objects are merged, everything else is replaced."""
    for name, value in facts.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = copied(value)  # entries are evidence: folding must never reach into them
