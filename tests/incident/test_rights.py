"""A replacement that lacks a right which services use: told by their checks, it stops the kill, is named, is added by a person's word."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from ir.core.errors import Denied, ExitCode
from ir.core.model import Did, Json
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.services import USED
from ir.drill.simulated.world import SimOperator, Simulation
from ir.incident.context import Options
from ir.incident.plan import WantedRights, plan_from_json, wanting
from ir.incident.record import Incident
from ir.ports import LoggedCalls, Minted, MintOrder, RefusedCall
from tests.incident.test_workflow import go


def _lacking(policy: str = "exposed", *, guided: bool = False, yes: bool = True) -> Simulation:
    sim = Simulation(policy, guided=guided, options=Options(yes=yes))
    sim.provider.lacks_next = True
    return sim


def _grant(sim: Simulation, journal: Journal, name: str = USED, seen: str = "") -> None:
    mark = seen or _new(sim).value.fingerprint
    journal.send("approve", plan=sim.plan.hash, step="", grant=name, seen=mark)


def _new(sim: Simulation) -> Any:
    return next(key for key in sim.provider.keys if key.name.startswith("ir-") or key.name == "given")


def _last(record: Incident) -> Any:
    return record.runs[-1]


def _told(record: Incident) -> list[str]:
    return [f"{run.id}: {run.outcome.did} {run.outcome.said}" for run in record.runs]


def test_the_canary_stops_and_names_the_right_and_nothing_else_moves() -> None:
    sim = _lacking()
    code, record, _ = go(sim)
    last = _last(record)
    assert code == ExitCode.WAITING and last.outcome.did is Did.WAITING, _told(record)
    assert (last.action, last.id) == ("wave", "canary")
    assert f"`{USED}`" in last.outcome.said and "canary" in last.outcome.said
    assert f"ir approve {sim.incident} --grant {USED}" in last.outcome.todo and "ir rollback" in last.outcome.todo
    assert record.facts["rights"]["lacking"] == [{"name": USED, "told_by": ["canary"]}]
    assert sim.provider.lives(sim.leaked) and sim.services["web"].held == sim.leaked.value
    assert USED not in _new(sim).permissions, "--yes adds no right"


def test_a_persons_word_adds_that_one_name_and_the_rotation_goes_on_to_its_end() -> None:
    sim = _lacking()
    _, record, journal = go(sim)
    _grant(sim, journal)
    code, record, _ = go(sim, journal)
    assert _new(sim).permissions == ("balance_read", USED), "what it had stays as it is"
    assert not sim.provider.lives(sim.leaked) and all(not service.refused for service in sim.services.values()), _told(record)
    debt = record.debts[f"right {USED}"]
    assert code == ExitCode.WAITING or record.exit_code == ExitCode.DEBT
    assert debt.kind == "right-learned" and f"--debt 'right {USED}'" in debt.todo
    granted = record.facts["rights"]["granted"][USED]
    assert granted["told_by"] == ["canary"] and granted["by"] == "tester" and granted["at"] > 0
    journal.say("closed", about=f"right {USED}", reason="checkout reads charges")
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert (code, record.status, record.debts) == (ExitCode.DONE, "done", {})
    assert journal.holds()


@pytest.mark.parametrize(("name", "seen"), [("payout_write", ""), (USED, "0000000000000000")])
def test_a_word_about_another_right_or_another_replacement_adds_nothing_that_was_not_asked(name: str, seen: str) -> None:
    sim = _lacking()
    _, _, journal = go(sim)
    _grant(sim, journal, name, seen)
    code, _record, _ = go(sim, journal)
    assert code == ExitCode.WAITING and USED not in _new(sim).permissions
    assert name == USED or "payout_write" not in _new(sim).permissions
    assert sim.provider.lives(sim.leaked)


@pytest.mark.parametrize(("says", "added"), [(0, True), (1, False)])
def test_at_a_terminal_it_is_asked_and_never_answered_by_yes(says: int, added: bool) -> None:
    sim = _lacking()
    asked: list[str] = []

    class Asked(SimOperator):
        def choose(self, question: str, options: tuple[str, ...]) -> str:
            asked.append(question)
            return options[says]

    sim.world = replace(sim.world, ports=replace(sim.world.ports, operator=Asked(interactive=True)))
    _, record, _ = go(sim)
    assert len(asked) == 1 and USED in asked[0]
    assert (USED in _new(sim).permissions) is added
    assert sim.provider.lives(sim.leaked) is not added, _told(record)


def test_in_the_dashboard_it_is_two_clicks_that_the_text_names() -> None:
    sim = _lacking(guided=True)
    given = sim.provider.create("given")
    sim.provider.deliver = lambda: given.value
    code, record, journal = go(sim)
    assert code == ExitCode.WAITING and f"add {USED} in the Dashboard" in _last(record).outcome.todo, _told(record)
    given.permissions = (*given.permissions, USED)
    journal.send("wake")
    sim.provider.human = lambda what: _dies(sim) if what == "retire" else None
    _, record, _ = go(sim, journal)
    assert record.facts["rights"]["granted"][USED]["how"] == "in the Dashboard"
    assert f"right {USED}" in record.debts and not sim.provider.lives(sim.leaked), _told(record)


def _dies(sim: Simulation) -> None:
    sim.leaked.dies_at = sim.clock.time


def test_what_was_lacking_with_the_old_key_too_is_not_in_use() -> None:
    sim = _lacking()
    sim.leaked.permissions = ("balance_read",)
    code, record, _ = go(sim)
    assert code == ExitCode.DONE and not record.facts.get("rights", {}).get("lacking"), _told(record)
    assert record.facts["services"]["canary"]["lacked"] == [USED]


def test_a_right_that_is_missed_only_later_stops_the_kill_itself() -> None:
    sim = Simulation("exposed")
    tried: list[str] = []
    plain = sim.services["web"].check

    def check(expected: Any) -> Any:
        if record_of["at"] == "retire":
            _new(sim).permissions = ("balance_read",)
        tried.append(record_of["at"])
        return plain(expected)

    record_of = {"at": ""}
    sim.services["web"].check = check  # type: ignore[method-assign]  # watched
    told = sim.world.hooks.say
    sim.world = replace(
        sim.world, hooks=replace(sim.world.hooks, say=lambda text: record_of.update(at="retire") if "once more" in text else told(text))
    )
    code, record, _ = go(sim)
    assert code == ExitCode.WAITING and _last(record).action == "retire", _told(record)
    assert f"`{USED}`" in _last(record).outcome.said and sim.provider.lives(sim.leaked)


def test_contain_first_goes_on_and_owes_what_is_lacking_until_it_is_given() -> None:
    sim = _lacking("exploited")
    _, record, journal = go(sim)
    assert f"lack of {USED}" in record.debts and not sim.provider.lives(sim.leaked), _told(record)
    _grant(sim, journal)
    go(sim, journal)
    journal.send("wake")
    _, record, _ = go(sim, journal)
    assert f"lack of {USED}" not in record.debts and f"right {USED}" in record.debts, _told(record)
    assert USED in _new(sim).permissions


def test_where_stripe_does_not_add_it_a_person_is_told_what_to_click_and_nothing_is_rolled_back() -> None:
    sim = _lacking()
    _, _, journal = go(sim)
    _grant(sim, journal)

    def widen(target: object, right: str) -> str:
        raise Denied("Stripe does not know that name", next_step="in the Dashboard")

    sim.world = replace(sim.world, ports=replace(sim.world.ports, issuer=cast(Any, _Widens(sim.provider, widen))))
    code, record, _ = go(sim, journal)
    assert code == ExitCode.WAITING and "was not added" in _last(record).outcome.said and "in the Dashboard" in _last(record).outcome.todo
    assert sim.services["canary"].held == _new(sim).value


class _Widens:
    def __init__(self, port: object, widen: object) -> None:
        self._port, self.widen = port, widen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def test_who_tells_nothing_is_named_as_not_seen() -> None:
    _, record, _ = go(Simulation("exposed"))
    verified = next(run for run in record.runs if run.action == "verify")
    assert "not seen" in verified.outcome.said and "billing" in verified.outcome.said
    assert cast(Json, record.facts["rights"])["silent"] == ["billing"]


@pytest.mark.parametrize("tells", [True, False], ids=["forgot it", "tells no more"])
def test_a_service_that_is_silent_after_its_reload_has_not_got_the_right(tells: bool) -> None:
    sim = _lacking()
    _, _, journal = go(sim)
    sim.services["canary"].tells = False
    if tells:
        plain = sim.services["canary"].check
        sim.services["canary"].check = lambda expected: replace(plain(expected), lacks={})  # type: ignore[method-assign]  # forgetful
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.WAITING and f"`{USED}`" in _last(record).outcome.said, _told(record)
    assert sim.provider.lives(sim.leaked) and sim.services["web"].held == sim.leaked.value


def test_in_the_dashboard_a_read_of_ours_tells_what_a_reloaded_service_forgot() -> None:
    sim = _lacking(guided=True)
    given = sim.provider.create("given")
    sim.provider.deliver = lambda: given.value
    _, _, journal = go(sim)
    plain = sim.services["canary"].check
    sim.services["canary"].check = lambda expected: replace(plain(expected), lacks={})  # type: ignore[method-assign]  # forgetful
    sim.provider.may_read = lambda key, right: right in given.permissions  # type: ignore[method-assign]  # the truth
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert code == ExitCode.WAITING and f"`{USED}`" in _last(record).outcome.said, _told(record)
    assert sim.services["web"].held == sim.leaked.value


# ── looks of our own ──


def _with_log(*refused: RefusedCall, policy: str = "exposed", programs: Sequence[str] = ("",)) -> Simulation:
    sim = Simulation(policy, options=Options(yes=True))
    account = sim.source.accounts[0].model_copy(update={"egress": ["/var/log/egress.jsonl"]})
    sim.world = replace(sim.world, account=account)
    sim.reviewer.refusals = lambda since: LoggedCalls(tuple(one for one in refused if one.at > since), frozenset(programs))
    return sim


LATE = 2_000_000_000.0


def test_where_checks_tell_nothing_our_egress_log_does_by_the_endpoint() -> None:
    sim = _with_log(RefusedCall("POST", "/v1/refunds", "billing", LATE))
    code, record, _ = go(sim)
    last = _last(record)
    assert (code, last.id) == (ExitCode.WAITING, "waves.main"), _told(record)
    assert "`charge_write`" in last.outcome.said and "POST /v1/refunds of billing" in last.outcome.said
    assert "--grant charge_write" in last.outcome.todo and sim.provider.lives(sim.leaked)


def test_a_log_without_refusals_is_a_look_and_nothing_is_said_to_be_unseen() -> None:
    code, record, _ = go(_with_log())
    verified = next(run for run in record.runs if run.action == "verify")
    assert code == ExitCode.DONE and "not seen" not in verified.outcome.said
    assert "silent" not in record.facts.get("rights", {})


def test_a_log_of_one_program_is_no_look_at_the_others() -> None:
    """One line of one service counted as a look at all of them, and *not seen* was not said of the others."""
    code, record, _ = go(_with_log(programs=["shop"]))
    verified = next(run for run in record.runs if run.action == "verify")
    assert code == ExitCode.DONE and "in use by billing, whose refused calls neither a check nor our log tells" in verified.outcome.said
    assert record.facts["rights"]["silent"] == ["billing"]
    _, record, _ = go(_with_log(programs=["billing", "shop"]))
    assert "silent" not in record.facts.get("rights", {})


def test_an_endpoint_that_the_map_does_not_know_stops_it_without_a_name() -> None:
    sim = _with_log(RefusedCall("POST", "/v1/made_up_things", "billing", LATE))
    code, record, _ = go(sim)
    assert code == ExitCode.WAITING and "a right that is not named" in _last(record).outcome.said
    assert "--grant" not in _last(record).outcome.todo and sim.provider.lives(sim.leaked)


def _derived(sim: Simulation, *names: str) -> None:
    sim.plan = wanting(sim.plan, WantedRights(names, "ab" * 32, ("payout_write",)))
    sim.world = replace(sim.world, plan=sim.plan)


def test_a_read_that_is_in_use_is_tried_before_any_service_moves_and_a_write_never() -> None:
    sim = Simulation("exposed")
    _derived(sim, "charge_read", "customer_read", "payout_write")
    tried: list[str] = []

    def may_read(key: object, right: str) -> bool:
        tried.append(right)
        return right in _new(sim).permissions

    sim.provider.may_read = may_read  # type: ignore[method-assign]  # watched
    code, record, journal = go(sim)
    last = _last(record)
    assert sorted(tried) == ["charge_read", "customer_read"] and (code, last.action) == (ExitCode.WAITING, "check"), _told(record)
    assert "`customer_read`" in last.outcome.said and sim.services["canary"].held == sim.leaked.value
    _grant(sim, journal, "customer_read")
    _, record, _ = go(sim, journal)
    assert "customer_read" in _new(sim).permissions and "right customer_read" in record.debts
    assert not sim.provider.lives(sim.leaked), _told(record)


# ── the list ──


@pytest.mark.parametrize("policy", ["exposed", "exploited"])
def test_a_derived_list_is_ordered_and_its_difference_is_said(policy: str) -> None:
    sim = Simulation(policy)
    _derived(sim, "charge_read", "payout_write")
    asked: list[tuple[str, ...]] = []
    plain = sim.provider.mint

    def mint(order: MintOrder, keep: Any) -> Minted:
        asked.append(order.permissions)
        return plain(order, keep)

    sim.provider.mint = mint  # type: ignore[method-assign]  # watched
    _, record, _ = go(sim)
    minted = next(run for run in record.runs if run.action == "mint")
    assert asked == [("charge_read", "payout_write")] and record.facts["new"]["permissions"] == ["charge_read", "payout_write"]
    assert "the old key could not: payout_write" in minted.outcome.said and "sends money to a bank account" in minted.outcome.said
    assert plan_from_json(sim.plan.to_json()) == sim.plan and sim.plan.hash != Simulation(policy).plan.hash


def test_at_a_terminal_the_list_is_asked_before_anything_is_made() -> None:
    sim = Simulation("exposed", options=Options())
    _derived(sim, "charge_read")
    operator = SimOperator(interactive=True, says=False)
    sim.world = replace(sim.world, ports=replace(sim.world.ports, operator=operator))
    code, record, _ = go(sim)
    assert code == ExitCode.WAITING and _last(record).action == "mint" and len(sim.provider.keys) == 1
    assert any("left out" in text for text in operator.told)


def test_a_plan_without_a_list_is_as_it_always_was() -> None:
    assert "wanted" not in Simulation("exposed").plan.to_json()


def test_a_replacement_that_dies_by_itself_says_when() -> None:
    sim = Simulation("exposed", options=Options(yes=True, new_key_expires=1_900_000_000.0))
    _, record, _ = go(sim)
    minted = next(run for run in record.runs if run.action == "mint")
    assert "dies by itself at 2030-03-17" in minted.outcome.said and record.facts["new"]["expires"] == 1_900_000_000.0


def test_the_dashboard_is_not_asked_for_a_key_that_dies_by_itself() -> None:
    code, record, _ = go(Simulation("exposed", guided=True, options=Options(yes=True, new_key_expires=1_900_000_000.0)))
    assert code == ExitCode.REFUSED and "--new-key-expires" in _last(record).outcome.said
