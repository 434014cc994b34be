"""The workflow of one incident: it walks the plan, step by step, and listens to signals between the steps.

Everything that decides the order of steps comes from recorded outputs, so a replay in another process takes the same
turns. The rules:

* A step is looked at until it is done or skipped. `waiting` waits for a signal; `unknown` is looked at again a few times and
  then waits; `refused` before anything was written ends the run.
* `failed` in a step that only informs is noted. Before the replacement is visible, what was made is taken back.
  In the overlap policies a failed wave is rolled back; where there is no way back, the way is forward, with debt.
* An approval is asked before the step that requires it, and bound to the plan and to the verification that was seen. At a terminal,
  a step that cannot be undone is confirmed by name, whatever its playbook says.
* Debt at the end leaves the incident open: a later signal looks again at what is still to do.
"""

from ir.core.durations import spoken
from ir.core.errors import ExitCode
from ir.core.model import Danger, Did, Json, Liveness, Outcome, Policy
from ir.engine.approval_gate import ApprovalGate
from ir.engine.endings import End, Endings, still_to_do
from ir.engine.recorder import Durable, Recorder
from ir.engine.signals import Signals
from ir.engine.step_attempt import UNKNOWN_TRIES, Attempts
from ir.incident import debts as debt_rules
from ir.incident import leak_source, reversibility
from ir.incident import record as incident_record
from ir.incident.context import World
from ir.incident.plan import Plan, Step, plan_from_json
from ir.incident.record import Incident

_INFORMS = ("review", "money", "sweep", "watch", "quiet", "report", "prove", "discard", "contain", "remove", "undelivered", "forged")
"""Actions whose failure becomes a fact or a debt and does not stop the run."""
_ADOPTS = ("preflight", "clear")
"""Actions before which only an adopted incident can have written. Their failure undoes nothing of it."""


class Workflow:
    """Drives one incident. The world belongs to this process, everything else is recorded.

    Args:
        opening: `{plan, options, inventory, facts, at, actor, version}`, recorded as the first entry.
    """

    listens_every = 0.5
    """Seconds between two looks for signals while an action waits."""

    def __init__(self, durable: Durable, world: World, opening: Json) -> None:
        self.durable, self.opening = durable, opening
        self.plan: Plan = plan_from_json(opening["plan"])
        self._recorder = Recorder(durable, world)
        self._approvals = ApprovalGate(self._recorder, self.plan)
        self._attempts = Attempts(self._recorder)
        self._signals = Signals(self._recorder, self._attempts, lambda signal: self._endings.obey(signal), self.listens_every)
        self._endings = Endings(self._recorder, self._attempts, self._signals)
        world.run.told_by(lambda: self.record.facts, self._signals.stopping)
        world.ports.custody.passed_over = lambda: incident_record.passed_over(self.record.facts)
        world.ports.custody.leaking = lambda: leak_source.kept_out(world.options, self.record, world.ports.stores.values())

    @property
    def world(self) -> World:
        """As it is by now: a resume may have accepted more exceptions."""
        return self._recorder.world

    @property
    def record(self) -> Incident:
        """The fold of what was recorded so far."""
        return self._recorder.record

    def run(self) -> int:
        """Walk the plan until the incident has ended; returns the exit code."""
        self._recorder.emit("opened", body=self.opening, at=self.opening["at"], actor=self.opening["actor"])
        try:
            for step in self.plan.steps:
                self._take(step)
            self._endings.add_debts(debt_rules.leaked_key_lives(self.record))
            self._endings.tidy()
            while self.record.debts and not self.world.options.dry_run:
                self._pay_debts()
            raise End("done", ExitCode.DONE, "done")
        except End as end:
            self._endings.finish(end)
            return int(end.code)

    def end(self, record: Incident, word: int) -> int:
        """End an incident that cannot be replayed, by what its entries tell; returns the exit code.

        Signals that were sent before are noted and not obeyed: the process that sent a containment has carried it out.

        Args:
            record: the fold of all entries.
            word: the signal, `abort` or `close`, that is obeyed.
        """
        self._recorder.record, self._signals.heard = record, record.heard
        try:
            for signal in self._signals.sent():
                self._signals.take_in(signal)
                if signal["id"] == word:
                    self._endings.obey(signal)
        except End as end:
            self._endings.finish(end)
        return int(self.record.exit_code)

    # ── one step ──

    def _take(self, step: Step) -> None:
        attempt = 0
        while True:
            outcome = self._tried(step)
            if outcome is None:
                continue
            attempt += 1
            if step.action == "review" and outcome.did is Did.DONE and self._approvals.containment():
                self._attempts.unplanned("contain")
            if outcome.did in (Did.DONE, Did.SKIPPED):
                return
            if outcome.did is Did.UNKNOWN and attempt % (UNKNOWN_TRIES + 1) != UNKNOWN_TRIES:
                self._recorder.pause(f"{step.id}.pause#{attempt}", float(attempt))
            elif self.world.options.dry_run and outcome.did is Did.WAITING:
                return
            elif outcome.did is Did.UNKNOWN and step.action in ("wave", "verify") and reversibility.forward(self.record.facts):
                return  # after a containment no step waits for it: what remains is a debt
            elif outcome.did in (Did.WAITING, Did.UNKNOWN) and not self.world.options.dry_run:
                self._signals.park(step.id, step.action, outcome)
            elif self._failed(step, outcome):
                return

    def _tried(self, step: Step) -> Outcome | None:
        """Make one attempt; None when a signal was heard instead, or an approval is missing."""
        if step.approval or step.danger is Danger.IRREVERSIBLE:
            called, missing = self._approvals.approval(step, self._signals.sent)
            self._signals.hear(called)
            if missing is not None:
                self._signals.park(step.id, "approve", missing)
            if called or missing is not None:
                return None
        self._mind_the_budget()
        ran = self._attempts.once(step, heard=self._signals.heard)
        if isinstance(ran, Outcome):
            return ran
        self._signals.hear(ran)
        return None

    def _failed(self, step: Step, outcome: Outcome) -> bool:
        """Decide what a failure means. True = go on with the next step; else the incident ends."""
        if step.action in _INFORMS:
            return True
        if self.world.options.dry_run:
            raise End("refused", ExitCode.REFUSED, outcome.said)
        if outcome.facts.get("mint", {}).get("again"):
            self._replace_again(step)
            return False
        if not self._written():
            if self.record.run_of("mint") and self._left_something():
                self._signals.park(step.id, step.action, outcome)
                return False
            if self.record.run_of("custody"):
                self._endings.clear_away(outcome.said)
            raise End("refused", ExitCode.REFUSED, outcome.said)
        if step.action not in _ADOPTS and self._better_back(step):
            self._endings.roll_back(outcome.said)
        if step.action in ("wave", "verify"):
            return True  # forward: what is behind stays to do, and the kill looks again
        self._signals.park(step.id, step.action, outcome)
        return False

    def _replace_again(self, failed: Step) -> None:
        """Mint another replacement, and repeat what was done with the former one, up to the step that missed it."""
        actions = [step.action for step in self.plan.steps]
        mint, here = actions.index("mint"), self.plan.steps.index(failed)
        for step in self.plan.steps[mint : max(here, mint + 1)]:
            self._take(step)

    def _better_back(self, step: Step) -> bool:
        """Whether the failure is undone by itself.

        At the kill it is not: all services are on the replacement, and undoing would drive them back to the leaked key.
        """
        facts = self.record.facts
        if self.plan.policy is Policy.EXPLOITED or facts.get("dead_on_arrival") or facts.get("dead_at"):
            return False
        return step.action != "retire" or Liveness(facts.get("new", {}).get("liveness", Liveness.UNKNOWN)).dead

    def _left_something(self) -> bool:
        """Whether a try to mint may have left a living key. Then "nothing was changed" would be untrue."""
        found = {debt.about for debt in self._attempts.unplanned("leave").debts}
        return bool(found - set(self.record.facts.get("strays", {})))

    def _written(self) -> bool:
        """Whether anything but our own custody has changed; in an adopted incident it may have changed before we looked."""
        facts = self.record.facts
        return bool(facts.get("new") or facts.get("containment") or facts.get("promoted_at") or facts.get("adopted"))

    def _pay_debts(self) -> None:
        """Keep the incident open while there is debt: say so, wait for a signal, look again at what is still to do."""
        self._endings.stay_open(still_to_do(len(self.record.debts)))
        kinds = {debt.kind for debt in self.record.debts.values()}
        kills = any(step.action == "retire" for step in self.plan.steps)
        for step in self.plan.steps:
            if debt_rules.pays(step.action, kinds, kills=kills):
                self._take(step)
        self._endings.tidy()

    def _mind_the_budget(self) -> None:
        """Warn loudly when an overlap lasts longer than its budget, since it keeps the leaked key alive."""
        begun = self.record.facts.get("opened_at", self.world.now())
        over = self.world.now() - float(begun) - reversibility.OVERLAP_BUDGET
        if self.plan.policy is Policy.EXPOSED and over > 0 and not self.record.facts.get("dead_at"):
            now = f"to contain it now: ir contain {self.record.id}"
            self.world.hooks.say(f"WARNING: the leaked key lives {spoken(over)} longer than an overlap should; {now}")
