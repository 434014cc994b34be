"""A key that a person rotates with expiration *Now*: that is the mint; its value may wait, or be lost; its death is as any other."""

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from ir.actions import outage, settle
from ir.core.errors import ExitCode
from ir.core.model import Danger, Did, Liveness, Probe
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.provider import SimKey
from ir.drill.simulated.world import SimOperator, Simulation
from ir.engine.dry_run import run_dry
from ir.incident import facts as known
from ir.incident.context import Options
from ir.incident.custody import Custody
from ir.incident.facts import DebtRow, Facts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Check, Containment, Expected, Minted, MintOrder
from tests.incident import test_taken_over
from tests.incident.test_workflow import go

FIRST = "INC-20261123-0001"


def rotate(sim: Simulation) -> SimKey:
    """The person's click, and what the dialog shows."""
    made = sim.provider.create("by hand")
    sim.leaked.dies_at = sim.clock.time
    return made


def hands_over(sim: Simulation, value: Secret | None) -> Callable[[], Secret | None]:
    sim.provider.deliver = lambda: value
    return sim.provider.deliver


def at_the_terminal(sim: Simulation, chooses: str) -> SimOperator:
    sim.operator.interactive, sim.operator.chooses = True, chooses
    return sim.operator


def controlled(sim: Simulation) -> SimKey:
    """A review key, which answers on the same path."""
    review = sim.provider.create("review")
    sim.world = replace(sim.world, lookups=replace(sim.world.lookups, control_key=lambda: review.value))
    return review


# ── exploited, shut out by a policy: the kill is by hand ──


def test_the_kill_is_confirmed_by_name_once_more_for_the_replacement_of_one_that_was_killed_by_mistake() -> None:
    """What was agreed to was a kill beside another replacement, which is dead now; so is the answer."""
    sim = Simulation("exploited", guided=True, options=Options(yes=False), egress="203.0.113.7")
    sim.provider.contain = lambda *_: Containment("policy", "attached")  # type: ignore[method-assign]
    at_the_terminal(sim, "")
    first = sim.provider.create("by hand")
    hands_over(sim, first.value)
    clicks = iter([first, sim.leaked])

    def clicked(what: str) -> None:
        next(clicks).dies_at = sim.clock.time

    sim.provider.human = clicked
    code, record, journal = go(sim)
    assert code == ExitCode.WAITING and asked_to_kill(sim) == 1, "the wrong row died, the leaked key lives"
    sim.clock.sleep(60.0)
    second = sim.provider.create("by hand")
    hands_over(sim, second.value)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, [(run.id, run.outcome.said) for run in record.runs]
    assert asked_to_kill(sim) == 2 and sim.provider.living() == [second]


def asked_to_kill(sim: Simulation) -> int:
    """How often the question by name was put."""
    return sum("It cannot be brought back." in told for told in sim.operator.told)


# ── exploited: the rotation is the mint ──


def test_an_exploited_key_gets_the_replacement_that_its_rotation_made_and_no_other() -> None:
    sim = Simulation("exploited", guided=True)
    code, record, journal = go(sim)
    assert code == ExitCode.WAITING and record.runs[-1].action == "contain", "it waits for the click"
    made = rotate(sim)
    hands_over(sim, made.value)

    def asks_for_another(order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        raise AssertionError("a second key is asked for")

    sim.provider.mint = asks_for_another  # type: ignore[method-assign]
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, [(run.id, run.outcome.said) for run in record.runs]
    assert sim.provider.living() == [made] and all(service.held == made.value for service in sim.services.values())
    assert record.facts["new"]["rotated"] and record.facts["new"]["created"] == 0.0 < record.facts["new"]["pasted"]


@pytest.mark.parametrize("policy", ["exploited", "exposed"])
def test_a_value_that_was_taken_is_in_the_index_before_its_step_is_recorded(policy: str) -> None:
    """A process that ends in the middle of the step leaves a key that `ir status` has to know."""
    sim, noted = Simulation(policy, guided=True), list[tuple[int, set[str]]]()
    _, _, journal = go(sim)
    made = rotate(sim) if policy == "exploited" else sim.provider.create("by hand")
    hands_over(sim, made.value)
    sim.world = replace(
        sim.world,
        hooks=replace(
            sim.world.hooks, note=lambda record: noted.append((len(record.runs), {debt.about for debt in record.debts.values()}))
        ),
    )
    journal.send("wake")
    _, record, _ = go(sim, journal)
    first = next(runs for runs, about in noted if made.value.fingerprint in about)
    assert first == next(n for n, run in enumerate(record.runs) if "new" in run.outcome.facts), "it was noted before"
    assert made.value.fingerprint not in record.debts


def test_a_value_that_was_not_given_is_asked_for_by_the_mint() -> None:
    sim = Simulation("exploited", guided=True)
    _, _, journal = go(sim)
    made = rotate(sim)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.WAITING and record.runs[-1].action == "mint"
    assert f"rotation of {FIRST}" in record.debts, "a key lives whose value nobody gave"
    hands_over(sim, made.value)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, record.debts
    assert sim.provider.living() == [made]


def test_a_lost_value_is_a_debt_with_its_clicks_until_a_person_says_that_the_key_is_expired() -> None:
    sim = Simulation("exploited", guided=True)
    _, _, journal = go(sim)
    stray = rotate(sim)
    _lost(sim)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    debt = record.debts[f"rotation of {FIRST}"]
    assert "lost" in debt.why and "Expire key" in debt.todo and record.facts["rotation"]["value"] == "lost"
    assert code == ExitCode.WAITING and record.runs[-1].action == "mint", "another key is asked for"
    second = sim.provider.create("by hand")
    hands_over(sim, second.value)
    at_the_terminal(sim, "not yet")
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and list(record.debts) == [f"rotation of {FIRST}"]
    stray.dies_at = sim.clock.time
    at_the_terminal(sim, "expired")
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE and record.facts["rotation"]["attested"]["by"] == "sim"
    assert sim.provider.living() == [second]


def _lost(sim: Simulation) -> None:
    """The issuer says what a person said to it."""
    contain = sim.provider.contain

    def lost(*args: object) -> object:
        return replace(contain(*args), value="lost")  # type: ignore[arg-type]

    sim.provider.contain = lost  # type: ignore[method-assign, assignment]


def unkept(sim: Simulation) -> tuple[Journal, SimKey]:
    """Contained by a rotation whose value no custody took; what comes next is the mint."""
    sim.world = replace(sim.world, ports=replace(sim.world.ports, custody=Custody(FIRST, [])))
    _, _, journal = go(sim)
    made = rotate(sim)
    hands_over(sim, made.value)
    journal.send("wake")
    return journal, made


def test_a_value_that_no_custody_took_is_used_by_this_process() -> None:
    sim = Simulation("exploited", guided=True)
    journal, made = unkept(sim)
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DONE, record.debts
    assert record.facts["new"]["custody"] == "" and sim.provider.living() == [made]


def test_a_value_that_no_custody_took_and_whose_process_is_gone_is_a_debt_once_it_is_lost() -> None:
    sim = Simulation("exploited", guided=True)
    journal, made = unkept(sim)
    note, died = sim.world.hooks.note, list[str]()

    def dies_after_containment(record: Incident) -> None:
        note(record)
        if not died and record.runs and record.runs[-1].action == "money":
            sim.world.keys.replacement = None
            died.append(record.id)

    sim.world = replace(sim.world, hooks=replace(sim.world.hooks, note=dies_after_containment))
    at_the_terminal(sim, "lost")
    second = sim.provider.create("by hand")
    sim.provider.deliver = iter([made.value, second.value]).__next__
    code, record, _ = go(sim, journal)
    assert f"rotation of {FIRST}" in record.debts and record.facts["new"]["fingerprint"] == second.value.fingerprint, record.runs[-1]
    assert code == ExitCode.DEBT and all(service.held == second.value for service in sim.services.values())


def test_a_value_that_was_kept_by_a_process_that_died_is_not_asked_for_again() -> None:
    sim = Simulation("exploited", guided=True)
    _, _, journal = go(sim)
    made = rotate(sim)
    sim.provider.deliver = iter([made.value, None, None, None]).__next__
    journal.crash_at, journal.crash_before_record = journal.acts + 2, True
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert journal.crash_at == -1, "it died in the step that had taken the value"
    assert code == ExitCode.DONE, [(run.id, run.outcome.said) for run in record.runs]
    assert sim.provider.living() == [made]


# ── the red button alone ──


def pressed() -> tuple[Simulation, SimKey, Incident]:
    """`ir contain`, by a rotation whose value was given."""
    sim = Simulation("contain", guided=True)
    _, record, journal = go(sim)
    assert record.runs[-1].action == "contain" and record.runs[-1].outcome.did is Did.WAITING
    made = rotate(sim)
    hands_over(sim, made.value)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT
    return sim, made, record


def test_the_red_button_owes_every_service_that_it_cut_off_and_names_the_next_command() -> None:
    sim, made, record = pressed()
    kinds = {about: debt.kind for about, debt in record.debts.items()}
    assert {name for name, kind in kinds.items() if kind == "service-behind"} == set(sim.services)
    assert kinds[made.value.fingerprint] == "key-waits"
    assert all("ir rotate stripe payments" in debt.todo and "--policy exploited" in debt.todo for debt in record.debts.values())
    assert sim.leaked.value.fingerprint not in kinds and record.facts["proof"]["control"] == made.value.fingerprint
    assert record.facts["proof"]["to"] - record.facts["proof"]["from"] >= 15, "proven by the rule of every death"
    assert all(not store.writes for store in sim.stores.values())
    assert "an outage that is expected" in record.run_of("contain").outcome.said  # type: ignore[union-attr]


def test_a_close_does_not_throw_the_only_copy_of_a_waiting_key_away() -> None:
    sim = Simulation("contain", guided=True)
    _, _, journal = go(sim)
    made = rotate(sim)
    hands_over(sim, made.value)
    controlled(sim)
    journal.send("wake")
    assert go(sim, journal)[0] == ExitCode.DEBT
    journal.send("close", reason="the Dashboard shows it")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and record.status == "debt" and made.value.fingerprint in record.debts
    assert sim.world.ports.custody.fetch(f"new-{record.facts['new']['n']}") == made.value


def test_a_lost_value_can_be_settled_after_the_old_key_was_proven_dead() -> None:
    """Else `ir resume` is named for ever, and asks nothing."""
    sim = Simulation("contain", guided=True)
    _, _, journal = go(sim)
    stray = rotate(sim)
    _lost(sim)
    controlled(sim)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and record.facts["proof"] and f"rotation of {FIRST}" in record.debts
    stray.dies_at = sim.clock.time
    at_the_terminal(sim, "expired")
    journal.send("wake")
    _, record, _ = go(sim, journal)
    assert f"rotation of {FIRST}" not in record.debts and record.facts["rotation"]["attested"]["by"] == "sim"
    assert all("ir rotate stripe payments" in debt.todo for debt in record.debts.values()), "what is left is the rollout"


def test_without_a_control_key_a_death_is_seen_and_not_proven() -> None:
    sim = Simulation("contain", guided=True)
    _, _, journal = go(sim)
    rotate(sim)
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.DEBT and record.debts[sim.leaked.value.fingerprint].kind == "key-unproven"
    assert "dead_at" not in record.facts


def test_what_waits_in_custody_is_what_the_next_rotation_uses() -> None:
    sim, made, record = pressed()
    heir = Simulation("exploited", guided=True)
    heir.provider, heir.clock, heir.stores, heir.services, heir.leaked = sim.provider, sim.clock, sim.stores, sim.services, sim.leaked
    heir.incident = "INC-20261124-0002"
    heir.world = heir._world()  # noqa: SLF001 - the second process, on the same outside world
    hands_over(heir, None)
    code, after, _ = test_taken_over.go(heir, {FIRST: [asdict(debt) for debt in record.debts.values()]})
    assert code == ExitCode.DONE, (after.debts, [(run.id, run.outcome.said) for run in after.runs])
    assert sim.provider.living() == [made] and after.facts["new"]["made_by"] == FIRST
    assert all(service.held == made.value for service in sim.services.values())
    assert all(not store.kept for store in sim.stores.values()), "the custody of both incidents is over"


def test_services_are_looked_at_again_on_resume_and_paid_once_they_hold_the_new_key() -> None:
    sim = Simulation("contain", guided=True)
    _, _, journal = go(sim)
    made = rotate(sim)
    hands_over(sim, made.value)
    journal.send("wake")
    go(sim, journal)
    for service in sim.services.values():
        service.held = made.value
    journal.send("wake")
    _, record, _ = go(sim, journal)
    assert not {debt for debt in record.debts.values() if debt.kind == "service-behind"}


def test_a_check_that_nobody_agreed_to_is_not_run_and_named() -> None:
    sim = Simulation("contain", guided=True)
    asked: list[str] = []

    def watched(name: str, check: Callable[[Expected], Check]) -> Callable[[Expected], Check]:
        def looked(expected: Expected) -> Check:
            asked.append(name)
            return check(expected)

        return looked

    for name, service in sim.services.items():
        service.check = watched(name, service.check)  # type: ignore[method-assign, assignment]
    sim.world = replace(
        sim.world,
        ports=replace(sim.world.ports, verifiers={name: ([] if name == "web" else [service]) for name, service in sim.services.items()}),
    )
    _, _, journal = go(sim)
    assert asked == [], "no service is looked at before the key is contained"
    made = rotate(sim)
    hands_over(sim, made.value)
    journal.send("wake")
    _, record, _ = go(sim, journal)
    assert "not looked at" in record.debts["web"].why and set(asked) == {"canary", "billing"}


def test_a_policy_leaves_services_alone_and_one_that_fails_all_the_same_is_owed() -> None:
    sim = Simulation("contain", guided=True)
    sim.services["billing"].broken = True
    policy: known.ContainmentFacts = {"how": "policy", "said": "attached", "before": []}
    record = Incident(FIRST, opened=sim.opening(), facts={"old": {"fingerprint": sim.leaked.value.fingerprint}, "containment": policy})
    looked = outage.look(sim.world, record)
    assert looked is not None and [debt.about for debt in looked.debts] == ["billing"] and "expected" not in looked.said


def test_a_service_that_gives_no_answer_is_waited_for_half_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = Simulation("contain", guided=True)
    waited: list[float] = []

    def within(seconds: float, _call: object) -> object:
        waited.append(seconds)
        raise TimeoutError

    monkeypatch.setattr(type(sim.world), "within", lambda _self, seconds, call: within(seconds, call))
    facts: Facts = {"old": {"fingerprint": sim.leaked.value.fingerprint}, "new": {"fingerprint": "aa"}}
    looked = outage.look(sim.world, Incident(FIRST, opened=sim.opening(), facts=facts))
    assert looked is not None and all("no answer" in item.said for item in looked.items)
    assert sum(waited[:2]) <= 30.0


# ── one rule of death ──


def test_an_abort_does_not_take_one_look_for_a_death() -> None:
    sim = Simulation("contain", guided=True)
    _, _, journal = go(sim)
    rotate(sim)
    journal.send("wake")
    go(sim, journal)
    journal.send("abort")
    _, record, _ = go(sim, journal)
    assert record.status == "aborted" and record.debts[sim.leaked.value.fingerprint].kind == "key-unproven"


def test_settling_needs_a_control_key_and_an_unbroken_window() -> None:
    sim = Simulation("exposed")
    old = sim.provider.create("an earlier one")
    first = next(iter(sim.stores.values()))
    first.kept[("INC-20261101-beef", "old")] = old.value
    debt: DebtRow = {"kind": "key-alive", "about": old.value.fingerprint, "why": "it lives", "todo": "x"}
    facts: Facts = {"took_over": {"INC-20261101-beef": [debt]}, "old": {"fingerprint": sim.leaked.value.fingerprint}}
    record = Incident(FIRST, opened=sim.opening(), facts=facts, debts={})
    test_debts = {debt["about"]: test_taken_over.alive(debt["about"])}
    record.debts.update(test_debts)
    old.dies_at = sim.clock.time
    step = Step("settle", "settle", Danger.REVERSIBLE, "settle", "", {})
    assert settle.run(sim.world, record, step).paid == (), "no control key, no proof"
    controlled(sim)
    look, flaps = sim.provider.probe, iter([Liveness.EXPIRED, Liveness.UNKNOWN])

    def flapping(key: Secret) -> Probe:
        if key == old.value and (liveness := next(flaps, None)) is not None:
            return Probe(liveness, 401)
        return look(key)

    sim.provider.probe = flapping  # type: ignore[method-assign]
    assert settle.run(sim.world, record, step).paid == (), "one look that says dead is no death"
    sim.provider.probe = look  # type: ignore[method-assign]
    began = sim.clock.elapsed()
    assert settle.run(sim.world, record, step).paid == (old.value.fingerprint,)
    assert sim.clock.elapsed() - began >= 15


def test_what_was_seen_dead_and_answers_again_is_not_killed_unasked() -> None:
    sim = Simulation("exploited", guided=True)
    _, _, journal = go(sim)
    made = rotate(sim)
    hands_over(sim, made.value)
    verify = sim.services["billing"].check

    def revives(expected: Expected) -> object:
        sim.leaked.dies_at = None
        return verify(expected)

    sim.services["billing"].check = revives  # type: ignore[method-assign, assignment]
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.WAITING and sim.provider.lives(sim.leaked)
    assert any("answers now" in run.outcome.said for run in record.runs if run.action == "retire")


# ── what is said ──


def test_a_rehearsal_says_what_cannot_be_undone_and_that_no_second_key_is_made() -> None:
    sim = Simulation("exploited", guided=True, options=Options(yes=True, dry_run=True))
    record = run_dry(sim.world, sim.opening(), lambda _entry: None)
    said = {run.action: run.outcome.said for run in record.runs}
    assert "this cannot be undone" in said["contain"] and "expiration `Now`" in said["contain"]
    assert "the key that the rotation made" in said["mint"] and "`contain` kills the leaked key" in sim.plan.reversibility


def test_no_answer_of_stripe_is_not_told_as_one() -> None:
    sim = Simulation("contain", guided=True)
    sim.provider.probe = lambda key: Probe(Liveness.UNKNOWN)  # type: ignore[method-assign]
    _, record, _ = go(sim)
    looked = record.run_of("preflight")
    assert looked is not None and "gave no answer" in looked.outcome.said and "the key answers" not in looked.outcome.said
