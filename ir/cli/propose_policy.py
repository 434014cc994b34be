"""`--policy auto`: the review looks first and proposes, a person chooses.

`exposed` is proposed only when no misuse of writes was seen and everything that can show one was read; misuse proposes
`exploited`; anything else proposes nothing, because *cannot tell* must not reassure.
"""

from collections.abc import Callable
from dataclasses import replace

from ir.actions import review as reviewing
from ir.cli.terminal.operator import Terminal
from ir.core.model import Json, Policy
from ir.core.secret import Secret
from ir.engine import step_attempt
from ir.incident import playbook
from ir.incident.plan import Plan, compile_plan
from ir.incident.record import Incident
from ir.inventory import Inventory, Key
from ir.runtime import worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting

_SHOWN = 5


def propose(planned: Callable[[Plan], Setting], source: Inventory, row: Key, kept: State, operator: Terminal, leaked: Secret | None) -> str:
    """Show what the evidence says, in at most the triage's budget; returns the proposed policy, "" = none. Changes nothing."""
    plan = compile_plan(playbook.load("stripe-exposed"), source, row)
    setting = planned(plan)
    looking = replace(setting, incident="INC-rehearsal", options=replace(setting.options, dry_run=True))
    world = worlds.read_only(looking, kept, operator, leaked=leaked, say=operator.screen.progress)
    triage = next(step for step in plan.steps if step.action == "review")
    operator.tell("looking for misuse first; nothing is changed")
    outcome = step_attempt.guarded(reviewing, world, Incident(), triage)
    operator.screen.step("review", outcome)
    seen: Json = outcome.facts.get("review", {})
    for finding in seen.get("findings", [])[:_SHOWN]:
        operator.tell(f"  {finding['severity']}: {finding['title']}: {finding['why']}")
    return of(seen)


def of(seen: Json) -> str:
    """The policy that a review's facts propose, "" = none."""
    if seen.get("verdict") in reviewing.MISUSE:
        return Policy.EXPLOITED.value
    return Policy.EXPOSED.value if seen.get("complete") else ""
