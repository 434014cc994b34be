"""Debts of earlier incidents: they hold up a scheduled rotation only, an emergency takes them over, its end pays what it settles."""

from dataclasses import asdict, replace

import pytest

from ir.core.errors import ExitCode, Refused
from ir.core.model import Debt, Json, Policy
from ir.core.secret import Secret
from ir.drill.simulated.durable_engine import Journal, Parked
from ir.drill.simulated.provider import ACCOUNT
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.incident import earlier_debts
from ir.incident.custody import Custody
from ir.incident.folding import fold
from ir.incident.record import Incident
from ir.ports import Left
from ir.storage.incident_index import IncidentRow

EARLIER = "INC-20261101-beef"


def row(status: str, *debts: Debt, policy: str = "exposed", incident: str = EARLIER, took_over: tuple[str, ...] = ()) -> IncidentRow:
    summary = {"key": "payments", "account": ACCOUNT, "policy": policy, "debts": [asdict(d) for d in debts], "took_over": list(took_over)}
    return IncidentRow(incident, 0.0, 0.0, status, 0, summary)


def alive(about: str, todo: str = f"ir resume {EARLIER}") -> Debt:
    return Debt("key-alive", about, "it lives", todo)


def go(sim: Simulation, took_over: dict[str, list[Json]], journal: Journal | None = None) -> tuple[int, Incident, Journal]:
    journal, opening = journal or Journal(), sim.opening()
    opening["facts"] |= {"took_over": took_over}
    try:
        code = Workflow(journal.engine(), sim.world, opening).run()
    except Parked:
        code = int(fold(journal.stream).exit_code)
    return code, fold(journal.stream), journal


# ── who takes over what ───────────────────────────────────────────────────────────────────────────────


def test_a_copy_that_could_not_be_removed_keeps_no_scheduled_rotation_waiting() -> None:
    left = Debt("custody", "vault://secret/payments#api_key", "still keeps old", f"ir resume {EARLIER}")
    found = earlier_debts.taken_over([row("debt", left, policy="scheduled")], "payments", ACCOUNT, Policy.SCHEDULED)
    assert list(found) == [EARLIER], "it is taken over, and cleared at the end"
    with pytest.raises(Refused):
        earlier_debts.taken_over([row("debt", left, alive("aa"))], "payments", ACCOUNT, Policy.SCHEDULED)


@pytest.mark.parametrize(
    ("status", "debts", "wanted"),
    [
        ("done", (), True),
        ("refused", (), True),
        ("debt", (), False),
        ("rolled back", ("key-alive",), False),
        ("attested", ("custody",), True),
    ],
)
def test_what_is_over_for_good_owes_no_key(status: str, debts: tuple[str, ...], wanted: bool) -> None:
    told = row(status, *(Debt(kind, "aa", "it is so", "do it") for kind in debts))
    told.summary["accepted"] = {}
    assert earlier_debts.over(told) is wanted


def test_what_a_close_left_is_taken_over_and_what_an_earlier_version_attested_is_over() -> None:
    closed, old = row("attested", alive("aa")), row("attested", alive("bb"), incident="INC-20251101-beef")
    closed.summary["accepted"] = {}
    found = earlier_debts.taken_over([closed, old], "payments", ACCOUNT, Policy.EXPOSED)
    assert list(found) == [EARLIER]
    assert [debt["about"] for debt in earlier_debts.still([closed, old])] == ["aa"]


@pytest.mark.parametrize("policy", [Policy.EXPOSED, Policy.EXPLOITED])
@pytest.mark.parametrize("status", ["debt", "rolled back", "aborted"])
def test_an_emergency_is_never_kept_waiting(policy: Policy, status: str) -> None:
    found = earlier_debts.taken_over([row(status, alive("aa"))], "payments", ACCOUNT, policy)
    assert [debt["about"] for debt in found[EARLIER]] == ["aa"]


@pytest.mark.parametrize("status", ["debt", "rolled back", "aborted"])
def test_a_scheduled_rotation_waits_for_the_debts_of_an_emergency(status: str) -> None:
    with pytest.raises(Refused) as refusal:
        earlier_debts.taken_over([row(status, alive("aa"))], "payments", ACCOUNT, Policy.SCHEDULED)
    assert EARLIER in refusal.value.what and "it lives" in refusal.value.what
    assert f"ir resume {EARLIER}" in refusal.value.next_step


def test_a_scheduled_rotation_that_was_rolled_back_is_tried_again() -> None:
    found = earlier_debts.taken_over([row("rolled back", alive("aa"), policy="scheduled")], "payments", ACCOUNT, Policy.SCHEDULED)
    assert list(found) == [EARLIER]


def test_only_what_stands_and_concerns_this_key_is_taken_over() -> None:
    paid = [row("attested", alive("aa")), row("done"), row("waiting", alive("aa")), row("refused", alive("aa"))]
    heir = row("done", incident="INC-20261102-0001", took_over=("INC-20261031-0000",))
    settled = row("debt", alive("aa"), incident="INC-20261031-0000")
    for name, account in (("payments", ACCOUNT), ("other", ACCOUNT), ("payments", "acct_other")):
        rows = paid if name == "payments" and account == ACCOUNT else [row("debt", alive("aa"))]
        assert earlier_debts.taken_over([*rows, heir, settled], name, account, Policy.SCHEDULED) == {}


def test_debts_stand_once_with_the_heir_and_come_back_when_the_heir_was_refused() -> None:
    before = row("debt", alive("aa"))
    assert [debt["about"] for debt in earlier_debts.still([before])] == ["aa"]
    heir = row("debt", alive("aa"), alive("bb"), incident="INC-20261102-0001", took_over=(EARLIER,))
    assert [debt["about"] for debt in earlier_debts.still([heir, before])] == ["aa", "bb"]
    assert earlier_debts.heirs([heir, before]) == {EARLIER: "INC-20261102-0001"}
    refused = row("refused", alive("aa"), incident="INC-20261102-0001", took_over=(EARLIER,))
    assert [debt["about"] for debt in earlier_debts.still([refused, before])] == ["aa"]


def test_an_heir_of_an_heir_ends_the_custody_of_both_and_an_escrow_is_owed_where_it_lies() -> None:
    first = row("debt", alive("aa"), alive("bb"), incident="INC-20261031-0000")
    heir = row("rolled back", alive("bb"), alive("cc"), took_over=("INC-20261031-0000",))
    heir.summary["custody"] = ["escrow:///a/INC.old.json (keyring)", "vault://secret/payments#old"]
    found = earlier_debts.taken_over([heir, first], "payments", ACCOUNT, Policy.EXPOSED)
    assert [debt["about"] for debt in found["INC-20261031-0000"]] == ["bb"], "what the first heir has paid is paid"
    assert [debt["about"] for debt in found[EARLIER]] == ["bb", "cc", f"escrow of {EARLIER}"]
    assert "escrow:///a/INC.old.json" in found[EARLIER][2]["why"] and "vault" not in found[EARLIER][2]["why"]


# ── what the end pays ─────────────────────────────────────────────────────────────────────────────────


def test_the_same_leaked_key_is_proven_dead_and_so_paid() -> None:
    sim = Simulation("exposed")
    debt = alive(sim.leaked.value.fingerprint)
    code, record, _ = go(sim, {EARLIER: [asdict(debt), asdict(alive("payments"))]})
    assert code == ExitCode.DONE and not record.debts
    assert record.facts["took_over"][EARLIER][0]["about"] == debt.about, "it stays in the record"


def test_a_key_of_theirs_that_lives_stays_owed_until_it_is_seen_dead_and_then_their_custody_ends() -> None:
    sim = Simulation("exposed")
    theirs = sim.provider.create(f"ir-{EARLIER}-1")
    first = next(iter(sim.stores.values()))
    first.keep(EARLIER, "new-1", theirs.value)
    first.stage(EARLIER, theirs.value)
    code, record, journal = go(sim, {EARLIER: [asdict(alive(theirs.value.fingerprint))]})
    assert code == ExitCode.DEBT, [(r.id, r.outcome.said) for r in record.runs]
    (debt,) = record.debts.values()
    assert debt.about == theirs.value.fingerprint and sim.incident in debt.todo and EARLIER not in debt.todo
    assert first.fetch(EARLIER, "new-1") == theirs.value and sim.provider.lives(theirs), "it is not ours to kill"
    theirs.dies_at = sim.clock.time
    journal.send("wake")
    code, record, _ = go(sim, {EARLIER: [asdict(alive(theirs.value.fingerprint))]}, journal)
    assert code == ExitCode.DONE and not record.debts
    assert first.left(EARLIER).roles == ()


def test_a_stray_that_only_its_id_tells_is_paid_when_the_provider_lists_it_no_more() -> None:
    sim = Simulation("exposed")
    stray = sim.provider.create(f"ir-{EARLIER}-1")
    known = {EARLIER: [asdict(alive(stray.id)), asdict(alive(f"strays of {EARLIER}"))]}
    code, record, journal = go(sim, known)
    assert code == ExitCode.DEBT and set(record.debts) == {stray.id, f"strays of {EARLIER}"}
    stray.dies_at = sim.clock.time
    journal.send("wake")
    assert go(sim, known, journal)[0] == ExitCode.DONE


def test_a_store_and_a_service_that_were_behind_are_paid_by_the_waves() -> None:
    sim = Simulation("exposed")
    store = next(iter(sim.stores))
    rows = [Debt("store-behind", store, "old", "x"), Debt("service-behind", "billing", "old", "x"), Debt("custody", store, "left", "x")]
    code, record, _ = go(sim, {EARLIER: [asdict(debt) for debt in rows]})
    assert code == ExitCode.DONE, record.debts


@pytest.mark.parametrize(("kind", "code"), [("webhook_endpoint", ExitCode.DONE), ("api_key_created", ExitCode.DEBT)])
def test_a_leftover_is_gone_only_when_its_kind_could_be_looked_at(kind: str, code: ExitCode) -> None:
    rows = [asdict(Debt("leftover", "x_1", f"{kind}: stays", "x"))]
    assert go(Simulation("exposed"), {EARLIER: rows})[0] == code


def test_a_rolled_back_heir_owes_its_own_and_theirs() -> None:
    sim = Simulation("exposed")
    sim.services["billing"].stuck = True
    code, record, _ = go(sim, {EARLIER: [asdict(alive("mk_unknown")), asdict(Debt("leftover", "we_1", "a hook", "x"))]})
    assert code == ExitCode.ROLLED_BACK
    assert {"mk_unknown", "we_1", sim.leaked.value.fingerprint} <= set(record.debts)


# ── custody of last resort ────────────────────────────────────────────────────────────────────────────


class Escrow:
    """`custody.Escrow` in memory: one machine's."""

    custodian = True

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Secret] = {}

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        self.rows[incident, role] = secret
        return f"escrow://{incident}.{role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        return self.rows.get((incident, role))

    def left(self, incident: str) -> Left:
        return Left(tuple(role for name, role in self.rows if name == incident))

    def discard(self, incident: str) -> None:
        self.rows = {row: value for row, value in self.rows.items() if row[0] != incident}


def with_escrow(sim: Simulation) -> Escrow:
    made = Escrow()
    sim.world = replace(
        sim.world, ports=replace(sim.world.ports, custody=Custody(sim.incident, list(sim.stores.values()), escrow=lambda _incident: made))
    )
    return made


def test_the_escrow_of_an_earlier_incident_is_emptied_once_its_keys_are_dead() -> None:
    sim = Simulation("exposed")
    escrow, theirs = with_escrow(sim), sim.provider.create(f"ir-{EARLIER}-1")
    escrow.keep(EARLIER, "new-1", theirs.value)
    debts = {EARLIER: [asdict(alive(theirs.value.fingerprint)), asdict(Debt("custody", f"escrow of {EARLIER}", "kept", "x"))]}
    code, record, journal = go(sim, debts)
    assert code == ExitCode.DEBT and len(record.debts) == 2 and escrow.left(EARLIER).roles == ("new-1",), "it lives, and can be probed"
    theirs.dies_at = sim.clock.time
    journal.send("wake")
    code, record, _ = go(sim, debts, journal)
    assert (code, record.debts, escrow.rows) == (ExitCode.DONE, {}, {})


def test_an_escrow_on_another_machine_stays_owed() -> None:
    sim = Simulation("exposed")
    with_escrow(sim)
    code, record, _ = go(sim, {EARLIER: [asdict(Debt("custody", f"escrow of {EARLIER}", "kept", f"there: ir resume {EARLIER}"))]})
    (debt,) = record.debts.values()
    assert code == ExitCode.DEBT and debt.todo == f"there: ir resume {sim.incident}"


def test_a_close_ends_the_custody_of_those_whose_debts_were_taken_over() -> None:
    sim = Simulation("exposed")
    escrow, theirs = with_escrow(sim), sim.provider.create(f"ir-{EARLIER}-1")
    first = next(iter(sim.stores.values()))
    first.keep(EARLIER, "old", theirs.value)
    escrow.keep(EARLIER, "new-1", theirs.value)
    debts = {EARLIER: [asdict(alive(theirs.value.fingerprint))]}
    _, _, journal = go(sim, debts)
    journal.send("close", reason="seen", accept_alive={theirs.value.fingerprint: "it is another team's by now"})
    code, record, _ = go(sim, debts, journal)
    assert (code, record.status, record.debts) == (ExitCode.DEBT, "attested", {})
    assert record.standing_code == ExitCode.DONE
    assert first.left(EARLIER).roles == () and escrow.rows == {}
