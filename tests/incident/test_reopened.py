"""A watch finds misuse later: a running incident owes it, a finished one is open again, and people hear of it once."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import pytest

from ir.cli.classify import classify
from ir.cli.review_watch import EVERY, watch
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Unknown, UsageError
from ir.core.model import Debt, Finding
from ir.drill.simulated.clock import SimClock
from ir.drill.simulated.durable_engine import Journal, Parked
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.evidence import audit_log
from ir.incident.folding import fold, hear_late
from ir.incident.record import Incident
from ir.ports import Reviewed
from ir.runtime import reopen
from ir.runtime.app_state import State
from ir.runtime.notice_words import notice_of
from ir.storage import database, process_identity

REFUNDS = Finding(
    "S-07", "critical", "Refunds in a burst", "60 refunds", "", 1, 2, 60, ("req_a", "evt_a"), ({"currency": "usd", "amount": 9},), "look"
)
DEBT = asdict(Debt("misuse", "misuse", "the watch found misuse", "ir close"))


def ended(sim: Simulation, journal: Journal) -> Incident:
    with contextlib.suppress(Parked):
        Workflow(journal.engine(), sim.world, sim.opening()).run()
    return fold(journal.stream)


def test_a_running_incident_owes_what_a_watch_found_until_somebody_attests() -> None:
    sim, journal = Simulation("exposed"), Journal()
    journal.send("misuse", debt=DEBT, evidence=["req_a"])
    record = ended(sim, journal)
    assert record.status == "debt"
    assert record.exit_code == ExitCode.DEBT
    assert record.debts["misuse"].why == "the watch found misuse"
    assert len(sim.provider.living()) == 1, "the rotation itself went on to its end"
    journal.send("close", reason="refunds undone")
    assert ended(sim, journal).status == "attested"
    assert journal.holds()


def test_a_signal_to_a_finished_incident_opens_it_and_leaves_its_chain_alone() -> None:
    sim, journal = Simulation("exposed"), Journal()
    record = ended(sim, journal)
    assert record.status == "done"
    head = record.head
    journal.send("misuse", debt=DEBT, evidence=["req_a"])
    hear_late(record, journal.queue)
    assert (record.status, record.exit_code, record.head) == ("reopened", ExitCode.DEBT, head)
    journal.send("close", reason="dealt with")
    again = fold(journal.stream)
    hear_late(again, journal.queue)
    assert (again.status, again.exit_code, dict(again.debts)) == ("done", ExitCode.DONE, {})


def test_a_person_may_classify_what_has_ended() -> None:
    sim, journal = Simulation("exposed"), Journal()
    record = ended(sim, journal)
    journal.send("classify", facts={"classified_at": 9.0, "classified_by": "kim", "personal_data_breach": True})
    hear_late(record, journal.queue)
    assert record.facts["classified_at"] == 9.0
    assert (record.status, record.exit_code) == ("done", ExitCode.DONE)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[State, str]]:
    """A ledger with one finished incident of the key `payments`."""
    sim, journal = Simulation("exposed"), Journal()
    record = ended(sim, journal)
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    state = State(tmp_path, engine, process_identity.me("tester"))
    for entry in journal.stream:
        audit_log.append(engine, entry)
    state.index.note(record.id, record.status, 0, {"key": "payments", "rehearsal": False, "drill": False})
    yield state, record.id
    engine.dispose()


def test_the_notification_clock_starts_with_a_persons_word(
    kept: tuple[State, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, name = kept
    monkeypatch.setattr("ir.cli.classify.open_state", lambda: state)
    with pytest.raises(UsageError, match="a yes or no, and a name"):
        classify(name, None, "", "kim")
    classify(name, True, "cards were read", "kim", True)
    told = json.loads(capsys.readouterr().out)
    (word,) = reopen.record_of(state, name).words
    assert (word["kind"], word["facts"]["classified_by"], state.signals.sent(name)) == ("ladder", "kim", [])
    due = datetime.fromisoformat(told["notify_by"]).timestamp() - word["facts"]["classified_at"]
    assert 71.9 * 3600 < due <= 72 * 3600


def test_the_last_incident_of_the_key_is_told_once_and_people_hear_of_it(kept: tuple[State, str]) -> None:
    state, name = kept
    heard: list[str] = []

    def announce(record: Incident) -> None:
        notice = notice_of(record)
        assert notice is not None
        heard.append(f"{notice.kind}: {notice.body}")

    assert reopen.tell_misuse(state, "", "another key", [REFUNDS], "me") == []
    assert reopen.tell_misuse(state, "", "payments", [REFUNDS], "me", announce) == [name]
    assert reopen.tell_misuse(state, "", "payments", [REFUNDS], "me", announce) == [], "the same evidence is news once"
    assert len(heard) == 1
    assert "S-07 refunds in a burst (60)" in heard[0]
    row = state.index.find(name)
    assert row is not None
    assert (row.status, row.exit_code, row.summary["debts"][0]["kind"]) == ("reopened", 5, "misuse")
    more = replace(REFUNDS, rule="S-08", evidence=("req_b",))
    assert reopen.tell_misuse(state, "", "payments", [REFUNDS, more], "me") == [name]
    record = reopen.close_again(state, name, "me", "refunds undone")
    assert (record.status, record.exit_code) == ("done", ExitCode.DONE)
    row = state.index.find(name)
    assert row is not None
    assert (row.status, row.summary["debts"]) == ("done", [])


def test_a_watch_survives_a_failed_look_and_tells_what_came_late() -> None:
    clock = SimClock()
    shown: list[Reviewed] = []
    told: list[Finding] = []
    calm = Reviewed("cannot tell", {}, 0.0)
    bad = Reviewed("suspected", {}, 60.0, findings=(REFUNDS,))
    answers: list[Reviewed | Unknown] = [calm, calm, Unknown("Stripe did not answer"), calm, bad]
    asked: list[float] = []

    def look(until: float) -> Reviewed:
        asked.append(until)
        answer = answers[len(asked) - 1]
        if isinstance(answer, Unknown):
            raise answer
        return answer

    def tell(found: list[Finding]) -> list[str]:
        told.extend(found)
        return ["INC-1"] if found else []

    screen = Screen(as_json=True)
    code = watch(look, shown.append, tell, 72 * 3600.0, clock, screen)
    assert code == ExitCode.MISUSE
    assert told == [REFUNDS]
    assert shown == [bad], "one document"
    assert [round(b - a) for a, b in itertools.pairwise(asked)] == [EVERY] * 4


def test_a_watch_that_finds_nothing_ends_when_its_time_is_up() -> None:
    clock = SimClock()
    began = clock.now()
    shown: list[Reviewed] = []
    code = watch(lambda _until: Reviewed("cannot tell", {}, 0.0), shown.append, lambda _found: [], 3600.0, clock, Screen(as_json=True))
    assert code == ExitCode.DONE
    assert len(shown) == 1
    assert (clock.now() - began).total_seconds() == pytest.approx(3600, abs=1)


def test_where_the_exposure_is_unknown_only_what_the_watch_saw_being_made_counts() -> None:
    clock, shown, told = SimClock(), list[Reviewed](), list[Finding]()
    begun = int(clock.now().timestamp())
    old = {"kind": "webhook_endpoint", "id": "we_1", "created": begun - 9, "severity": "medium", "why": "sends events", "undo": "look"}
    rows = iter([(old,), (old,), (old, {**old, "id": "we_2", "created": begun + 1})])

    def tell(found: list[Finding]) -> list[str]:
        told.extend(found)
        return []

    code = watch(lambda _: Reviewed("cannot tell", {}, 0.0, leftovers=next(rows)), shown.append, tell, 3600.0, clock, Screen(as_json=True))
    assert code == ExitCode.MISUSE
    assert [finding.evidence for finding in told] == [("we_2",)]


def test_what_rests_on_a_proposed_time_is_shown_and_makes_no_debt() -> None:
    clock, told = SimClock(), list[Finding]()
    doubtful = replace(REFUNDS, proposed=True, evidence=("req_new",))
    answers = iter([Reviewed("cannot tell", {}, 0.0), Reviewed("suspected", {}, 60.0, findings=(doubtful,))])

    def tell(found: list[Finding]) -> list[str]:
        told.extend(found)
        return []

    code = watch(lambda _: next(answers), lambda _: None, tell, 3600.0, clock, Screen(as_json=True))
    assert code == ExitCode.MISUSE and told == []
