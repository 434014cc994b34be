"""Every action module is what the workflow takes it for; mypy compares the shapes, this test that none is missing."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

import ir.actions
from ir.actions import ACTIONS, Action, DryRuns, Prepares, load
from ir.core.model import Danger, Json, Outcome
from ir.incident.action_catalog import ACTIONS as CATALOG
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident

SHAPE = {"world": World, "record": Incident, "step": Step}


def shape(function: object) -> tuple[dict[str, object], object]:
    """Names and types of what it takes, and what it returns."""
    assert inspect.isfunction(function)
    told = inspect.get_annotations(function, eval_str=True)
    returns = told.pop("return")
    return told, returns


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_has_the_functions_that_the_workflow_calls(name: str) -> None:
    module = load(name)
    assert shape(module.run) == (SHAPE, Outcome)
    if isinstance(module, Prepares):
        assert shape(module.prepare) == (SHAPE, Json)
    if isinstance(module, DryRuns):
        assert shape(module.dry_run) == (SHAPE, Outcome)
    if name in CATALOG and CATALOG[name].danger is not Danger.READ:
        assert isinstance(module, DryRuns), "a dry run would have nothing to say of it"


def test_every_module_with_a_run_is_an_action_of_the_list() -> None:
    folder = Path(str(ir.actions.__file__)).parent
    modules = (import_module(f"ir.actions.{file.stem}") for file in folder.glob("*.py"))
    runs = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "run")}
    assert runs == set(ACTIONS)


def test_mypy_takes_a_module_for_an_action() -> None:
    from ir.actions import mint, preflight

    taken: list[Action] = [mint, preflight]
    prepares: Prepares = mint
    rehearses: DryRuns = mint
    assert all(hasattr(one, "run") for one in (*taken, prepares, rehearses))
