"""`--policy auto`: the review looks first and proposes, a human chooses.

`exposed` is proposed only when no misuse of writes was seen and everything that can show one was read; misuse proposes
`exploited`; anything else proposes nothing, because who cannot tell must not reassure.
"""

from collections.abc import Callable
from dataclasses import replace

from ir import attempt, guard, playbook, wiring
from ir.actions import review as reviewing
from ir.cli.people import Terminal
from ir.incident import Incident
from ir.inventory import Inventory, Key
from ir.model import Json, Policy
from ir.plan import Plan, compile_plan
from ir.secret import Secret
from ir.setting import Setting
from ir.state import State

_SHOWN = 5


def propose(planned: Callable[[Plan], Setting], source: Inventory, row: Key, kept: State, operator: Terminal, leaked: Secret | None) -> str:
    """Show what the evidence says, in at most the triage's budget; returns the proposed policy, "" = none. Changes nothing."""
    plan = compile_plan(playbook.load("stripe-exposed"), source, row)
    setting = planned(plan)
    looking = replace(setting, incident="INC-rehearsal", options=replace(setting.options, dry_run=True))
    world = wiring.world(looking, kept, operator, ask=guard.read_only, leaked=leaked, say=operator.screen.progress)
    triage = next(step for step in plan.steps if step.action == "review")
    operator.tell("looking for misuse first; nothing is changed")
    outcome = attempt.guarded(reviewing, world, Incident(), triage)
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
