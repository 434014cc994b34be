"""The course of one incident: its plan, step by step, with what people signal meanwhile.

Everything that decides the order of steps comes from recorded outputs, so a replay in another process takes the same
turns. The rules:

* A step is looked at until it is done or skipped. `waiting` waits for a signal; `unknown` is looked at again a few times and
  then waits; `refused` before anything was written ends the run.
* `failed` in a step that only informs is noted. Before the replacement is visible, what was made is taken back.
  In the overlap policies a failed wave is rolled back; where there is no way back, the way is forward, with debt.
* An approval is asked before the step that requires it, and bound to the plan and to the verification that was seen. At a terminal,
  a step that cannot be undone is confirmed by name, whatever its playbook says.
* Debt at the end leaves the incident open: a later signal looks again at what is owed.
"""

import time
from importlib import import_module

from ir.actions import ACTIONS
from ir.core.durations import spoken
from ir.core.errors import ExitCode
from ir.core.model import Danger, Debt, Did, Json, Liveness, Outcome, Policy
from ir.core.wording import counted
from ir.engine.approval_gate import Asking
from ir.engine.recorder import Durable, Recorder, iso
from ir.engine.step_attempt import Action, NotRehearsed, Rehearsal, guarded
from ir.incident import debts as debt_rules
from ir.incident import record as incident_record
from ir.incident import reversibility
from ir.incident.action_catalog import ACTIONS as CATALOG
from ir.incident.context import World, accepting
from ir.incident.plan import Plan, Step, plan_from_json
from ir.incident.record import Incident

UNKNOWN_TRIES = 3
"""Looks at a step that ends `unknown` before a human is asked."""
_CHANGES_COURSE = ("contain", "abort", "rollback", "close")
_INFORMS = ("review", "money", "sweep", "watch", "quiet", "report", "prove", "discard", "contain", "remove", "undelivered", "forged")
"""Actions whose failure is a fact or a debt, not a reason to stop."""
_ADOPTS = ("preflight", "clear")
"""Actions before which only an adopted incident can have written: their failure takes nothing of it back."""


class _End(Exception):
    """`accepted`: of a close, the living keys that a person keeps: what a debt would be about → `{why, reason, by}`."""

    def __init__(self, status: str, code: ExitCode, said: str, accepted: Json | None = None) -> None:
        super().__init__(said)
        self.status, self.code, self.said, self.accepted = status, code, said, accepted


class Course:
    """Drives one incident. `world` belongs to this process, everything else is recorded.

    Args:
        opening: `{plan, options, inventory, facts, at, actor, version}`, recorded as the first entry.
    """

    def __init__(self, durable: Durable, world: World, opening: Json) -> None:
        self.durable, self.world, self.opening = durable, world, opening
        self.plan: Plan = plan_from_json(opening["plan"])
        self._recorder = Recorder(durable, world)
        self._asking = Asking(self._recorder, self.plan)
        self._heard = 0
        self._rolling = False
        self._asked_at, self._called = 0.0, False
        world.stopping = self._stopping
        world.facts = lambda: self.record.facts
        world.custody.passed_over = lambda: incident_record.passed_over(self.record.facts)

    @property
    def record(self) -> Incident:
        """The fold of what was recorded so far."""
        return self._recorder.record

    def run(self) -> int:
        """Until the incident has ended; returns the exit code."""
        self._recorder.emit("opened", body=self.opening, at=self.opening["at"], actor=self.opening["actor"])
        try:
            for step in self.plan.steps:
                self._take(step)
            self._owes(debt_rules.leaked_key_lives(self.record))
            self._tidy()
            while self.record.debts and not self.world.options.dry_run:
                self._owe()
            raise _End("done", ExitCode.DONE, "done")
        except _End as end:
            self._finish(end)
            return int(end.code)

    def end(self, record: Incident, word: int) -> int:
        """End an incident that cannot be replayed, by what its entries tell; returns the exit code.

        What was signalled before is noted and not obeyed: containment was done by whoever signalled it.

        Args:
            record: the fold of all entries.
            word: the signal, `abort` or `close`, that is obeyed.
        """
        self._recorder.record, self._heard = record, record.heard
        try:
            for signal in self.durable.signals(self._heard):
                self._take_in(signal)
                if signal["id"] == word:
                    self._obey(signal)
        except _End as end:
            self._finish(end)
        return int(self.record.exit_code)

    # ── one step ──

    def _take(self, step: Step) -> None:
        attempt = 0
        while True:
            outcome = self._tried(step)
            if outcome is None:
                continue
            attempt += 1
            if step.action == "review" and outcome.did is Did.DONE and self._asking.containment():
                self._run_extra("contain")
            if outcome.did in (Did.DONE, Did.SKIPPED):
                return
            if outcome.did is Did.UNKNOWN and attempt % (UNKNOWN_TRIES + 1) != UNKNOWN_TRIES:
                self._recorder.pause(f"{step.id}.pause#{attempt}", float(attempt))
            elif self.world.options.dry_run and outcome.did is Did.WAITING:
                return
            elif outcome.did is Did.UNKNOWN and step.action in ("wave", "verify") and reversibility.forward(self.record.facts):
                return  # after a containment nothing waits for it: what it owes is a debt
            elif outcome.did in (Did.WAITING, Did.UNKNOWN) and not self.world.options.dry_run:
                self._park(step.id, step.action, outcome)
            elif self._failed(step, outcome):
                return

    def _tried(self, step: Step) -> Outcome | None:
        """One attempt; None when somebody was heard instead, or has still to approve."""
        if step.approval or step.danger is Danger.IRREVERSIBLE:
            called, missing = self._asking.approval(step, lambda: self.durable.signals(self._heard))
            self._hear(called)
            if missing is not None:
                self._park(step.id, "approve", missing)
            if called or missing is not None:
                return None
        self._mind_the_budget()
        return self._attempt(step, heeding=True)

    def _attempt(self, step: Step, *, heeding: bool = False) -> Outcome | None:
        """One attempt; None when it was not made because somebody had signalled (`heeding`), who now was heard.

        The look for signals and the act are one recorded step: nothing comes between, and a step costs milliseconds.
        """
        module: Action = import_module(ACTIONS[step.action])
        attempt = 1 + sum(run.id == step.id for run in self.record.runs)
        if self.world.options.dry_run and not self._rehearsable(step):
            module = NotRehearsed
        acts = not self.world.options.dry_run or step.danger is Danger.READ
        prepare = getattr(module, "prepare", None)
        facts: Json = prepare(self.world, self.record, step) if prepare is not None and acts else {}
        incident_record.merge(self.record.facts, facts)

        def body() -> Json:
            called = self.durable.signals(self._heard) if heeding else []
            if called:
                return {"signals": called}
            started = self._recorder.now()
            outcome = guarded(module if acts else Rehearsal(module), self.world, self.record, step)
            incident_record.merge(outcome.facts, {**facts, **outcome.facts})
            stamp = {"at": self._recorder.now(), "by": self.world.operator.name}
            return {"action": step.action, "attempt": attempt, "started": started, "outcome": outcome.to_json(), **stamp}

        ran = self.durable.step(f"{step.id}#{attempt}", body)
        if "signals" in ran:
            self._hear(ran["signals"])
            return None
        at, by = ran.pop("at"), ran.pop("by")
        self._recorder.emit("step", step=step.id, body=ran, at=at, actor=by)
        return Outcome.from_json(ran["outcome"])

    def _rehearsable(self, step: Step) -> bool:
        """A step that looks at what earlier steps changed has nothing to look at in a dry run."""
        if step.danger is not Danger.READ:
            return True
        given = {fact for run in self.record.runs if run.outcome.did is Did.DONE for fact in CATALOG[run.action].gives}
        return all(set(need.split("|")) & given for need in CATALOG[step.action].needs)

    def _failed(self, step: Step, outcome: Outcome) -> bool:
        """What a failure means; True = go on with the next step. Ends the course otherwise."""
        if step.action in _INFORMS:
            return True
        if self.world.options.dry_run:
            raise _End("refused", ExitCode.REFUSED, outcome.said)
        if outcome.facts.get("mint", {}).get("again"):
            self._replace_again(step)
            return False
        if not self._written():
            if self.record.run_of("mint") and self._left_something():
                self._park(step.id, step.action, outcome)
                return False
            if self.record.run_of("custody"):
                self._clear_away(outcome.said)
            raise _End("refused", ExitCode.REFUSED, outcome.said)
        if step.action not in _ADOPTS and self._better_back(step):
            self._roll_back(outcome.said)
        if step.action in ("wave", "verify"):
            return True  # forward: what is behind is owed, and the kill looks again
        self._park(step.id, step.action, outcome)
        return False

    def _clear_away(self, why: str) -> None:
        """Remove what was kept, before it is said that nothing has changed; what cannot be removed yet keeps the incident open."""
        while self._run_extra("discard").did is Did.FAILED:
            self._owes(debt_rules.live_keys(self.record))
            self._stay_open(f"refused: {why}; {_still_to_do(len(self.record.debts))}")

    def _replace_again(self, failed: Step) -> None:
        """Another replacement, and everything that was done with the one before it, up to the step that missed it."""
        actions = [step.action for step in self.plan.steps]
        mint, here = actions.index("mint"), self.plan.steps.index(failed)
        for step in self.plan.steps[mint : max(here, mint + 1)]:
            self._take(step)

    def _better_back(self, step: Step) -> bool:
        """Whether what failed is undone by itself. At the kill all services are on the replacement, and only its death drives them back."""
        facts = self.record.facts
        if self.plan.policy is Policy.EXPLOITED or facts.get("dead_on_arrival") or facts.get("dead_at"):
            return False
        return step.action != "retire" or Liveness(facts.get("new", {}).get("liveness", Liveness.UNKNOWN)).dead

    def _left_something(self) -> bool:
        """Whether a try to mint may have left a key that was not expired: then it is not true that nothing has changed."""
        found = {debt.about for debt in self._run_extra("leave").debts}
        return bool(found - set(self.record.facts.get("strays", {})))

    def _written(self) -> bool:
        """Whether anything but our own custody has changed in the world; of an adopted incident it may have, before we looked."""
        facts = self.record.facts
        return bool(facts.get("new") or facts.get("containment") or facts.get("promoted_at") or facts.get("adopted"))

    # ── going back, giving up ──

    def _roll_back(self, why: str) -> None:
        """Undo; ends the course when it worked, returns when there is only the way forward."""
        self._rolling = True
        attempt = 0
        while True:
            attempt += 1
            outcome = self._run_extra("undo")
            if outcome.did is Did.DONE:
                self._run_extra("discard")
                raise _End("rolled back", ExitCode.ROLLED_BACK, f"rolled back because: {why}")
            if outcome.did is Did.REFUSED:
                self._rolling = False
                return
            if outcome.did is Did.UNKNOWN and attempt % (UNKNOWN_TRIES + 1) != UNKNOWN_TRIES:
                self._recorder.pause(f"undo.pause#{attempt}", float(attempt))
            else:
                self._park("undo", "undo", outcome)

    def _owes(self, debts: list[Debt]) -> None:
        for debt in debts:
            self.record.debts.setdefault(debt.about, debt)

    def _tidy(self) -> None:
        """Custody ends when death is proven, or when there was nothing to kill. Debts of earlier incidents are looked at first."""
        if self.record.facts.get("took_over") and not self.world.options.dry_run:
            self._run_extra("settle")
        if not any(debt.kind.startswith("key-") or debt.kind.endswith("-behind") for debt in self.record.debts.values()):
            self._run_extra("discard")

    def _run_extra(self, action: str) -> Outcome:
        outcome = self._attempt(Step(action, action, Danger.REVERSIBLE, action, "", {}))
        assert outcome is not None  # noqa: S101 - it heeds no signals
        return outcome

    def _owe(self) -> None:
        """Debt keeps the incident open: say so, wait for a signal, look again at what is owed."""
        self._stay_open(_still_to_do(len(self.record.debts)))
        kinds = {debt.kind for debt in self.record.debts.values()}
        kills = any(step.action == "retire" for step in self.plan.steps)
        for step in self.plan.steps:
            if debt_rules.pays(step.action, kinds, kills=kills):
                self._take(step)
        self._tidy()

    def _stay_open(self, said: str) -> None:
        """End with debt, until a signal."""
        self._recorder.emit_now("ended", body=self._ending(_End("debt", ExitCode.DEBT, said)))
        self._recorder.publish()
        self._wait()

    # ── people ──

    def _wait(self) -> None:
        self._hear(self._recorder.step("wait", lambda: {"signals": self.durable.await_signal(self._heard)})["signals"])

    def _park(self, step: str, action: str, outcome: Outcome) -> None:
        """Stand still until somebody signals; the record says what for."""
        if outcome.did is not Did.WAITING:
            todo = outcome.todo or f"ir resume {self.record.id} looks again"
            asked = Outcome(Did.WAITING, outcome.said, todo=todo)
            at, by = self._recorder.stamp()
            attempt = 1 + sum(run.id == step for run in self.record.runs)
            body = {"action": action, "attempt": attempt, "started": at, "outcome": asked.to_json()}
            self._recorder.emit("step", step=step, body=body, at=at, actor=by)
        self._wait()

    def _hear(self, signals: list[Json]) -> None:
        for signal in signals:
            self._take_in(signal)
            self._obey(signal)

    def _take_in(self, signal: Json) -> None:
        self._heard = max(self._heard, int(signal["id"]))
        body = {**signal["body"], "kind": signal["kind"], "id": signal["id"]}
        self._recorder.emit("signal", body=body, at=iso(signal["at"]), actor=signal["actor"])
        accepts: Json = body.get("accepts", {})
        if signal["kind"] == "wake" and (accepts or body.get("yes")):
            self.world.options = accepting(self.world.options, accepts, yes=bool(body.get("yes")))

    def _obey(self, signal: Json) -> None:
        kind = signal["kind"]
        if kind == "misuse":
            self.world.say(f"WARNING: {signal['body']['debt']['why']}; to contain the key: ir contain {self.record.id}")
        if kind == "abort":
            left = self._run_extra("leave")
            if not left.debts and "new" not in self.record.facts:
                self._run_extra("discard")  # or what we kept would stand in the way of the next run
            raise _End("aborted", ExitCode.DEBT, "given up; nothing more is done")
        if kind == "close" and not self._holds_the_only_copy(signal):
            raise self._closed(signal)
        if kind == "rollback" and not self._rolling:
            self._roll_back(f"{signal['actor']} asked for it")

    def _closed(self, signal: Json) -> _End:
        """What cannot be proven ends by a person's word; a key that answers is named, and counts."""
        looked = self._run_extra("close").facts.get("closed", {})
        if looked.get("needs_custody"):
            self._owes(debt_rules.kept(self.record))
        else:
            self._run_extra("discard")
        accepted = looked.get("accepted", {})
        said = f"attested, not proven: {signal['body'].get('reason', '')}"
        if self.record.debts or accepted:
            said += f"; {counted(len(self.record.debts), 'thing')} of what was seen cannot be attested" if self.record.debts else ""
            said += f"; kept alive: {', '.join(accepted)}" if accepted else ""
        fresh = set(accepted) - set(self.record.accepted)
        code = ExitCode.DEBT if self.record.debts or fresh else ExitCode.DONE
        return _End("attested", code, said, accepted)

    def _holds_the_only_copy(self, signal: Json) -> bool:
        """Whether a new key waits in our custody alone: closing would throw its value away and leave it alive, so it is refused."""
        kept = signal["body"].get("accept_alive", {})
        debts = self.record.debts.values()
        waits = next((debt for debt in debts if debt.kind == debt_rules.WAITS and debt.about not in kept), None)
        if waits is not None:
            self.world.say(f"WARNING: not closed, for its custody would be emptied: {waits.why} → {waits.todo}")
        return waits is not None

    def _stopping(self) -> bool:
        """Whether a signal that changes the course waits to be heard; asked often, so looked up twice a second at most."""
        now = time.monotonic()
        if now - self._asked_at > 0.5:
            self._asked_at = now
            self._called = any(signal["kind"] in _CHANGES_COURSE for signal in self.durable.signals(self._heard))
        return self._called

    def _mind_the_budget(self) -> None:
        """An overlap keeps the leaked key alive: overrun is loud."""
        begun = self.record.facts.get("opened_at", self.world.now())
        over = self.world.now() - float(begun) - reversibility.OVERLAP_BUDGET
        if self.plan.policy is Policy.EXPOSED and over > 0 and not self.record.facts.get("dead_at"):
            now = f"to contain it now: ir contain {self.record.id}"
            self.world.say(f"WARNING: the leaked key lives {spoken(over)} longer than an overlap should; {now}")

    # ── recording ──

    def _finish(self, end: _End) -> None:
        if end.status == "aborted":
            self._owes([*debt_rules.live_keys(self.record), *debt_rules.kept(self.record)])
        if end.status in ("aborted", "attested"):
            self.record.debts = {about: debt_rules.not_resumed(self.record, debt) for about, debt in self.record.debts.items()}
        if end.status in ("aborted", "rolled back"):
            self._owes(debt_rules.never_looked_at(self.record))
        self._recorder.emit_after("ended", body=self._ending(end))
        if end.status != "refused":
            self._recorder.publish()

    def _ending(self, end: _End) -> Json:
        debts = [debt.__dict__ for debt in self.record.debts.values()]
        kept = {} if end.accepted is None else {"accepted": end.accepted}
        return {"status": end.status, "exit_code": int(end.code), "said": end.said, "debts": debts, **kept}


def _still_to_do(count: int) -> str:
    return "1 thing is still to do" if count == 1 else f"{count} things are still to do"
