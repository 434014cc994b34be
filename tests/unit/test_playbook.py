"""Playbooks that cannot work are refused at load; those that can become plans."""

import pytest

from ir import inventory
from ir.core.errors import BadFile, UsageError
from ir.core.model import Danger
from ir.incident import playbook
from ir.incident.action_catalog import ACTIONS
from ir.incident.plan import compile_plan, plan_from_json
from tests.unit.test_inventory import GOOD

STEPS = """
  - {id: preflight, action: preflight}
  - {id: custody, action: custody}
  - {id: mint, action: mint}
  - {id: check, action: check}
  - {id: stage, action: stage}
  - {id: waves, action: wave}
  - {id: verify, action: verify}
  - {id: retire, action: retire, approval: required}
  - {id: prove, action: prove}
  - {id: report, action: report}
"""


def book(steps: str, policy: str = "exposed") -> str:
    return f"name: mine\npolicy: {policy}\nsteps:{steps}"


@pytest.mark.parametrize("name", playbook.shipped())
def test_the_shipped_ones_are_right(name: str) -> None:
    source = inventory.loads(GOOD, "x")
    plan = compile_plan(playbook.load(name), source, source.keys[0])
    assert plan_from_json(plan.to_json()).hash == plan.hash
    if any(step.action == "retire" for step in plan.steps):
        assert plan.reversibility
    assert plan.steps[-1].action == "report"


def test_ones_own_is_read() -> None:
    assert playbook.loads(book(STEPS), "mine.yaml").steps[-1].id == "report"


@pytest.mark.parametrize(
    ("change", "to", "word"),
    [
        ("action: verify}", "action: verfy}", "no action"),
        ("  - {id: verify, action: verify}\n", "", "before any `verify`"),
        ("id: check", "id: mint", "listed twice"),
        ("  - {id: stage, action: stage}\n", "", "needs what only `stage` gives"),
        ("  - {id: mint, action: mint}\n", "", "needs what only `mint` gives"),
        ("  - {id: report, action: report}\n", "  - {id: report, action: report}\n  - {id: sweep, action: sweep}\n", "cannot be reached"),
        ("id: prove, action: prove}", "id: again, action: retire}", "cannot be reached"),
        ("action: wave}", "action: wave, with: {soak: soon}}", "not a duration"),
        ("action: wave}", "action: wave, with: {soap: 1s}}", "not a setting"),
        ("action: verify}", "action: verify, approval: required}", "nothing to approve"),
        ("approval: required", "approval: maybe", "approval"),
        ("action: wave}", "action: wave, on: x}", "true or false"),
    ],
)
def test_what_cannot_work_is_refused(change: str, to: str, word: str) -> None:
    assert change in STEPS
    with pytest.raises(BadFile, match=word) as refusal:
        playbook.loads(book(STEPS.replace(change, to, 1)), "mine.yaml")
    assert refusal.value.line > 3


def test_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no playbook"):
        playbook.load("stripe-nope")


def test_what_is_irreversible_is_named_and_every_action_has_a_module() -> None:
    from importlib import import_module

    from ir.actions import ACTIONS as MODULES

    assert [name for name, action in ACTIONS.items() if action.danger is Danger.IRREVERSIBLE] == ["retire", "remove"]
    for name in ACTIONS:
        module = import_module(MODULES[name])
        assert callable(module.run)
        assert ACTIONS[name].danger is Danger.READ or callable(module.dry_run), f"{name} cannot be rehearsed"
