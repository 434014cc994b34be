"""A person's word ends what cannot be proven; a key that answers is proven alive, and debts that a look shows to be paid are paid."""

import pytest

from ir.core.errors import Denied, ExitCode, Unknown
from ir.core.model import Liveness, Probe
from ir.drill.simulated.durable_engine import Crash, Journal
from ir.drill.simulated.provider import SimKey
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.incident.debts import END_IT
from ir.incident.record import Incident
from tests.incident.test_workflow import go


def cut_after(step: str, policy: str = "exposed", *, guided: bool = False) -> tuple[Simulation, Journal]:
    """A world whose process ended (Ctrl-C) right after that step was recorded; the next one knows nothing of its memory."""
    journal = Journal()
    go(Simulation(policy, guided=guided), journal)
    acts = [name for name, _ in journal.outputs].index(f"{step}#1") + 2
    sim, journal = Simulation(policy, guided=guided), Journal()
    journal.crash_at = acts
    with pytest.raises(Crash):
        Workflow(journal.engine(), sim.world, sim.opening()).run()
    journal.crash_at = -1
    sim.world = sim.another_machine()
    return sim, journal


def closed(sim: Simulation, journal: Journal, **accept: str) -> tuple[int, Incident]:
    journal.send("close", reason="looked at it with kim", **({"accept_alive": accept} if accept else {}))
    code, record, _ = go(sim, journal)
    assert record.status == "attested" and journal.holds()
    return code, record


def minted(sim: Simulation) -> SimKey:
    (key,) = (key for key in sim.provider.keys if key.name.startswith("ir-"))
    return key


def silent(sim: Simulation) -> None:
    """Stripe gives no answer about any key."""
    sim.provider.probe = lambda key: Probe(Liveness.UNKNOWN)  # type: ignore[method-assign]


def test_what_cannot_be_proven_is_attested() -> None:
    sim = Simulation("exposed")
    sim.provider.delay = 5000.0
    _, record, journal = go(sim)
    assert record.debts[sim.leaked.value.fingerprint].kind == "key-unproven"
    silent(sim)
    code, record = closed(sim, journal)
    assert (code, record.debts, record.standing_code) == (ExitCode.DONE, {}, ExitCode.DONE)
    assert [row["about"] for row in record.facts["closed"]["attested"]] == [sim.leaked.value.fingerprint]


def test_a_leaked_key_that_answers_is_not_attested() -> None:
    sim = Simulation("exposed")
    sim.provider.delay = 5000.0
    _, _, journal = go(sim)
    code, record = closed(sim, journal)
    mark = sim.leaked.value.fingerprint
    assert (code, record.standing_code) == (ExitCode.DEBT, ExitCode.DEBT)
    assert "--no-replacement" in record.debts[mark].todo
    assert set(record.debts) == {mark, f"custody of {sim.incident}"}, "its value is nowhere else, so it is kept for who ends it"
    assert all(service.works for service in sim.services.values()), "the replacement is in use, so it is not touched"


@pytest.mark.parametrize("step", ["mint", "check"])
def test_after_a_ctrl_c_the_stray_dies_first_and_the_leaked_key_stays_to_do(step: str) -> None:
    sim, journal = cut_after(step)
    stray = minted(sim)
    code, record = closed(sim, journal)
    assert (code, set(record.debts)) == (ExitCode.DEBT, {sim.leaked.value.fingerprint})
    assert sim.provider.living() == [sim.leaked] and stray.id in sim.provider.retired
    assert not any(store.kept or store.staged for store in sim.stores.values())


def test_a_stray_that_the_provider_does_not_let_go_stays_to_do_with_its_value_kept() -> None:
    sim, journal = cut_after("mint")
    stray, sim.provider.fail_next = minted(sim), [Denied("the app may not")]
    code, record = closed(sim, journal)
    assert code == ExitCode.DEBT and {sim.leaked.value.fingerprint, stray.value.fingerprint} <= set(record.debts)
    assert "the app may not" in " ".join(debt.why for debt in record.debts.values())
    assert sim.world.ports.custody.fetch("new-1") == stray.value, "what lives, and is nowhere else, is not thrown away"


def test_a_key_that_a_person_gave_and_nothing_took_is_a_debt_of_its_own() -> None:
    sim, journal = Simulation("exposed", guided=True), Journal()
    given = sim.provider.create("by hand")
    sim.provider.deliver = lambda: given.value
    calm = Journal()
    go(sim, calm)
    sim = Simulation("exposed", guided=True)
    given = sim.provider.create("by hand")
    sim.provider.deliver = lambda: given.value
    journal.crash_at = [name for name, _ in calm.outputs].index("mint#1") + 2
    with pytest.raises(Crash):
        Workflow(journal.engine(), sim.world, sim.opening()).run()
    journal.crash_at = -1
    sim.world = sim.another_machine()
    code, record = closed(sim, journal)
    assert code == ExitCode.DEBT and {sim.leaked.value.fingerprint, given.value.fingerprint} <= set(record.debts)
    assert sim.world.ports.custody.fetch("new-1") == given.value


def test_what_a_service_is_on_is_not_expired_and_both_keys_are_named_while_both_are_in_use() -> None:
    sim, journal = cut_after("canary")
    assert sim.services["canary"].held == minted(sim).value
    next(service for name, service in sim.services.items() if name != "canary").held = sim.leaked.value
    code, record = closed(sim, journal)
    assert code == ExitCode.DEBT
    assert {sim.leaked.value.fingerprint, minted(sim).value.fingerprint} <= set(record.debts)
    assert not sim.provider.retired and all(service.works for service in sim.services.values())


def test_a_wave_that_was_cut_short_counts_by_what_services_tell_now() -> None:
    """Its record tells of the canary alone; to rotate once more would take the replacement away, and leave the leaked key."""
    sim, journal = cut_after("canary")
    assert all(service.held == minted(sim).value for service in sim.services.values())
    code, record = closed(sim, journal)
    assert code == ExitCode.DEBT
    debts = {debt.about: debt.todo for debt in record.debts.values() if debt.kind == "key-alive"}
    assert debts == {sim.leaked.value.fingerprint: END_IT}


def test_what_an_aborted_wave_put_in_stores_is_told_by_a_look() -> None:
    """Killed in the first wave: its record tells of no store. The replacement that one of them holds must not be expired by hand."""
    sim, journal = cut_after("stage")
    first, *others = sim.stores.values()
    first.put(minted(sim).value)
    for store in others:
        store.put(sim.leaked.value)
    for service in sim.services.values():
        service.held = sim.leaked.value
    journal.send("abort")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and record.status == "aborted"
    debt = record.debts[minted(sim).value.fingerprint]
    assert f"on it: {first.ref}" in debt.why and "Dashboard" not in debt.todo


def test_a_service_that_holds_it_though_its_store_was_put_back_keeps_it_alive() -> None:
    sim, journal = cut_after("canary")
    for store in sim.stores.values():
        store.put(sim.leaked.value)
    closed(sim, journal)
    assert not sim.provider.retired and sim.services["canary"].works


def test_a_person_may_keep_a_living_key_by_name_and_reason() -> None:
    sim, journal = cut_after("mint")
    mark = sim.leaked.value.fingerprint
    code, record = closed(sim, journal, **{mark: "it moves on Monday"})
    assert (code, record.debts, record.standing_code) == (ExitCode.DEBT, {}, ExitCode.DONE)
    assert record.accepted[mark]["reason"] == "it moves on Monday" and record.accepted[mark]["by"] == "tester"
    assert sim.provider.living() == [sim.leaked]


def test_a_key_that_is_dead_is_not_kept_alive_by_a_word() -> None:
    sim, journal = cut_after("mint")
    sim.leaked.dies_at = sim.clock.time
    code, record = closed(sim, journal, **{sim.leaked.value.fingerprint: "it moves on Monday"})
    assert (code, record.accepted, record.debts) == (ExitCode.DONE, {}, {})


def test_an_incident_that_never_looked_names_the_key_that_stores_hold() -> None:
    sim, journal = Simulation("exposed"), Journal()
    code, record = closed(sim, journal)
    assert (code, set(record.debts)) == (ExitCode.DEBT, {"payments"})


# ── debts that a later look shows to be paid ──


def owing(about: str, sim: Simulation, kind: str = "key-alive") -> Incident:
    from ir.core.model import Debt

    record = Incident(id=sim.incident, opened=sim.opening())
    record.facts = {"mint": {"n": 1}, "strays": {}}
    record.debts[about] = Debt(kind, about, "it lived", "expire it in the Dashboard")
    return record


def test_a_look_before_giving_up_pays_for_keys_that_are_gone() -> None:
    from ir.actions import leave
    from ir.core.model import Danger
    from ir.incident.plan import Step

    sim = Simulation("exposed")
    gone = sim.provider.create(f"ir-{sim.incident}-1")
    gone.dies_at = sim.clock.time
    outcome = leave.run(sim.world, owing(gone.id, sim), Step("leave", "leave", Danger.READ, "", "", {}))
    assert gone.id in outcome.paid
    living = sim.provider.create(f"ir-{sim.incident}-2")
    outcome = leave.run(sim.world, owing(living.id, sim), Step("leave", "leave", Danger.READ, "", "", {}))
    assert living.id not in outcome.paid and [debt.about for debt in outcome.debts] == [living.id]


def test_a_rollback_pays_for_the_replacement_that_it_killed() -> None:
    sim, journal = cut_after("mint")
    new = minted(sim)
    sim.provider.fail_next = [Unknown("no answer")]
    journal.send("rollback")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.ROLLED_BACK and set(record.debts) >= {sim.leaked.value.fingerprint}
    assert (new.value.fingerprint in record.debts) == sim.provider.lives(new)


@pytest.mark.parametrize("signal", ["wake", "rollback"])
def test_killed_after_the_mint_and_all_custody_gone_it_ends_whole(signal: str) -> None:
    sim, journal = cut_after("mint")
    lost = minted(sim)
    for store in sim.stores.values():
        store.kept.clear()
    journal.send(signal)
    code, record, _ = go(sim, journal)
    sim.clock.sleep(10)
    living = sim.provider.living()
    assert lost not in living and len(living) == 1
    if signal == "wake":
        assert code == ExitCode.DONE and not record.debts
        assert all(store.value == living[0].value for store in sim.stores.values())
    else:
        assert code == ExitCode.ROLLED_BACK and set(record.debts) == {sim.leaked.value.fingerprint}


@pytest.mark.parametrize("signal", ["wake", "rollback"])
def test_where_its_id_is_not_known_all_of_its_name_die(signal: str) -> None:
    """One call minted twice and the answer told no id; nobody holds either value any more."""
    sim, journal = Simulation("exposed"), Journal()
    calm = Journal()
    go(Simulation("exposed"), calm)
    sim.provider.double_next = True
    sim.provider.identify = lambda key, known_id="": None  # type: ignore[method-assign,misc]
    journal.crash_at = [name for name, _ in calm.outputs].index("mint#1") + 1
    with pytest.raises(Crash):
        Workflow(journal.engine(), sim.world, sim.opening()).run()
    journal.crash_at = journal.acts + 2
    sim.world = sim.another_machine()
    with pytest.raises(Crash):
        Workflow(journal.engine(), sim.world, sim.opening()).run()
    journal.crash_at = -1
    for store in sim.stores.values():
        store.kept.clear()
    sim.world = sim.another_machine()
    journal.send(signal)
    _, record, _ = go(sim, journal)
    sim.clock.sleep(10)
    assert len(sim.provider.living()) == 1, [(key.id, key.name) for key in sim.provider.living()]
    assert not [about for about in record.debts if about.startswith("mk_")]


def test_a_leaked_key_that_no_place_tells_now_is_named_and_not_thrown_away() -> None:
    """A replica that was behind for two minutes: `close` said that no key answers, emptied custody and ended with 0."""
    sim, journal = cut_after("canary")
    for store in sim.stores.values():
        store.shut = Unknown("it has been read as it was before our own last write")
    code, record = closed(sim, journal)
    leaked = sim.leaked.value.fingerprint
    assert code == ExitCode.DEBT and record.debts[leaked].kind == "key-unproven"
    assert "was not told: it has been read" in record.debts[leaked].why
    assert any(debt.kind == "custody" for debt in record.debts.values()), "the only copy of its value stays"


def test_a_persons_word_ends_by_name_what_no_place_tells() -> None:
    sim = Simulation("exposed")
    sim.provider.delay = 5000.0
    _, record, journal = go(sim)
    leaked = sim.leaked.value.fingerprint
    assert record.debts[leaked].kind == "key-unproven"
    sim.world = sim.another_machine()
    for store in sim.stores.values():
        store.shut = Unknown("sealed")
    journal.send("close", reason="Vault is gone for good, I looked in the Dashboard", debt=leaked)
    _, record, _ = go(sim, journal)
    assert record.status == "attested" and leaked not in record.debts
