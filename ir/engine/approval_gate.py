"""Questions to people: approve a step, and contain now that misuse was found. Each answer is recorded."""

from collections.abc import Callable
from dataclasses import replace

from ir.core.errors import PortError
from ir.core.model import Danger, Did, Json, KeyKind, Liveness, Outcome, Policy
from ir.engine import approvals
from ir.engine.recorder import Recorder
from ir.incident import irreversible, reversibility
from ir.incident.context import World
from ir.incident.plan import Plan, Step
from ir.ports import Irreversible

IN_ADVANCE, BY_FLAG, TYPED = "--yes when it was opened", "--yes", "typed at a terminal"
"""The three ways in which the operator's own approval is given. Only the last one answers a question that was asked."""


class ApprovalGate:
    """The questions of one incident. An approval is bound to the plan and to the verification that was seen."""

    def __init__(self, recorder: Recorder, plan: Plan) -> None:
        self._recorder, self._plan = recorder, plan

    @property
    def _world(self) -> World:
        return self._recorder.world

    def approval(self, step: Step, signals: Callable[[], list[Json]]) -> tuple[list[Json], Outcome | None]:
        """Ask the operator where no approval was sent. `signals`: those that were not heard yet.

        Returns:
            Those signals, when there are any: then no question was put. And what has to be waited for; None: a person approved this step
            of this plan.
        """
        record = self._recorder.record
        proven = bool(record.facts.get("dead_at"))  # approved before, and done
        if self._world.options.dry_run or reversibility.dead(record.facts) or (proven and step.action == "retire"):
            return [], None
        if not step.approval:
            return self._confirmation(step, signals)
        weighed = self._weighed(step)
        if weighed.get("granted"):
            return [], None
        if step.approvals < 2 and self._agreed and record.last is not None:
            # agreed to in advance: no question is asked, so no step is recorded
            self._approve(step, at=record.last["at"], by=record.actor, how=IN_ADVANCE)
            return [], None
        operator = self._world.ports.operator
        asks = step.approvals < 2 and (operator.interactive or self._world.options.yes)
        answer = self._recorder.step("approve", lambda: self._answer(step, signals, asks=asks, unasked=False))
        if "signals" in answer:
            return answer["signals"], None
        if answer["yes"]:
            self._approve(step, at=answer["at"], by=answer["by"], how=str(answer["how"]))
            return [], None
        if answer.get("declined"):
            return [], self._declined(step, str(answer["by"]))
        needs = "an approval" if step.approvals < 2 else f"the approval of {step.approvals} people"
        said = f"`{step.id}` needs {needs}: {step.says}" + (f"; {weighed['said']}" if weighed else "")
        return [], Outcome(Did.FAILED, said, todo=f"ir approve {record.id}")

    def _confirmation(self, step: Step, signals: Callable[[], list[Json]]) -> tuple[list[Json], Outcome | None]:
        """Confirm a step that cannot be undone and that its playbook lets happen without approval: the person at the terminal is asked."""
        if self._agreed or not self._dies(step):
            return [], None
        asks = self._world.ports.operator.interactive
        answer = self._recorder.step(
            "confirm", lambda: self._answer(step, signals, asks=asks and not self._died_meanwhile(step), unasked=True)
        )
        if "signals" in answer:
            return answer["signals"], None
        return [], None if answer["yes"] else self._declined(step, str(answer["by"]))

    def _died_meanwhile(self, step: Step) -> bool:
        """Whether the key died after a person's clicks were interrupted.

        Then the kill needs no confirmation, and the new key waits to be pasted.
        """
        world, record = self._world, self._recorder.record
        if step.action == "remove" or not world.ports.issuer.guided or world.key.kind is KeyKind.WEBHOOK:
            return False
        try:
            return world.ports.issuer.probe(world.old_key(record.facts)).liveness.dead
        except PortError:
            return False

    @property
    def _agreed(self) -> bool:
        """Whether the operator agreed to all of it when the incident began. An exception that was accepted since is not part of that."""
        record = self._recorder.record
        return bool(record.opened.get("options", {}).get("yes")) and not any(signal.get("accepts") for signal in record.signals)

    def _answer(self, step: Step, signals: Callable[[], list[Json]], *, asks: bool, unasked: bool) -> Json:
        """The operator's answer, if the question is put (`asks`), else `unasked`; or a signal that arrived before the answer."""
        called = signals()
        if called:
            return {"signals": called}
        yes = self._asked(step, signals) if asks else unasked
        called = [] if yes else signals()  # an answer may have come from another terminal while the question stood here
        if called:
            return {"signals": called}
        declined = {"declined": True} if asks and not yes else {}
        how = BY_FLAG if self._world.options.yes or not self._world.ports.operator.interactive else TYPED
        return {"yes": yes, "by": self._world.ports.operator.name, "at": self._recorder.now(), "how": how, **declined}

    def _declined(self, step: Step, by: str) -> Outcome:
        record = self._recorder.record
        both = "new" in record.facts and not record.facts.get("containment") and not record.facts.get("dead_at")
        lives = "; both keys work" if both else "; the leaked key works, for strangers, too" if step.action == "contain" else ""
        said = f"`{step.id}` was not done: {by} said no. Nothing was killed or deleted{lives}"
        ways = {"to go on, and be asked again": "resume", "to go back to the old key": "rollback", "to leave it, killing nothing": "abort"}
        if "new" not in record.facts:
            del ways["to go back to the old key"]
        return Outcome(Did.FAILED, said, todo="\n".join(f"{why}: ir {word} {record.id}" for why, word in ways.items()))

    def _approve(self, step: Step, *, at: str, by: str, how: str) -> None:
        """Approve at this terminal what is verified by now. For another replacement than the one shown, the person is asked again."""
        seen = approvals.question(self._recorder.record, step.id, step.approvals, self._plan.hash, ()).seen
        body = {"kind": "approve", "step": step.id, "plan": self._plan.hash, "until": at, "seen": seen, "how": how}
        self._recorder.emit("signal", body=body, at=at, actor=by)

    def _weighed(self, step: Step) -> Json:
        """The result of the approvals sent so far, {} when there are none. It is recorded with the time, since approvals expire."""
        record = self._recorder.record
        if not any(signal["kind"] == "approve" for signal in record.signals):
            return {}
        weighed = self._recorder.step("weigh", lambda: self._weigh(step))
        if weighed["granted"] and record.facts.get("approvals", {}).get(step.id) != weighed:
            body = {"kind": "approved", "step": step.id, "said": weighed["said"], "facts": {"approvals": {step.id: weighed}}}
            self._recorder.emit_now("signal", body=body)
            if weighed["broken_glass"]:
                self._world.hooks.say(f"WARNING: {weighed['said']}")
        return weighed

    def _weigh(self, step: Step) -> Json:
        record, listed = self._recorder.record, self._world.inventory.approvers
        asked = approvals.question(record, step.id, step.approvals, self._plan.hash, listed, self._world.hooks.removed_approvers())
        return approvals.weigh(asked, record.signals, self._world.now())

    def _asked(self, step: Step, signals: Callable[[], list[Json]]) -> bool:
        def elsewhere() -> str:
            return next((f"{row['actor']} ({row['kind']})" for row in signals()), "")

        about = replace(self._about(step), approves=step.id if step.approval else "")
        return self._world.ports.operator.confirm_by_name(about, elsewhere=elsewhere)

    def _about(self, step: Step) -> Irreversible:
        record = self._recorder.record
        if step.action == "remove":
            return irreversible.to_delete(record)
        if step.action == "contain":
            return irreversible.to_contain(record, self._ends_in())
        return irreversible.to_kill(record, self._ends_in())

    def _dies(self, step: Step) -> bool:
        """Whether the step will kill or delete something, told from the record alone."""
        if step.danger is not Danger.IRREVERSIBLE:
            return False
        facts = self._recorder.record.facts
        if step.action == "contain":
            return not facts.get("containment") and not Liveness(facts["old"].get("liveness", Liveness.UNKNOWN)).dead
        return step.action != "remove" or bool(facts.get("proof") and facts["old"].get("id") and not self._world.ports.issuer.guided)

    def _ends_in(self) -> str:
        """The last four characters of the key that dies, for the eyes only: where it has no other name, it is called by them."""
        if not self._world.ports.operator.interactive:
            return ""
        try:
            return self._world.old_key(self._recorder.record.facts).reveal()[-4:]
        except PortError:
            return ""

    def containment(self) -> bool:
        """Misuse was found in an overlap run: ask the operator whether to contain now; without a terminal, warn."""
        record = self._recorder.record
        facts = record.facts.get("review", {})
        found = facts.get("verdict") in ("confirmed", "suspected")
        if self._plan.policy is Policy.EXPLOITED or not found or record.facts.get("containment"):
            return False
        question = f"Misuse is {facts['verdict']}. Contain the key now? Services that still use it will fail."
        operator = self._world.ports.operator

        def yes() -> bool:
            if not operator.interactive or not operator.confirm(question):
                return False
            made = reversibility.way(self._world.account, replaces=not self._world.options.no_replacement, made="new" in record.facts)
            return not made.kills or operator.confirm_by_name(irreversible.to_contain(record, self._ends_in()))

        answer = self._recorder.step("escalate", lambda: {"yes": yes()})
        if not answer["yes"]:
            self._world.hooks.say(f"WARNING: misuse is {facts['verdict']}; to contain the key now: ir contain {record.id}")
        return bool(answer["yes"])
