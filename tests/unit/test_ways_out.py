"""What a run prints as the next command can be typed as it stands: from any folder, with any number of open incidents."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ir import cli, owed
from ir.attempt import guarded
from ir.errors import ExitCode, IrError, Rejected, Unknown, Waiting
from ir.incident import Incident
from ir.model import Danger, Debt, Did, Outcome
from ir.plan import Step

STEP = Step("retire", "retire", Danger.IRREVERSIBLE, "kill the old key", "", {})
WORLD: Any = SimpleNamespace(incident="INC-1")


def tried(result: Outcome | IrError) -> Outcome:
    """What becomes of it."""

    def run(*_: object) -> Outcome:
        if isinstance(result, IrError):
            raise result
        return result

    return guarded(SimpleNamespace(run=run), WORLD, Incident(), STEP)


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("ir resume", "ir resume INC-1"),
        ("ir resume, with --new-key-from to give it again", "ir resume INC-1, with --new-key-from to give it again"),
        ("make another new key, and run `ir resume`", "make another new key, and run `ir resume INC-1`"),
        ("ir resume INC-1; or go back: ir rollback INC-1", "ir resume INC-1; or go back: ir rollback INC-1"),
        ("ir status", "ir status"),
    ],
)
def test_a_command_about_an_incident_names_it(said: str, typed: str) -> None:
    """The port that asks for it knows no incident."""
    assert tried(Waiting("w", next_step=said)).todo == typed
    outcome = tried(Outcome(Did.WAITING, "w", todo=said, debts=(Debt("key-alive", "k", "why", said),)))
    assert (outcome.todo, outcome.debts[0].todo) == (typed, typed)


@pytest.mark.parametrize(
    ("error", "did"), [(Waiting("w", safe="s"), Did.WAITING), (Unknown("w", safe="s"), Did.UNKNOWN), (Rejected("w", safe="s"), Did.FAILED)]
)
def test_what_is_safe_now_is_recorded(error: IrError, did: Did) -> None:
    assert tried(error) == Outcome(did, "w; safe now: s")


def test_what_is_safe_now_stands_on_its_own_line_below_a_list() -> None:
    assert tried(Waiting("a\n  1. b", safe="s")).said == "a\n  1. b\nsafe now: s"


def opened(name: str, base: str) -> Incident:
    """An incident of that inventory."""
    body = {"key": "payments", "inventory_name": name, "inventory_base": base}
    return cast(Incident, SimpleNamespace(opened=body, facts={}, plan={"playbook": "stripe-exposed"}))


def test_the_command_that_rotates_again_names_the_inventory() -> None:
    assert owed.again(opened("../ir/inventory.yaml", "/srv/ir")) == "ir rotate stripe payments --inventory /srv/ir/inventory.yaml"
    assert owed.again(opened("my world.yaml", "/srv/a b")) == "ir rotate stripe payments --inventory '/srv/a b/my world.yaml'"
    assert owed.again(opened("(no inventory)", "/root")) == "ir rotate stripe payments --leaked-key-from prompt"
    assert owed.again(opened("", "")) == "ir rotate stripe payments"


def test_ctrl_c_says_so_and_claims_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was under way when it came, as a containment, may have happened."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ir.wiring.state", interrupted)
    assert cli.run(["status"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "\ninterrupted; ir status shows what is open\n"
