"""What a course asks of people: approvals before a step, and whether to contain when misuse was found. Each answer is recorded."""

from collections.abc import Callable

from ir.core.model import Did, Json, Outcome, Policy
from ir.engine import approvals
from ir.engine.recorder import Recorder
from ir.incident.plan import Plan, Step


class Asking:
    """Of one course. An approval is bound to the plan and to the verification that was seen."""

    def __init__(self, recorder: Recorder, plan: Plan) -> None:
        self._recorder, self._world, self._policy, self._plan_hash = recorder, recorder.world, plan.policy, plan.hash

    def approval(self, step: Step, signals: Callable[[], list[Json]]) -> tuple[list[Json], Outcome | None]:
        """Asks the operator where no approval was sent. `signals`: those that nobody has heard yet.

        Returns:
            Those signals, when there are any: then nobody was asked. And what has to be waited for; None: somebody approved this step
            of this plan.
        """
        record = self._recorder.record
        if self._world.options.dry_run or record.facts.get("dead_on_arrival"):
            return [], None
        weighed = self._weighed(step)
        if weighed.get("granted"):
            return [], None
        if step.approvals < 2 and record.opened.get("options", {}).get("yes") and record.last is not None:
            self._approve(step, at=record.last["at"], by=record.actor)  # agreed to in advance: nobody is asked, so nothing is recorded
            return [], None

        def answered() -> Json:
            called = signals()
            if called:
                return {"signals": called}
            return {"yes": step.approvals < 2 and self._asked(step), "by": self._world.operator.name, "at": self._recorder.now()}

        answer = self._recorder.step("approve", answered)
        if "signals" in answer:
            return answer["signals"], None
        if answer["yes"]:
            self._approve(step, at=answer["at"], by=answer["by"])
            return [], None
        needs = "an approval" if step.approvals < 2 else f"the approval of {step.approvals} people"
        said = f"`{step.id}` needs {needs}: {step.says}" + (f"; {weighed['said']}" if weighed else "")
        return [], Outcome(Did.FAILED, said, todo=f"ir approve {record.id}")

    def _approve(self, step: Step, *, at: str, by: str) -> None:
        body = {"kind": "approve", "step": step.id, "plan": self._plan_hash, "until": at}
        self._recorder.emit("signal", body=body, at=at, actor=by)

    def _weighed(self, step: Step) -> Json:
        """What the approvals sent so far come to, {} when there are none; recorded with the time, since they expire."""
        record = self._recorder.record
        if not any(signal["kind"] == "approve" for signal in record.signals):
            return {}
        asked = approvals.question(record, step.id, step.approvals, self._plan_hash, self._world.inventory.approvers)
        weighed = self._recorder.step("weigh", lambda: approvals.weigh(asked, record.signals, self._world.now()))
        if weighed["granted"] and record.facts.get("approvals", {}).get(step.id) != weighed:
            body = {"kind": "approved", "step": step.id, "said": weighed["said"], "facts": {"approvals": {step.id: weighed}}}
            self._recorder.emit_now("signal", body=body)
            if weighed["broken_glass"]:
                self._world.say(f"WARNING: {weighed['said']}")
        return weighed

    def _asked(self, step: Step) -> bool:
        operator, record = self._world.operator, self._recorder.record
        if not operator.interactive and not self._world.options.yes:
            return False
        seen = record.run_of("verify")
        proof = seen.outcome.said if seen else "no service was verified"
        return operator.confirm(f"{step.says} ({record.facts['old']['fingerprint']}). Seen: {proof}. This cannot be undone. Go on?")

    def containment(self) -> bool:
        """Misuse found in an overlap run: whether the operator wants to contain now; without anybody to ask, warn."""
        record = self._recorder.record
        facts = record.facts.get("review", {})
        found = facts.get("verdict") in ("confirmed", "suspected")
        if self._policy is Policy.EXPLOITED or not found or record.facts.get("containment"):
            return False
        question = f"Misuse is {facts['verdict']}. Contain the key now? Services that still use it will fail."
        operator = self._world.operator
        answer = self._recorder.step("escalate", lambda: {"yes": operator.interactive and operator.confirm(question)})
        if not answer["yes"]:
            self._world.say(f"WARNING: misuse is {facts['verdict']}; to contain the key now: ir contain {record.id}")
        return bool(answer["yes"])
