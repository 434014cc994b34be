"""Keys that the tool itself made: none is made while another lives unknown, the right one is kept, and none dies under a service."""

from collections.abc import Callable

import pytest

from ir.core.errors import Denied, ExitCode
from ir.core.model import KeyRow
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Crash, Journal
from ir.drill.simulated.provider import SimKey
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.ports import Minted, MintOrder, Target
from tests.incident.test_workflow import go


def test_no_key_is_minted_while_one_whose_answer_was_lost_is_alive() -> None:
    sim = Simulation("exposed")
    sim.provider.lose_next = True
    mint, alive = sim.provider.mint, list[list[SimKey]]()

    def watched(order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        alive.append([key for key in sim.provider.keys if key.name.startswith("ir-") and key.dies_at is None])
        return mint(order, keep)

    sim.provider.mint = watched  # type: ignore[method-assign]  # to look at the moment of each mint
    code, _, _ = go(sim)
    assert code == ExitCode.DONE
    assert alive == [[], []]


def lists_read(sim: Simulation) -> list[str]:
    """Notes, from now on, each reading of the provider's list of our keys."""
    read, strays = list[str](), sim.provider.strays

    def noted(incident: str) -> tuple[KeyRow, ...]:
        read.append(incident)
        return strays(incident)

    sim.provider.strays = noted  # type: ignore[method-assign]  # to count them
    return read


def test_only_who_began_the_incident_mints_without_looking() -> None:
    for fresh, wanted in ((True, 1), (False, 2)):
        sim = Simulation("exposed")
        sim.world.run.fresh = fresh
        read = lists_read(sim)
        code, record, _ = go(sim)
        assert code == ExitCode.DONE and record.facts["new"]["alone"]
        assert len(read) == wanted, "the last one is the proof's"


def test_what_one_call_made_twice_is_looked_for_again_before_the_kill() -> None:
    sim = Simulation("exposed")
    sim.provider.double_next = True
    read = lists_read(sim)
    code, record, _ = go(sim)
    assert code == ExitCode.DONE and not record.facts["new"]["alone"]
    assert len(read) == 2 and len(sim.provider.living()) == 1


def test_a_double_that_shows_late_is_owed_and_expired_by_the_next_look() -> None:
    sim, journal = Simulation("exposed"), Journal()
    retire, late = sim.provider.retire, list[SimKey]()

    def shows_late(target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        if not late:
            late.append(sim.provider.create(f"ir-{sim.incident}-1"))
        return retire(target, stop=stop)

    sim.provider.retire = shows_late  # type: ignore[method-assign]  # the list was one key short until then
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and late[0].id in record.debts
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, record.debts
    assert late[0] not in sim.provider.living() and len(sim.provider.living()) == 1


def test_what_was_kept_and_expired_after_all_is_not_taken_from_custody() -> None:
    """It answers for a while yet: services that were moved to it would fall."""
    sim, journal = Simulation("exploited"), Journal()
    sim.provider.delay = 30.0
    first = next(iter(sim.stores.values()))
    fetch, refused = first.fetch, list[str]()

    def shut_once(incident: str, role: str) -> Secret | None:
        if (incident, role) in first.kept and role == "new-1" and not refused:
            refused.append(role)
            raise Denied("it may be written there, and not read")
        return fetch(incident, role)

    first.fetch = shut_once  # type: ignore[method-assign]
    assert go(sim, journal)[0] == ExitCode.WAITING and refused
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, record.debts
    assert record.facts["new"]["n"] > 1 and all(service.works for service in sim.services.values())


def test_who_was_killed_after_he_had_expired_what_he_kept_leaves_nothing_to_be_taken() -> None:
    sim = Simulation("exposed")
    sim.world.run.fresh = False
    expired = sim.provider.create(f"ir-{sim.incident}-1")
    expired.dies_at = sim.clock.time
    next(iter(sim.stores.values())).keep(sim.incident, "new-1", expired.value)
    code, record, _ = go(sim)
    assert code == ExitCode.DONE, record.runs[-1].outcome.said
    assert record.facts["new"]["fingerprint"] != expired.value.fingerprint
    assert record.facts["new"]["n"] == 2, "the same order would be answered with the same key again, where answers are replayed"


def test_of_two_keys_by_one_call_the_one_that_is_held_stays_even_after_a_crash() -> None:
    """After the crash only custody's value is known; which of the two rows it is, no name tells."""
    calm = Journal()
    go(Simulation("exposed"), calm)
    sim, crashed = Simulation("exposed"), Journal()
    sim.provider.double_next = True
    crashed.crash_at = 1 + next(number for number, (name, _) in enumerate(calm.outputs) if name == "mint#1")
    code, record, _ = go(sim, crashed)
    assert code == ExitCode.DONE, record.debts
    assert {store.value for store in sim.stores.values()} == {key.value for key in sim.provider.living()}
    assert len(sim.provider.living()) == 1


def test_the_replacement_does_not_die_on_the_way_back_while_a_service_is_on_it() -> None:
    sim = Simulation("exposed")
    web = sim.services["web"]
    sim.services["billing"].stuck = True
    reload = web.reload

    def sticks_then() -> str:
        said = reload()
        web.stuck = True
        return said

    web.reload = sticks_then  # type: ignore[method-assign]  # it comes up on the replacement, and stays there
    code, record, journal = go(sim)
    assert code == ExitCode.WAITING and "both keys live" in record.runs[-1].outcome.said
    assert web.works and web.held != sim.leaked.value
    web.stuck, web.held = False, web.store.value
    journal.send("wake")
    code, record, _ = go(sim, journal)
    sim.clock.sleep(10)
    assert (code, [key.id for key in sim.provider.living()]) == (ExitCode.ROLLED_BACK, [sim.leaked.id])


def killed_after(step: str, policy: str) -> tuple[Simulation, Journal]:
    """A world whose process died once that step was recorded, and whose custody of the replacement a colleague tidied away then."""
    journal = Journal()
    go(Simulation(policy), journal)
    acts = [name for name, _ in journal.outputs].index(f"{step}#1") + 2
    sim, journal = Simulation(policy), Journal()
    journal.crash_at = acts
    with pytest.raises(Crash):
        Workflow(journal.engine(), sim.world, sim.opening()).run()
    journal.crash_at = -1
    for store in sim.stores.values():
        store.kept = {kept: value for kept, value in store.kept.items() if not kept[1].startswith("new-")}
    sim.world = sim.another_machine()
    return sim, journal


@pytest.mark.parametrize("policy", ["exposed", "exploited"])
def test_a_replacement_whose_value_is_lost_is_expired_by_its_id_and_minted_again(policy: str) -> None:
    sim, journal = killed_after("mint", policy)
    (lost,) = (key for key in sim.provider.living() if key.name.startswith("ir-"))
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, [(run.id, run.outcome.said) for run in record.runs]
    (living,) = sim.provider.living()
    assert living.name == f"ir-{sim.incident}-2" and lost.id in sim.provider.retired
    assert all(store.value == living.value for store in sim.stores.values()) and not record.debts


def test_a_rollback_expires_a_replacement_without_its_value() -> None:
    sim, journal = killed_after("mint", "exposed")
    (lost,) = (key for key in sim.provider.living() if key.name.startswith("ir-"))
    journal.send("rollback")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.ROLLED_BACK, record.runs[-1].outcome.said
    assert sim.provider.living() == [sim.leaked] and lost.id in sim.provider.retired
    assert set(record.debts) == {sim.leaked.value.fingerprint}


def test_a_replacement_that_a_broken_off_way_back_had_killed_is_replaced_when_there_is_only_the_way_forward() -> None:
    """Killed between the expiry and its record; meanwhile the leaked key dies, so nothing is left that services could be on."""
    sim = Simulation("exposed")
    sim.services["web"].stuck = True
    retire, killed = sim.provider.retire, list[str]()

    def dies(target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        said = retire(target, stop=stop)
        if not killed:
            killed.append(target.id)
            sim.clock.sleep(sim.provider.delay)
            sim.leaked.dies_at, sim.services["web"].stuck = sim.clock.time, False
            raise Crash
        return said

    sim.provider.retire = dies  # type: ignore[method-assign]
    code, record, journal = go(sim)
    for _ in range(4):
        if code == ExitCode.DONE:
            break
        journal.send("wake")
        code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, [(run.id, run.outcome.said) for run in record.runs]
    (alive,) = sim.provider.living()
    assert killed and killed[0] != alive.id
    assert all(service.held == alive.value for service in sim.services.values())
