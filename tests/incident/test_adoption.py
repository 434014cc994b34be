"""A machine is lost at any moment with all that it had recorded; what the world tells is enough to go on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ir.core.errors import ExitCode, Refused, Unknown
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Crash, Journal, Parked
from ir.drill.simulated.provider import SimKey
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.incident import adoption
from ir.incident.context import Options, World
from ir.incident.facts import Facts
from ir.incident.folding import fold
from ir.incident.record import Incident


def run(sim: Simulation, world: World, journal: Journal, facts: Facts) -> tuple[int, Incident]:
    """To the end, or until it waits; raises Crash where the journal says so."""
    opening = sim.opening()
    opening["facts"] |= facts
    try:
        code = Workflow(journal.engine(), world, opening).run()
    except Parked:
        return int(ExitCode.WAITING), fold(journal.stream)
    return code, fold(journal.stream)


def lose(sim: Simulation, strike: int, *, recorded: bool) -> bool:
    """Run the first machine until it is lost; False: it had ended before."""
    journal = Journal()
    journal.crash_at, journal.crash_before_record = strike, not recorded
    try:
        run(sim, sim.world, journal, {})
    except Crash:
        return True
    return False


def whole(sim: Simulation) -> str:
    living = sim.provider.living()
    if len(living) != 1 or living[0].value == sim.leaked.value:
        return f"{[key.name for key in living]} live"
    wrong = [name for name, store in sim.stores.items() if store.value != living[0].value or store.staged or store.kept]
    return "; ".join([*wrong, *(name for name, service in sim.services.items() if not service.works)])


def test_wherever_a_managed_run_is_lost_another_machine_ends_it() -> None:
    for policy in ("exposed", "exploited"):
        strike, found = 0, 0
        while lose(sim := Simulation(policy), strike := strike + 1, recorded=bool(strike % 2)):
            minted = [key for key in sim.provider.keys if key.name.startswith("ir-")]
            kept = {value for store in sim.stores.values() for value in store.kept.values()}
            lost = sum(key.value not in kept for key in minted)
            try:
                facts = adoption.look(world := sim.another_machine())
            except Refused:
                assert not kept and all(not store.staged for store in sim.stores.values()), strike
                continue
            found += 1
            code, record = run(sim, world, Journal(), facts)
            assert code == ExitCode.DONE, (policy, strike, [(r.id, r.outcome.said) for r in record.runs])
            assert whole(sim) == "", (policy, strike)
            after = [key for key in sim.provider.keys if key.name.startswith("ir-")]
            assert len(after) == max(1, len(minted) + lost), "minted anew only where the value was lost with the machine"
            assert len({key.name for key in after}) == len(after), "no name is used twice"
        assert found > 12


def hand_over(sim: Simulation) -> Callable[[], Secret | None]:
    """A human who has made one key in the Dashboard, and expires the old one when told to."""
    given = sim.provider.create("by hand")

    def expire(what: str) -> None:
        if what == "retire" and sim.leaked.dies_at is None:
            sim.leaked.dies_at = sim.clock.time

    sim.provider.human = expire
    return lambda: given.value


def test_wherever_a_guided_run_is_lost_the_key_that_was_given_is_found_again() -> None:
    strike, found = 0, 0
    while True:
        sim = Simulation("exposed", guided=True)
        sim.provider.deliver = hand_over(sim)
        if not lose(sim, strike := strike + 1, recorded=bool(strike % 2)):
            break
        taken = any(role.startswith("new-") for store in sim.stores.values() for _, role in store.kept)
        try:
            facts = adoption.look(world := sim.another_machine())
        except Refused:
            continue
        found += 1
        if taken:
            sim.provider.deliver = lambda: pytest.fail("a second key was asked for")
        code, record = run(sim, world, Journal(), facts)
        assert code == ExitCode.DONE, (strike, [(r.id, r.outcome.said) for r in record.runs])
        assert whole(sim) == "", strike
    assert found > 12


# ── what cannot be told is refused ────────────────────────────────────────────────────────────────────


def half_promoted(**kept: Secret) -> tuple[Simulation, SimKey]:
    """The replacement is in the first store; custody of both keys is where the caller says, else lost with an escrow."""
    sim = Simulation("exposed")
    new = sim.provider.create(f"ir-{sim.incident}-1")
    first, second = sim.stores.values()
    first.put(new.value)
    for role, value in kept.items():
        second.keep(sim.incident, role.replace("_", "-"), value)
    return sim, new


def test_an_id_that_nothing_carries_is_refused_and_told_where_it_was_looked_for() -> None:
    sim = Simulation("exposed")
    with pytest.raises(Refused) as refusal:
        adoption.look(sim.world)
    assert sim.incident in refusal.value.what
    assert all(name in refusal.value.what for name in sim.stores) and "Stripe" in refusal.value.what


def test_a_store_that_is_silent_is_named_where_nothing_is_found() -> None:
    sim = Simulation("exposed")
    next(iter(sim.stores.values())).fail_next.append(Unknown("time-out"))
    with pytest.raises(Refused, match="could not be looked at: time-out"):
        adoption.look(sim.world)


def test_with_the_escrow_lost_the_row_at_the_provider_tells_the_replacement_and_the_rest_the_leaked_key() -> None:
    sim, new = half_promoted()
    facts = adoption.look(sim.world)
    assert facts["new"] == {"fingerprint": new.value.fingerprint, "n": 1, "id": new.id}
    assert facts["old"]["fingerprint"] == sim.leaked.value.fingerprint
    code, _ = run(sim, sim.world, Journal(), facts)
    assert (code, whole(sim)) == (ExitCode.DONE, "")


def test_a_replacement_that_services_are_on_is_not_doubted_because_the_number_of_its_try_is_not_known() -> None:
    sim, new = half_promoted()
    facts = adoption.look(world := sim.another_machine())
    facts["new"]["n"] = facts["mint"]["n"] = 2
    code, record = run(sim, world, Journal(), facts)
    assert (code, whole(sim)) == (ExitCode.DONE, "")
    assert record.facts["new"]["fingerprint"] == new.value.fingerprint


def test_with_the_escrow_lost_and_all_promoted_the_leaked_key_must_be_given() -> None:
    sim, new = half_promoted()
    for store in sim.stores.values():
        store.put(new.value)
    with pytest.raises(Refused) as refusal:
        adoption.look(sim.world)
    assert "escrow" in refusal.value.what and "--leaked-key-from" in refusal.value.next_step
    sim.world.keys.leaked = sim.leaked.value
    code, _ = run(sim, sim.world, Journal(), adoption.look(sim.world))
    assert (code, whole(sim)) == (ExitCode.DONE, "")


def test_another_leaked_key_than_the_incidents_is_refused() -> None:
    sim, _ = half_promoted(old=Secret("sk_test_" + "9" * 32))
    sim.world.keys.leaked = sim.leaked.value
    with pytest.raises(Refused, match="about another key"):
        adoption.look(sim.world)


def test_a_strangers_value_in_a_store_is_refused() -> None:
    sim, new = half_promoted()
    _, second = sim.stores.values()
    second.keep(sim.incident, "old", sim.leaked.value)
    second.keep(sim.incident, "new-1", new.value)
    second.put(sim.provider.create("somebody else's").value)
    with pytest.raises(Refused, match="neither the leaked key nor a replacement"):
        adoption.look(sim.world)


def test_a_key_of_our_name_that_may_be_in_use_where_we_cannot_look_is_not_expired() -> None:
    sim = Simulation("exposed")
    sim.provider.create(f"ir-{sim.incident}-1")
    first, second = sim.stores.values()
    second.keep(sim.incident, "old", sim.leaked.value)
    first.fail_next.append(Unknown("time-out"))
    with pytest.raises(Refused, match="may be in use where it cannot be read"):
        adoption.look(sim.world)


def test_a_replacement_that_is_dead_by_now_is_replaced() -> None:
    sim, new = half_promoted()
    new.dies_at = sim.clock.time
    _, second = sim.stores.values()
    second.keep(sim.incident, "old", sim.leaked.value)
    second.keep(sim.incident, "new-1", new.value)
    sim.world = replace(sim.world, options=Options(yes=True, accept_unhealthy={"web": "on the dead one", "canary": "on the dead one"}))
    facts = adoption.look(sim.world)
    assert "new" not in facts and facts["adopted"]["dead"] == [new.value.fingerprint]
    code, record = run(sim, sim.world, Journal(), facts)
    assert (code, whole(sim)) == (ExitCode.DONE, ""), [(r.id, r.outcome.said) for r in record.runs]


def test_what_preflight_cannot_go_on_with_waits_and_takes_nothing_back() -> None:
    sim, new = half_promoted()
    facts = adoption.look(sim.world)
    sim.services["billing"].broken = True
    code, record = run(sim, sim.world, Journal(), facts)
    assert code == ExitCode.WAITING and record.runs[-1].id == "preflight"
    first, _ = sim.stores.values()
    assert first.value == new.value and new in sim.provider.living()
