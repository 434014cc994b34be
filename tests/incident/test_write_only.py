"""A store that takes values and tells none: what is shown of it, what stands before a write, and how it is undone."""

from dataclasses import replace
from typing import cast

import pytest

from ir.actions import unread
from ir.core.errors import ExitCode, Unknown
from ir.core.model import Did, Item
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.stores import SimWriteOnly
from ir.drill.simulated.world import Simulation
from ir.incident.context import Options
from ir.incident.custody import Custody
from ir.incident.facts import StoreFacts
from ir.ports import Store
from tests.incident.test_workflow import go

BLIND = "vault://secret/billing#api_key"


def _blind(sim: Simulation) -> SimWriteOnly:
    found = sim.stores[BLIND]
    assert isinstance(found, SimWriteOnly)
    return found


def test_it_is_written_with_the_old_value_in_custody_and_shown_by_its_service() -> None:
    sim = Simulation("exposed", write_only=True)
    seen: list[bool] = []
    store = _blind(sim)
    plain = store.put

    def put(value: Secret) -> None:
        seen.append(sim.world.ports.custody.fetch("old") == sim.leaked.value)
        plain(value)

    store.put = put  # type: ignore[method-assign]  # watched
    code, record, journal = go(sim)
    assert code == ExitCode.DONE, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs]
    assert seen == [True], "written once, and the old value was kept elsewhere before"
    assert store.value == next(iter(sim.stores.values())).value and not store.kept
    assert all(service.works for service in sim.services.values())
    told = record.facts["stores"][BLIND]
    assert told["write_only"] and told["before"] == {"version": "1", "fingerprint": ""} and told["after"]["version"] == "2"
    assert journal.holds()


@pytest.mark.parametrize("policy", ["exposed", "exploited", "scheduled"])
def test_nothing_of_it_is_recorded_for_the_other_kinds(policy: str) -> None:
    _, record, _ = go(Simulation(policy))
    assert all("write_only" not in row for row in record.facts["stores"].values())
    assert all("write-only" not in run.outcome.said for run in record.runs)


def test_it_is_refused_where_its_old_value_could_be_kept_nowhere() -> None:
    sim = Simulation("exposed", write_only=True)
    sim.world = replace(sim.world, ports=replace(sim.world.ports, custody=Custody(sim.incident, [])))
    code, record, _ = go(sim)
    assert code == ExitCode.REFUSED
    assert "nothing could put it back" in record.runs[-1].outcome.said
    assert _blind(sim).writes == []


def test_without_the_old_value_in_custody_nothing_is_written() -> None:
    """Somebody emptied custody between the first look and the write."""
    sim = Simulation("exposed", write_only=True)
    first = next(iter(sim.stores.values()))
    plain = first.stage

    def stage(incident: str, new: Secret) -> str:
        first.kept.pop((incident, "old"), None)
        return plain(incident, new)

    first.stage = stage  # type: ignore[method-assign]  # somebody is busy
    _, record, _ = go(sim)
    assert "is not in custody, and the store cannot give it back" in " ".join(run.outcome.said for run in record.runs)
    assert _blind(sim).value == sim.leaked.value and _blind(sim).writes == []


def test_the_way_back_writes_the_old_value_again() -> None:
    sim = Simulation("exposed", write_only=True)
    sim.services["billing"].stuck = True
    code, record, _ = go(sim)
    assert code == ExitCode.ROLLED_BACK, record.ended
    assert _blind(sim).value == sim.leaked.value and _blind(sim).writes == ["promote", "promote"]
    undo = record.run_of("undo")
    assert undo is not None and all(item.did is Did.DONE for item in undo.outcome.items)


def test_a_change_by_somebody_else_is_left_alone() -> None:
    sim = Simulation("exposed", write_only=True)
    store, theirs = _blind(sim), Secret("a colleague's")
    plain = sim.provider.mint

    def mint(*args: object, **kwargs: object) -> object:
        store.put(theirs)
        return plain(*args, **kwargs)  # type: ignore[arg-type]  # passed on

    sim.provider.mint = mint  # type: ignore[method-assign, assignment]  # the moment between
    code, record, _ = go(sim)
    assert store.value == theirs
    assert code != ExitCode.DONE
    wave = next(run for run in record.runs if any(item.name == BLIND and item.did is Did.FAILED for item in run.outcome.items))
    assert "was changed since it was looked at" in wave.outcome.said


def test_an_answer_that_was_lost_is_written_again_and_not_taken_for_a_strangers() -> None:
    sim = Simulation("exposed", write_only=True)
    store, lost = _blind(sim), [True]
    plain = store.promote

    def promote(incident: str, new: Secret, *, expected: str) -> str:
        version = plain(incident, new, expected=expected)
        if lost.pop() if lost else False:
            raise Unknown("no answer")
        return version

    store.promote = promote  # type: ignore[method-assign]  # loses its first answer
    code, record, _ = go(sim)
    assert code == ExitCode.DONE, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs]
    assert store.writes == ["promote", "promote"]


def test_killed_at_every_boundary_it_ends_with_one_key() -> None:
    journal = Journal()
    go(Simulation("exposed", write_only=True), journal)
    steps = len(journal.stream)
    for at in range(1, steps * 2, 3):
        sim = Simulation("exposed", write_only=True)
        crashing = Journal()
        crashing.crash_at = at
        code, record, _ = go(sim, crashing)
        assert code == ExitCode.DONE, (at, [(r.id, r.outcome.did, r.outcome.said) for r in record.runs])
        living = sim.provider.living()
        assert len(living) == 1 and all(store.value == living[0].value and not store.kept for store in sim.stores.values()), at


def test_a_change_after_our_write_keeps_the_old_key_alive() -> None:
    sim = Simulation("exposed", write_only=True)
    store = _blind(sim)
    service = sim.services["billing"]
    plain, changed = service.reload, [False]

    def reload() -> str:
        said = plain()
        if not changed[0]:
            changed[0] = True
            store.put(sim.leaked.value)
        return said

    service.reload = reload  # type: ignore[method-assign]  # somebody writes right after
    code, record, _ = go(sim)
    assert code != ExitCode.DONE
    assert "it was changed since it was written" in " ".join(run.outcome.said for run in record.runs)
    assert sim.provider.lives(cast(object, sim.provider.row(sim.leaked.value)))  # type: ignore[arg-type]  # it is there


def test_a_change_that_was_not_ours_is_done_only_by_a_persons_word() -> None:
    """Put back, told, put back again: that was taken for a person's doing, and the run ended 0 with the dead key in the store."""
    sim, journal = Simulation("exposed", write_only=True), Journal()
    watched = sim.services["billing"].check

    def check(*args: object, **kwargs: object) -> object:
        if not sim.provider.lives(sim.leaked) and _blind(sim).number == 2:
            _blind(sim).put(sim.leaked.value)
        return watched(*args, **kwargs)  # type: ignore[arg-type]  # passed on

    sim.services["billing"].check = check  # type: ignore[method-assign, assignment]  # GitOps, once the old key is dead
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and "set it by hand" in record.debts[BLIND].why
    _blind(sim).put(sim.leaked.value)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and record.debts[BLIND].why == unread.BY_HAND
    assert record.debts[BLIND].todo.endswith(f"ir close {sim.incident} --debt '{BLIND}' --attest REASON --by NAME")
    journal.send("wake")
    assert go(sim, journal)[0] == ExitCode.DEBT, "another look tells no more"
    journal.send("close", reason="I have set it", debt=BLIND)
    code, record, _ = go(sim, journal)
    assert (code, record.status, record.debts) == (ExitCode.DONE, "attested", {})


def test_the_same_store_type_is_used_by_the_plan() -> None:
    sim = Simulation("exposed", write_only=True)
    store = cast(Store, _blind(sim))
    assert not store.promises.reads and not store.promises.guided and not store.custodian
    assert replace(store.promises).undo.endswith("from custody")


def test_a_way_back_names_the_store_that_others_have_changed() -> None:
    """It said that all stores are on the old key; of this one nothing but a change by others was seen."""
    sim, journal = Simulation("exposed", write_only=True, options=Options()), Journal()
    plain = sim.provider.mint

    def mint(*args: object, **kwargs: object) -> object:
        _blind(sim).put(Secret("a colleague's"))
        return plain(*args, **kwargs)  # type: ignore[arg-type]  # passed on

    sim.provider.mint = mint  # type: ignore[method-assign, assignment]  # the moment between
    code, record, _ = go(sim, journal)
    assert code == ExitCode.ROLLED_BACK
    undo = record.run_of("undo")
    assert undo is not None and f"{BLIND}: this incident did not write it, others changed it" in undo.outcome.said
    assert record.debts[BLIND].kind == "store-behind"


def test_a_way_back_stops_where_a_person_may_have_set_the_replacement_as_told() -> None:
    """The replacement was killed under a store that a person had set to it, since the wave had said so."""
    sim = Simulation("exposed", write_only=True)
    store, old, new = _blind(sim), sim.leaked.value, sim.provider.create("the replacement").value
    store.put(Secret("a colleague's"))
    told: StoreFacts = {"before": {"version": "1", "fingerprint": ""}, "unsettled": f"{new.fingerprint} {store.number}"}

    def undone() -> Item:
        return unread.undo(sim.world, cast(Store, store), told, old, new)

    assert undone().did is Did.DONE and not unread.is_shown(undone()), "nothing happened there since a person was told"
    store.put(new)
    item = undone()
    assert item.did is Did.FAILED and f"set it by hand to the old key {old.fingerprint}" in item.said
    told["unsettled"] = item.facts["unsettled"]
    assert undone().did is Did.FAILED, "another look tells no more"
    store.put(old)
    assert undone().did is Did.DONE and store.writes == []


def test_before_the_kill_what_a_person_set_is_shown_by_a_reloaded_service() -> None:
    """Put back, told, put back again before the kill: the leaked key was killed under a store that held it."""
    sim, journal = Simulation("exposed", write_only=True), Journal()
    plain, times = sim.services["billing"].reload, [0]

    def reload() -> str:
        said = plain()
        times[0] += 1
        if times[0] == 1:
            _blind(sim).put(sim.leaked.value)  # GitOps, right after our write was taken up
        return said

    sim.services["billing"].reload = reload  # type: ignore[method-assign]  # watched
    code, record, _ = go(sim, journal)
    assert "set it by hand" in record.runs[-1].outcome.said and sim.provider.lives(sim.leaked)
    _blind(sim).put(sim.leaked.value)
    journal.send("wake")
    _, record, _ = go(sim, journal)
    assert sim.provider.lives(sim.leaked) and "billing: holds " in record.runs[-1].outcome.said, "the reloaded service shows the old key"
    new = next(key for key in sim.provider.living() if key is not sim.leaked).value
    _blind(sim).put(new)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE and not sim.provider.lives(sim.leaked) and record.debts == {}, "its service has shown it"
