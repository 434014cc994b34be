"""The old key is used after all services had moved: ours stops its death, a stranger's does not, and the policy decides the rest."""

from dataclasses import replace

import pytest

from ir.core.errors import ExitCode
from ir.core.model import Did
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.incident.record import Incident
from ir.incident.reversibility import OVERLAP_BUDGET
from ir.ports import Check, Expected, KeyUse
from tests.incident.test_clocks import used_by_a_stranger
from tests.incident.test_workflow import go


def world(policy: str = "exposed", *, guided: bool = False) -> Simulation:
    sim = Simulation(policy, guided=guided)
    sim.world = replace(sim.world, account=sim.world.account.model_copy(update={"logs": ["requests.jsonl"]}))
    if guided:
        by_hand = sim.provider.create("by hand")
        sim.provider.deliver = lambda: by_hand.value
    return sim


def logged(sim: Simulation, *, ours: bool, late: float = 0.0) -> None:
    """A log that sees all tells who used it just now."""
    sim.reviewer.uses = lambda _since: (KeyUse(sim.clock.time.timestamp() - late, ours, "nightly/1.0 at 203.0.113.9"),)


def quiet(record: Incident) -> tuple[Did, str]:
    run = record.run_of("quiet")
    assert run is not None
    return run.outcome.did, run.outcome.said


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("policy", ["exposed", "scheduled"])
def test_a_use_that_our_logs_know_stops_before_the_kill_and_is_named(policy: str, guided: bool) -> None:
    """Where Stripe shows when a key is used, and where it does not."""
    sim = world(policy, guided=guided)
    used_by_a_stranger(sim)
    logged(sim, ours=True)
    code, record, journal = go(sim)
    assert code == ExitCode.WAITING and sim.provider.lives(sim.leaked)
    did, said = quiet(record)
    assert did is Did.WAITING and "nightly/1.0 at 203.0.113.9" in said and "both keys live" in said
    assert record.facts["quiet"]["users"]["ours"] == ["nightly/1.0 at 203.0.113.9"]
    logged(sim, ours=False)
    journal.send("wake", yes=True)
    go(sim, journal)
    assert record.runs[-1].id == "quiet" or not sim.provider.lives(sim.leaked)


def test_what_was_logged_before_the_services_moved_says_nothing() -> None:
    sim = world()
    logged(sim, ours=True, late=86400.0)
    code, record, _ = go(sim)
    assert code == ExitCode.DONE, quiet(record)


@pytest.mark.parametrize("policy", ["exposed", "scheduled"])
def test_a_strangers_use_never_delays_the_kill(policy: str) -> None:
    sim = world(policy)
    used_by_a_stranger(sim)
    logged(sim, ours=False)
    began = sim.clock.elapsed()
    code, record, _ = go(sim)
    assert code == ExitCode.DONE, quiet(record)
    assert not sim.provider.lives(sim.leaked) and "strangers" in quiet(record)[1]
    assert policy == "scheduled" or sim.clock.elapsed() - began < 600


def test_a_listed_service_that_went_back_to_it_is_named() -> None:
    sim = world()
    used_by_a_stranger(sim)
    web, verified = sim.services["web"], []
    check = web.check

    def flapping(expected: Expected) -> Check:
        """From quiet on it holds what it began with."""
        if sim.world.run.facts().get("verified_at"):
            verified.append(expected)
            web.held = sim.leaked.value
        return check(expected)

    web.check = flapping  # type: ignore[method-assign]
    code, record, _ = go(sim)
    assert code == ExitCode.WAITING and sim.provider.lives(sim.leaked) and verified
    assert "service web" in quiet(record)[1]


def test_where_nothing_tells_an_unattended_run_goes_on_when_the_budget_is_over_with_a_debt() -> None:
    sim = world()
    used_by_a_stranger(sim)
    began = sim.clock.elapsed()
    code, record, _ = go(sim)
    assert code == ExitCode.DEBT and not sim.provider.lives(sim.leaked)
    assert sim.clock.elapsed() - began >= OVERLAP_BUDGET
    (debt,) = [debt for debt in record.debts.values() if debt.kind == "unknown-use"]
    assert "nothing tells by whom" in debt.why and f"ir close {sim.incident} --attest" in debt.todo


def test_a_worker_does_not_sit_out_the_budget() -> None:
    sim = world()
    sim.world.run.patient = False
    used_by_a_stranger(sim)
    code, record, journal = go(sim)
    assert code == ExitCode.WAITING and sim.provider.lives(sim.leaked)
    assert record.runs[-1].outcome.facts["wake_at"] == record.facts["opened_at"] + OVERLAP_BUDGET
    sim.clock.sleep(OVERLAP_BUDGET)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and not sim.provider.lives(sim.leaked)


@pytest.mark.parametrize(("answer", "wanted"), [("kill it", ExitCode.DONE), ("wait", ExitCode.WAITING)])
def test_where_nothing_tells_a_person_at_the_terminal_is_asked(answer: str, wanted: int) -> None:
    sim = world()
    used_by_a_stranger(sim)
    sim.operator.interactive, sim.operator.chooses = True, answer
    began = sim.clock.elapsed()
    code, record, _ = go(sim)
    assert code == wanted, quiet(record)
    assert sim.provider.lives(sim.leaked) is (answer == "wait") and sim.clock.elapsed() - began < 600
    assert any("Nothing tells which" in told for told in sim.operator.told)


def test_a_signal_cuts_the_wait_for_the_budget_short() -> None:
    sim, journal = world(), Journal()
    used_by_a_stranger(sim)
    sleep, slept, sent = sim.clock.sleep, [0.0], list[object]()

    def sleeping(seconds: float) -> None:
        slept[0] += seconds
        if slept[0] > 300 and not sent:
            sent.append(seconds)
            journal.send("abort")
        sleep(seconds)

    sim.clock.sleep = sleeping  # type: ignore[method-assign]
    code, record, _ = go(sim, journal)
    assert record.status == "aborted" and code == ExitCode.DEBT and sim.provider.lives(sim.leaked)
