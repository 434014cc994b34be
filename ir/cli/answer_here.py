"""Answer at this terminal what another one asks: the approval of a step, by the same name that is typed there."""

from ir.cli import approve
from ir.cli.terminal.by_name import Answered
from ir.cli.terminal.onlooker import Answers
from ir.cli.terminal.operator import Terminal
from ir.core.errors import Refused
from ir.incident.record import Incident
from ir.runtime.app_state import State
from ir.storage.open_questions import OpenQuestion


def answers(operator: Terminal, kept: State) -> Answers:
    """Those that a person here may give. All others are given at the terminal that asks, which is said."""

    def answer(record: Incident, question: OpenQuestion) -> None:
        if not operator.interactive or not question.approves:
            operator.screen.say("  It is answered at that terminal; here it is only shown.")
            return

        def closed() -> str:
            holder = kept.leases.holder(record.id)
            if holder is None or not holder.alive:
                return "no one, its process has ended"
            return "" if kept.questions.of(record.id) == question else str(holder.actor)

        try:
            approve.confirm(kept, operator, record, question.approves, closed)
        except Answered as answered:
            operator.screen.say(f"  Nothing was sent from here; answered by {answered.by}.")
        except Refused:
            operator.screen.say("  Nothing was sent from here. The question stands open at that terminal.")
        else:
            kept.signals.send(record.id, "approve", operator.name, approve.unsigned(record, question.approves))
            operator.screen.say(f"  `{question.approves}` approved by {operator.name}, unsigned")

    return answer
