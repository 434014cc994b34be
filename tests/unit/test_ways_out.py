"""What a run prints as the next command can be typed as it stands: from any folder, with any number of open incidents."""

import base64
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ir import cli
from ir.adapters.issuers.key_api import _refusal
from ir.clients.stripe_answer import StripeResponse, term
from ir.core.errors import ExitCode, IrError, Rejected, Unknown, Waiting
from ir.core.model import Danger, Debt, Did, Item, Outcome
from ir.core.secret import Secret
from ir.engine.step_attempt import guarded
from ir.incident import debts
from ir.incident.plan import Step
from ir.incident.record import Incident

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


def test_no_key_is_recorded_though_a_port_forgot_to_scrub() -> None:
    key = Secret("sk_" + "live_" + "Zq9" * 12)
    said = f"it answers {key.reveal()}"
    outcome = tried(Outcome(Did.FAILED, said, items=(Item("i", Did.FAILED, said),), debts=(Debt("key-alive", "k", said, said),), todo=said))
    assert key.reveal() not in json.dumps(outcome.to_json()) and key.fingerprint in outcome.said


@pytest.mark.parametrize("field", ["code", "param"])
def test_no_word_of_an_answer_carries_a_key(field: str) -> None:
    """Stripe would not; whoever answers in its place repeats what was sent to him wherever he likes."""
    key = Secret("sk_" + "live_" + "Yw8" * 12)
    for word in (f"oops_{key.reveal()}", key.reveal().replace("_", "%5F"), base64.b64encode(key.reveal().encode()).decode()):
        answer = StripeResponse(400, {"error": {"type": "api_error", field: word}}, "req_1", {})
        said = f"{answer.reason} {answer.code} {_refusal(answer, 'mint a key').what}"
        assert "Yw8" not in said and "yw8" not in said and word[5:25] not in said, said
    assert term("more_permissions_required") == "more_permissions_required" and term("items[0].price") == "items[0].price"


def test_what_is_safe_now_stands_on_its_own_line_below_a_list() -> None:
    assert tried(Waiting("a\n  1. b", safe="s")).said == "a\n  1. b\nsafe now: s"


def opened(name: str, base: str) -> Incident:
    """An incident of that inventory."""
    body = {"key": "payments", "inventory_name": name, "inventory_base": base}
    return cast(Incident, SimpleNamespace(opened=body, facts={}, plan={"playbook": "stripe-exposed"}))


def test_the_command_that_rotates_again_names_the_inventory() -> None:
    assert debts.again(opened("../ir/inventory.yaml", "/srv/ir")) == "ir rotate stripe payments --inventory /srv/ir/inventory.yaml"
    assert debts.again(opened("my world.yaml", "/srv/a b")) == "ir rotate stripe payments --inventory '/srv/a b/my world.yaml'"
    assert debts.again(opened("(no inventory)", "/root")) == "ir rotate stripe payments --leaked-key-from prompt"
    assert debts.again(opened("", "")) == "ir rotate stripe payments"


def test_ctrl_c_says_so_and_claims_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was under way when it came, as a containment, may have happened."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ir.cli.status.open_state", interrupted)
    assert cli.run(["status"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "\ninterrupted; ir status shows what is open\n"
