"""`close` ends one thing by name; critical leftovers stay until a look finds them gone; `--yes` never reads as a person's approval."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.cli import one_debt, purging
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Debt, Json
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.evidence import audit_log
from ir.incident.context import Options
from ir.incident.folding import fold
from ir.incident.record import Incident
from ir.report import render
from ir.runtime.app_state import State
from ir.storage import database, process_identity
from tests.incident.test_workflow import go
from tests.unit.report_samples import STORIES

HOOK: Json = {"kind": "webhook_endpoint", "id": "we_evil", "created": 1, "severity": "critical", "why": "not ours", "undo": "delete it"}


def with_leftovers(*rows: Json, delay: float = 0.0) -> tuple[Simulation, Journal, Incident]:
    sim = Simulation("exposed")
    sim.provider.delay = delay
    sim.reviewer.leftovers = rows
    _, record, journal = go(sim)
    return sim, journal, record


def test_one_sentence_does_not_end_several_things() -> None:
    other = {**HOOK, "id": "we_other", "severity": "high"}
    sim, journal, record = with_leftovers({**HOOK, "severity": "high"}, other)
    assert set(record.debts) == {"we_evil", "we_other"}
    journal.send("close", reason="looked at it")
    code, record, _ = go(sim, journal)
    assert (code, record.status, set(record.debts)) == (ExitCode.DEBT, "attested", {"we_evil", "we_other"})


def test_a_named_thing_ends_and_the_others_stay() -> None:
    sim, journal, record = with_leftovers({**HOOK, "severity": "high"}, {**HOOK, "id": "we_other", "severity": "high"})
    with pytest.raises(UsageError, match="2 things are still to do, and one sentence ends one of them"):
        one_debt.meant(record, "")
    assert one_debt.meant(record, "we_other") == "we_other"
    with pytest.raises(UsageError, match="several are called that"):
        one_debt.meant(record, "leftover")
    journal.say("closed", about="we_other", reason="it is ours")
    record = fold(journal.stream)
    assert (set(record.debts), record.status) == ({"we_evil"}, "debt"), "it can still be resumed"
    journal.send("close", reason="undone by hand", debt="we_evil")
    code, record, _ = go(sim, journal)
    assert (code, record.status, record.debts) == (ExitCode.DONE, "attested", {})


def test_a_critical_leftover_goes_on_being_to_do_until_a_look_finds_it_gone() -> None:
    sim, journal, record = with_leftovers(HOOK)
    with pytest.raises(Refused, match="critical: a word does not end it"):
        one_debt.meant(record, "we_evil")
    journal.send("close", reason="looked at it")
    code, record, _ = go(sim, journal)
    assert (code, set(record.debts)) == (ExitCode.DEBT, {"we_evil"})
    sim, journal, record = with_leftovers(HOOK)
    sim.reviewer.leftovers = ()
    journal.send("close", reason="deleted in the Dashboard")
    code, record, _ = go(sim, journal)
    assert (code, record.debts) == (ExitCode.DONE, {})


def test_what_a_person_keeps_by_name_is_shown_and_counts_no_more() -> None:
    sim, journal, record = with_leftovers(HOOK)
    assert one_debt.meant(record, "", "we_evil") == "we_evil"
    journal.say("kept", about="we_evil", reason="it is the new shop's")
    record = fold(journal.stream)
    assert (record.debts, record.accepted["we_evil"]["reason"]) == ({}, "it is the new shop's")
    journal.send("wake")
    code, record, _ = go(sim, journal)
    assert (code, record.status, list(record.accepted)) == (ExitCode.DONE, "done", ["we_evil"]), "the sweep saw it again, and it is kept"


def test_a_key_that_answers_is_not_ended_by_a_word() -> None:
    record = Incident(id="INC-1", debts={about: Debt("key-alive", about, "it answers", "expire it") for about in ("aa", "bb")})
    with pytest.raises(Refused, match="a word does not end a key that answers"):
        one_debt.meant(record, "aa")


def test_an_end_that_was_on_its_way_does_not_bring_a_paid_thing_back() -> None:
    sim, journal, record = with_leftovers({**HOOK, "severity": "high"}, {**HOOK, "id": "we_other", "severity": "high"})
    end = journal.stream.pop()
    journal.say("closed", about="we_other", reason="it is ours")
    journal.say("under", under=["sec"])
    go(sim, journal)
    record = fold(journal.stream)
    assert journal.stream[-1]["kind"] == "ended" and journal.holds() and set(record.debts) == {"we_evil"}
    assert end["n"] == journal.stream[-1]["n"] - 2


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[State, str]]:
    _, journal, record = with_leftovers({**HOOK, "severity": "high"}, {**HOOK, "id": "we_other", "severity": "high"})
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    state = State(tmp_path, engine, process_identity.me("tester@host"))
    for entry in journal.stream:
        audit_log.append(engine, entry)
    state.index.note(record.id, record.status, 5, {"key": "payments"})
    yield state, record.id
    engine.dispose()


def test_the_command_ends_one_and_says_what_stays(kept: tuple[State, str], capsys: pytest.CaptureFixture[str]) -> None:
    state, name = kept
    screen = Screen()
    operator = Terminal(screen, name="kim", yes=True)
    assert one_debt.by_word(state, name, "we_other", operator, "it is ours", keeps=False)
    assert one_debt.shown(state, name, screen) == ExitCode.DEBT
    said = capsys.readouterr()
    assert "we_other ended by kim" in said.out and "still to do: we_evil" in said.out + said.err
    assert not one_debt.by_word(state, name, "we_evil", operator, "undone", keeps=False), "the last one closes the incident, with its look"
    row = state.index.find(name)
    assert row is not None and [debt["about"] for debt in row.summary["debts"]] == ["we_evil"]
    report = json.loads((state.bundle(name) / "report.json").read_text())
    assert [debt["about"] for debt in report["debts"]] == ["we_evil"]


# ── how an approval came about ──


def approvals(sim: Simulation) -> tuple[list[Json], str]:
    _, record, journal = go(sim)
    report = json.loads(render(record, "json", journal.stream))
    return report["approvals"], render(record, "md", journal.stream)


def test_an_answer_by_yes_is_never_a_persons_approval() -> None:
    rows, text = approvals(Simulation("exposed", options=Options(yes=True)))
    assert [(row["step"], row["person"]) for row in rows] == [("retire", False)]
    assert "no person was asked" in text and "approved retire" not in text


def test_the_opener_who_approves_is_flagged() -> None:
    story = STORIES["exploited"]()
    story.incident.actor = story.entries[0]["actor"]
    report = json.loads(render(story.incident, "json", story.entries))
    for row in report["approvals"]:
        assert row["same_as_opener"] == (row["by"].partition("@")[0] == story.incident.actor.partition("@")[0])
    sim = Simulation("exposed", options=Options(yes=False))
    sim.world.ports.operator.interactive = True
    rows, _ = approvals(sim)
    assert [(row["how"], row["person"], row["same_as_opener"]) for row in rows] == [("a person, not signed", True, True)]


# ── evidence while somebody has still to be told ──


@pytest.mark.parametrize(
    ("given", "fine"),
    [
        (("", "", ""), False),
        (("kim", "", ""), False),
        (("", "the DPO asked", ""), False),
        (("kim", "the DPO asked", ""), True),
        (("kim", "", "lee"), True),
    ],
)
def test_evidence_under_a_running_clock_goes_by_two_people_or_by_a_named_reason(given: tuple[str, str, str], fine: bool) -> None:
    record = Incident(id="INC-1", actor="kim", opened_at="2026-11-23T03:00:00.000Z")
    purging.refuse_alone(record, *given)
    record.words = [{"kind": "ladder", "rung": "aware", "when": 1_795_000_000.0, "by": "kim", "n": 1, "at": ""}]
    if fine:
        purging.refuse_alone(record, *given)
        return
    with pytest.raises(Refused, match="is still needed: tell authority"):
        purging.refuse_alone(record, *given)


def test_a_second_person_is_another_one() -> None:
    with pytest.raises(UsageError, match="another person"):
        purging.refuse_alone(Incident(), "kim", "", "Kim")


def test_copies_that_the_record_knows_of_are_named() -> None:
    record = Incident(words=[{"kind": "copied", "folder": "/mnt/auditor"}])
    inputs = {"files": [], "inputs": [{"name": "/var/log/egress.jsonl"}]}
    entries = [{"body": {"outcome": {"facts": {"evidence": {"review": inputs}}}}}]
    assert purging.copies(record, entries, Path("/here")) == ["/here/evidence", "/mnt/auditor", "/var/log/egress.jsonl"]
