"""Our clock, ahead of Stripe's or behind it, neither hides a use of the old key nor invents one; a key that comes back is not dead."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ir.actions import last_use
from ir.core.errors import ExitCode
from ir.core.model import KeyRow, Liveness, Probe
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Crash, Journal
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.incident.facts import Quiet
from ir.incident.record import Incident
from tests.incident.test_workflow import go

OFF = (-300.0, 0.0, 300.0)


def used_by_a_stranger(sim: Simulation, *, late: float = 0.0) -> None:
    """Every 25 ms, as fast as Stripe can count it; Stripe's list is `late` seconds behind."""
    look = sim.provider.identify

    def identify(key: Secret, *, known_id: str = "") -> KeyRow | None:
        sim.leaked.last_used = sim.clock.time.timestamp()
        return look(key, known_id=known_id)

    sim.provider.identify = identify  # type: ignore[method-assign]
    if late:
        lagging(sim, late)


def lagging(sim: Simulation, late: float) -> None:
    """Stripe shows a use `late` seconds after it was made."""
    look, shown = sim.provider.identify, list[tuple[float, float]]()

    def identify(key: Secret, *, known_id: str = "") -> KeyRow | None:
        row, now = look(key, known_id=known_id), sim.clock.elapsed()
        if row is None or key != sim.leaked.value:
            return row
        shown.append((now, row.last_used))
        old = [used for at, used in shown if at <= now - late]
        return KeyRow(row.id, row.name, row.active, row.mode, last_used=old[-1] if old else 1.0, permissions=row.permissions)

    sim.provider.identify = identify  # type: ignore[method-assign]


def quiet_of(sim: Simulation) -> tuple[int, Quiet, str]:
    code, record, _ = go(sim)
    run = record.run_of("quiet")
    assert run is not None
    return code, record.facts.get("quiet", {}), run.outcome.said


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("late", [0.0, 4.0])
def test_a_strangers_use_is_seen_whatever_our_clock_says(off: float, late: float) -> None:
    sim = Simulation("exposed")
    sim.clock.jump(off)
    used_by_a_stranger(sim, late=late)
    _, quiet, said = quiet_of(sim)
    assert quiet.get("used_at") and "still used" in said


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("late", [0.0, 4.0])
def test_our_own_use_is_not_taken_for_a_strangers(off: float, late: float) -> None:
    sim = Simulation("exposed")
    sim.clock.jump(off)
    if late:
        lagging(sim, late)
    code, quiet, said = quiet_of(sim)
    assert (code, quiet) == (ExitCode.DONE, {"checked": True}), said


@pytest.mark.parametrize(("policy", "wanted"), [("exposed", ExitCode.DONE), ("scheduled", ExitCode.WAITING)])
def test_beyond_the_wait_it_cannot_be_told(policy: str, wanted: int) -> None:
    sim = Simulation(policy)
    lagging(sim, 3 * last_use.WITHIN + (7 * 86400.0 if policy == "scheduled" else 0.0))
    code, quiet, said = quiet_of(sim)
    assert (code, quiet) == (wanted, {"checked": False})
    assert "cannot tell" in said or "no source shows" in said


def test_without_stripes_own_time_it_cannot_be_told() -> None:
    sim = Simulation("exposed")
    look = sim.provider.probe

    def undated(key: Secret) -> Probe:
        seen = look(key)
        return Probe(seen.liveness, seen.status, seen.mode, seen.account, at=seen.at)

    sim.provider.probe = undated  # type: ignore[method-assign]
    code, quiet, said = quiet_of(sim)
    assert (code, quiet) == (ExitCode.DONE, {"checked": False}) and "cannot tell" in said


@pytest.mark.parametrize("off", OFF)
def test_a_use_after_the_services_moved_and_before_our_own_is_seen(off: float) -> None:
    """Once, between the last wave and the look: nothing uses it after that."""
    sim = Simulation("exposed")
    sim.clock.jump(off)
    look = sim.provider.identify
    calls = list[float]()

    def identify(key: Secret, *, known_id: str = "") -> KeyRow | None:
        moved = all(service.held != sim.leaked.value for service in sim.services.values())
        if moved and not calls:
            sim.clock.sleep(30)
            calls.append(sim.clock.elapsed())
            sim.leaked.last_used = sim.clock.time.timestamp()
        return look(key, known_id=known_id)

    sim.provider.identify = identify  # type: ignore[method-assign]
    _, quiet, said = quiet_of(sim)
    assert calls and quiet.get("used_at"), said


# ── a key that comes back ──


def comes_back(sim: Simulation, after: float) -> None:
    """The leaked key is refused for a while once it was expired, and answers again."""
    look, died = sim.provider.probe, list[float]()

    def probe(key: Secret) -> Probe:
        seen = look(key)
        if key != sim.leaked.value or not seen.liveness.dead:
            return seen
        died.append(sim.clock.elapsed())
        if sim.clock.elapsed() - died[0] < after:
            return seen
        sim.leaked.dies_at = None
        return look(key)

    sim.provider.probe = probe  # type: ignore[method-assign]


def test_a_key_that_answers_again_after_it_was_proven_dead_does_not_end_well() -> None:
    sim, journal = Simulation("exposed"), Journal()
    comes_back(sim, 17.0)
    code, record, _ = go(sim, journal)
    mark = sim.leaked.value.fingerprint
    assert sim.provider.lives(sim.leaked)
    assert code == ExitCode.DEBT and record.debts[mark].kind == "key-alive", [(run.id, run.outcome.said) for run in record.runs]
    assert not record.facts.get("dead_at") and sim.world.ports.custody.fetch("old") == sim.leaked.value
    sim.provider.probe = type(sim.provider).probe.__get__(sim.provider)  # type: ignore[method-assign]
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE and not sim.provider.lives(sim.leaked) and record.facts["dead_at"]


def test_without_services_it_is_looked_at_once_more_all_the_same() -> None:
    sim = Simulation("exposed")
    sim.source = sim.source.model_copy(update={"services": []})
    sim.world, sim.services = replace(sim.world, inventory=sim.source), {}
    comes_back(sim, 17.0)
    code, record, _ = go(sim)
    assert code == ExitCode.DEBT and sim.leaked.value.fingerprint in record.debts


def test_no_answer_at_the_last_look_is_not_taken_for_a_death() -> None:
    sim = Simulation("exposed")
    look = sim.provider.probe
    silent = list[bool]()

    def probe(key: Secret) -> Probe:
        if silent and key == sim.leaked.value:
            return Probe(Liveness.UNKNOWN, 429)
        return look(key)

    sim.provider.probe = probe  # type: ignore[method-assign]
    sweep = sim.reviewer.sweep

    def falls_silent(*args: object) -> object:
        silent.append(True)
        return sweep(*args)  # type: ignore[arg-type]

    sim.reviewer.sweep = falls_silent  # type: ignore[assignment, method-assign]
    code, record, _ = go(sim)
    assert code == ExitCode.DEBT and record.debts[sim.leaked.value.fingerprint].kind == "key-unproven"


def test_the_time_that_a_person_is_told_to_compare_with_is_stripes() -> None:
    sim = Simulation("scheduled", guided=True)
    by_hand = sim.provider.create("by hand")
    sim.provider.deliver = lambda: by_hand.value
    sim.clock.jump(timedelta(days=2).total_seconds())
    _, record, _ = go(sim)
    assert record.runs[-1].id == "quiet"
    shown = record.runs[-1].outcome.todo.split("later than ")[1][:10]
    moved = max(row["moved_at"] for row in record.facts["services"].values())
    assert shown == f"{datetime.fromtimestamp(moved, UTC) - timedelta(days=2):%Y-%m-%d}"


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
@pytest.mark.parametrize("used", [False, True])
def test_a_clock_that_is_set_between_the_move_and_the_look_invents_no_use_and_hides_none(jump: float, used: bool) -> None:
    sim = Simulation("exposed")
    look, jumped = sim.provider.identify, list[bool]()

    def identify(key: Secret, *, known_id: str = "") -> KeyRow | None:
        moved = all(service.held != sim.leaked.value for service in sim.services.values())
        if moved and not jumped:
            jumped.append(True)
            sim.clock.jump(jump)
        if used:
            sim.leaked.last_used = sim.clock.time.timestamp()
        return look(key, known_id=known_id)

    sim.provider.identify = identify  # type: ignore[method-assign]
    _, quiet, said = quiet_of(sim)
    assert jumped and bool(quiet.get("used_at")) is used, said


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_is_set_during_the_grace_hides_no_use_in_it(jump: float) -> None:
    sim = Simulation("scheduled")
    look, jumped = sim.provider.identify, list[bool]()

    def identify(key: Secret, *, known_id: str = "") -> KeyRow | None:
        if sim.clock.elapsed() > 3600 and not jumped:
            jumped.append(True)
            sim.clock.jump(jump)
            sim.leaked.last_used = sim.clock.time.timestamp()
        return look(key, known_id=known_id)

    sim.provider.identify = identify  # type: ignore[method-assign]  # somebody uses the key once, late in its grace
    code, quiet, said = quiet_of(sim)
    assert jumped and code == ExitCode.WAITING and quiet.get("used_at"), said


def test_a_move_by_a_clock_that_was_set_counts_from_the_earlier_time_that_it_may_stand_for() -> None:
    record = Incident(facts={"services": {"web": {"moved_at": 10_000.0}}, "clock": {"ahead": 0.0}})
    assert last_use.known_until(record, -7200.0) == 10_000.0 + last_use.RESOLUTION
    assert last_use.known_until(record, 7200.0) == 2_800.0 + last_use.RESOLUTION


def _killed_in_quiet(sim: Simulation, times: int, between: float = 60.0) -> tuple[int, Incident]:
    """Each time after the look, before its entry; the next process begins `between` seconds later."""
    plain = Simulation("scheduled")
    names = [name for name, _ in go(plain)[2].outputs]
    journal = Journal()
    journal.crash_at = names.index("quiet#1") + 1
    for number in range(times):
        with pytest.raises(Crash):
            Workflow(journal.engine(), sim.world, sim.opening()).run()
        journal.crash_at = journal.acts + 1 if number + 1 < times else -1
        sim.world = sim.another_machine()
        sim.clock.sleep(between)
    code, record, _ = go(sim, journal)
    return code, record


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("times", [1, 3])
def test_our_own_use_is_known_as_ours_after_a_kill(times: int, off: float) -> None:
    """The record does not tell it yet, and Stripe shows it like any other."""
    sim = Simulation("scheduled")
    sim.clock.jump(off)
    code, record = _killed_in_quiet(sim, times)
    assert code == ExitCode.DONE, [(run.id, run.outcome.said) for run in record.runs]
    assert not sim.provider.lives(sim.leaked)


def test_a_use_after_our_own_is_no_less_seen_for_it() -> None:
    sim = Simulation("scheduled")
    sleep = sim.clock.sleep

    def a_consumer(seconds: float) -> None:
        """It comes once, while no process of ours runs."""
        sleep(seconds)
        if seconds == 77.0:
            sim.leaked.last_used = sim.clock.time.timestamp() - 30

    sim.clock.sleep = a_consumer  # type: ignore[method-assign]
    code, record = _killed_in_quiet(sim, 1, between=77.0)
    assert code == ExitCode.WAITING and sim.provider.lives(sim.leaked)
    assert record.runs[-1].action == "quiet"


def test_a_use_that_was_not_answered_may_be_ours_for_a_minute_and_no_longer() -> None:
    noted = [(1000.0, 0.0), (5000.0, 4700.0)]
    ours = [last_use.perhaps_ours(at, noted, 300.0) for at in (690.0, 700.0, 759.0, 761.0, 4699.0, 4700.0, 4701.0, 4702.0)]
    assert ours == [False, True, True, False, False, True, True, False]
