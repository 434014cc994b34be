"""Words of people enter the chain while an incident runs: a replay takes them in where they stand."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.cli.classify import classify
from ir.cli.notify import list_clocks, record
from ir.core.errors import ExitCode, UsageError
from ir.core.model import Json
from ir.drill.simulated.durable_engine import Journal
from ir.drill.simulated.world import Simulation
from ir.engine.workflow import Workflow
from ir.evidence import audit_log
from ir.evidence.bundle_verifier import check_folder
from ir.incident import deadlines, ladder
from ir.incident.folding import fold
from ir.runtime import words
from ir.runtime.app_state import State
from ir.storage import database, process_identity
from tests.incident.test_workflow import go


def test_a_word_while_an_incident_waits_is_taken_in_by_who_goes_on_with_it() -> None:
    sim = Simulation("exposed")
    sim.provider.delay = 5000.0
    code, _, journal = go(sim)
    assert code == ExitCode.DEBT
    journal.say("ladder", rung="aware", when=1.0)
    journal.say("told", to="authority", when=2.0, reference="7")
    journal.send("close", reason="looked at it")
    _, seen, _ = go(sim, journal)
    assert [word["kind"] for word in seen.words] == ["ladder", "told"] and seen.status == "attested"
    assert journal.holds()
    assert [entry["kind"] for entry in journal.stream].count("word") == 2


def test_words_at_any_place_leave_a_replay_as_it_was() -> None:
    """The workflow runs again from the start over a stream with words in it; each new process goes on behind them."""
    for seed in range(4):
        sim, journal = Simulation("exposed"), Journal()
        sim.provider.delay = 5000.0
        go(sim, journal)
        for _ in range(seed + 1):
            journal.say("ladder", rung="aware", when=float(seed))
            sim.world = sim.another_machine()
            journal.send("wake")
            go(sim, journal)
        assert journal.holds()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[State, str]]:
    """A database with one finished incident."""
    sim, journal = Simulation("exposed"), Journal()
    Workflow(journal.engine(), sim.world, sim.opening()).run()
    ended = fold(journal.stream)
    engine = database.open_engine(f"sqlite:///{tmp_path / 'ir.sqlite'}")
    state = State(tmp_path, engine, process_identity.me("tester@host"))
    for entry in journal.stream:
        audit_log.append(engine, entry)
    state.index.note(ended.id, ended.status, 0, {"key": "payments"})
    for module in ("classify", "notify", "timestamps", "status"):
        monkeypatch.setattr(f"ir.cli.{module}.open_state", lambda: state)
    yield state, ended.id
    engine.dispose()


def told(capsys: pytest.CaptureFixture[str]) -> Json:
    found: Json = json.loads(capsys.readouterr().out)
    return found


def test_a_classification_is_in_chain_checkpoint_and_bundle_at_once(kept: tuple[State, str], capsys: pytest.CaptureFixture[str]) -> None:
    state, name = kept
    classify(name, True, "cards were read", "kim", True)
    said = told(capsys)
    entries = audit_log.entries(state.engine, name)
    assert (entries[-1]["kind"], entries[-1]["actor"], entries[-1]["body"]["login"]) == ("word", "kim", "tester@host")
    assert said["head"] == entries[-1]["hash"]
    newest = state.checkpoints.of(name)[-1]["statement"]
    assert (newest["size"], newest["head_hash"]) == (len(entries), entries[-1]["hash"])
    folder = state.bundle(name)
    report = json.loads((folder / "report.json").read_text())
    assert [row["rung"] for row in report["ladder"]] == ["detected", "classified", "aware"]
    assert report["chain"]["head"] == entries[-1]["hash"] and "cards were read" in (folder / "audit.jsonl").read_text()
    verdict = check_folder(folder, "", entries[-1]["hash"])
    assert verdict.holds and verdict.covered == len(entries)
    assert not any("still open" in note for note in verdict.notes), "what is said after an end leaves it one"


def test_each_classification_keeps_the_first_clock(kept: tuple[State, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, name = kept
    classify(name, None, "the alert was read", "kim", True, aware_at="5h")
    first = told(capsys)
    classify(name, True, "cards were read", "lee", True)
    second = told(capsys)
    assert first["notify_by"] == second["notify_by"] != ""
    assert second["ladder"]["aware"]["by"] == "kim" and second["ladder"]["classified"]["by"] == "lee"
    gdpr = next(row for row in second["deadlines"] if row["id"] == "gdpr-33")
    assert abs(gdpr["due"] - (time.time() + 67 * 3600)) < 60


def test_who_was_told_and_who_is_not_is_recorded_and_counts_down(kept: tuple[State, str], capsys: pytest.CaptureFixture[str]) -> None:
    state, name = kept
    classify(name, True, "cards were read", "kim", True, under=["nis2"])
    capsys.readouterr()
    row = state.index.find(name)
    assert row is not None and [clock["to"] for clock in row.summary["clocks"][:2]] == ["csirt", "authority"]
    assert "tell authority by" in " ".join(deadlines.countdown(row.summary["clocks"], time.time()))
    record(name, "authority", "now", "kim", "DPA-2026-77", as_json=True)
    assert told(capsys)["entry"] == len(audit_log.entries(state.engine, name)) - 1
    record(name, "persons", "", "kim", because="no high risk: no names were read")
    assert "persons is not told: no high risk" in capsys.readouterr().out
    report = json.loads((state.bundle(name) / "report.json").read_text())
    assert [(n["to"], n["told"], n["reference"], n["by"]) for n in report["notifications"]] == [
        ("authority", True, "DPA-2026-77", "kim"),
        ("persons", False, "", "kim"),
    ]
    states = {d["id"]: d["state"] for d in report["deadlines"]}
    assert (states["gdpr-33"], states["gdpr-34"], states["nis2-early"]) == ("told", "not told", "open")
    text = (state.bundle(name) / "report.md").read_text()
    assert "DPA-2026-77" in text and "no high risk" in text and "eur-lex.europa.eu" in text
    list_clocks(name)
    shown = capsys.readouterr().out
    assert "gdpr-33 (told)" in shown and "unclear:" in shown and "not named as applying: dora" in shown


@pytest.mark.parametrize(
    "given",
    [
        {"to": "the press", "at": "now", "by": "kim", "reference": "7"},
        {"to": "authority", "at": "now", "by": "", "reference": "7"},
        {"to": "authority", "at": "now", "by": "kim"},
        {"to": "authority", "at": "2030-01-01", "by": "kim", "reference": "7"},
        {"to": "authority", "at": "2025-11-23", "by": "kim", "reference": "7"},
        {"to": "authority", "at": "now", "by": "kim", "reference": "7", "because": "no"},
        {"to": "authority", "by": "kim"},
        {"to": "authority", "at": "now", "by": "kim", "reference": "7", "clock": "gdpr-34"},
    ],
)
def test_a_notification_without_a_name_a_time_or_a_reference_is_refused(kept: tuple[State, str], given: Json) -> None:
    state, name = kept
    before = len(audit_log.entries(state.engine, name))
    with pytest.raises(UsageError):
        record(name, **given)
    assert len(audit_log.entries(state.engine, name)) == before


def test_a_slip_of_the_pen_starts_no_clock(kept: tuple[State, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The earliest time counts for good: with a wrong year every clock was late for ever, and none could be set right."""
    state, name = kept
    made = time.time() - 10 * 86400
    monkeypatch.setattr(ladder, "key_made_at", lambda _record: made)
    with pytest.raises(UsageError, match="long before the key was made"):
        classify(name, by="kim", aware_at="41d")
    assert not fold(audit_log.entries(state.engine, name)).words
    classify(name, by="kim", aware_at="1h")


def test_two_writers_of_one_number_both_enter(kept: tuple[State, str]) -> None:
    """Another process wrote the next entry after this one had looked: the word takes the number behind it."""
    state, name = kept
    seen = audit_log.entries(state.engine, name)
    once = iter([seen])
    entries = audit_log.entries

    def stale(engine: object, incident: str, first: int = 0) -> list[Json]:
        return next(once, None) or entries(state.engine, incident, first)

    words.append(state, name, "lee", {"kind": "under", "under": ["sec"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_log, "entries", stale)
        words.append(state, name, "kim", {"kind": "under", "under": ["dora"]})
    told = fold(audit_log.entries(state.engine, name)).words
    assert [(word["by"], word["n"]) for word in told] == [("lee", len(seen)), ("kim", len(seen) + 1)]
