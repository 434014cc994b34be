"""The ladder and its clocks: from awareness, never later, each with article and source; whom a notification answers."""

from datetime import UTC, date, datetime

import pytest

from ir.core.model import Json
from ir.incident import deadlines, ladder
from ir.incident.obligations import RECIPIENTS, LegalClock, Within, shipped
from ir.incident.record import Incident

OPENED = datetime(2026, 11, 23, 3, 0, tzinfo=UTC).timestamp()
HOUR = 3600.0


def incident(*words: Json) -> Incident:
    record = Incident(id="INC-20261123-0001", actor="kim@ops", opened_at="2026-11-23T03:00:00.000Z", facts={"opened_at": OPENED})
    record.words = [{"by": "kim", "at": "2026-11-23T09:00:00.000Z", "n": 9 + place, "hash": "", **word} for place, word in enumerate(words)]
    return record


def rung(name: str, hours: float, **more: object) -> Json:
    return {"kind": "ladder", "rung": name, "when": OPENED + hours * HOUR, **more}


def told(to: str, hours: float, clock: str = "") -> Json:
    return {"kind": "told", "to": to, "when": OPENED + hours * HOUR, "reference": "no. 7", "clock": clock}


def row(record: Incident, clock: str) -> deadlines.Deadline:
    return next(row for row in deadlines.all_of(record) if row.clock.id == clock)


@pytest.mark.parametrize("clock", [clock for pack in shipped().packs for clock in pack.clocks], ids=lambda clock: clock.id)
def test_no_clock_lacks_its_article_its_source_and_since_when_it_holds(clock: LegalClock) -> None:
    assert any(mark in clock.article for mark in ("art.", "requirement", "§", "Item", "laws of", "Visa")), "a place in a text, not a title"
    assert clock.source.startswith("https://") and clock.read.startswith("https://")
    assert date(2018, 1, 1) < clock.effective <= shipped().as_of
    assert clock.to in RECIPIENTS
    assert clock.within is not None or clock.unclear, "without a number it says so"


def test_packs_have_names_and_clocks_of_their_own() -> None:
    ids = [clock.id for pack in shipped().packs for clock in pack.clocks]
    assert len(ids) == len(set(ids))
    assert {"gdpr", "nis2", "dora", "pci-dss", "sec", "us-ca", "us-ny"} <= {pack.name for pack in shipped().packs}
    begun = {clock.starts.partition(":")[2] for pack in shipped().packs for clock in pack.clocks} - {""}
    assert begun <= set(ids), "a clock that starts another one exists"


def test_the_clock_runs_from_awareness_and_a_later_word_never_moves_it_later() -> None:
    record = incident(rung("classified", 10, breach=True, reason="cards were read"))
    assert row(record, "gdpr-33").due == OPENED + (10 + 72) * HOUR, "classified is known at the latest"
    record = incident(rung("classified", 10, breach=True), rung("classified", 40, breach=True))
    assert row(record, "gdpr-33").due == OPENED + (10 + 72) * HOUR, "said again: the same deadline"
    record = incident(rung("aware", 4), rung("classified", 10, breach=True), rung("aware", 30), rung("classified", 50, breach=True))
    assert row(record, "gdpr-33").due == OPENED + (4 + 72) * HOUR
    record = incident(rung("classified", 10, breach=True), rung("aware", 2))
    assert row(record, "gdpr-33").due == OPENED + (2 + 72) * HOUR, "an earlier one moves it earlier"
    assert row(record, "gdpr-33").bound == OPENED + 72 * HOUR


def test_a_breach_that_is_none_after_all_and_one_again_keeps_the_first_awareness() -> None:
    words = [rung("classified", 10, breach=True), rung("classified", 20, breach=False, reason="test data")]
    assert row(incident(*words), "gdpr-33").state == deadlines.NO_BREACH
    assert not [d for d in deadlines.open_ones(incident(*words)) if d.clock.id == "gdpr-33"]
    again = row(incident(*words, rung("classified", 60, breach=True)), "gdpr-33")
    assert (again.state, again.due) == (deadlines.OPEN, OPENED + (10 + 72) * HOUR)


def test_nobody_has_said_a_word_so_the_bound_of_detection_is_told() -> None:
    assert row(incident(), "gdpr-33").state == deadlines.NOT_STARTED
    assert "2026-11-26 03:00 UTC, if detection (2026-11-23 03:00 UTC) is awareness" in deadlines.bound_of_detection(incident())[0]
    assert deadlines.bound_of_detection(incident(rung("aware", 1))) == []
    assert list(ladder.ladder(incident())) == ["detected"]
    assert list(ladder.ladder(incident(rung("material", 3, material=True), rung("classified", 2, breach=True)))) == list(ladder.RUNGS)


def test_a_notification_answers_its_clock_and_a_late_one_is_late() -> None:
    aware = rung("aware", 0)
    assert row(incident(aware, told("authority", 71)), "gdpr-33").state == deadlines.TOLD
    assert row(incident(aware, told("authority", 73)), "gdpr-33").state == deadlines.LATE
    assert row(incident(aware, told("persons", 1)), "gdpr-33").state == deadlines.OPEN, "somebody else was told"
    no = {"kind": "not-told", "to": "authority", "reason": "no risk to people", "when": 0.0, "clock": "", "reference": ""}
    assert row(incident(aware, no), "gdpr-33").state == deadlines.NOT_TOLD


def test_a_report_in_stages_runs_from_the_stage_before() -> None:
    words = [{"kind": "under", "under": ["nis2", "dora"]}, rung("aware", 0), rung("classified", 5, breach=True)]
    record = incident(*words)
    assert row(record, "nis2-early").due == OPENED + 24 * HOUR
    assert row(record, "dora-initial").due == OPENED + 9 * HOUR
    assert row(record, "nis2-final").state == deadlines.NOT_STARTED
    record = incident(*words, told("csirt", 3), told("csirt", 50, "nis2-notification"), told("regulator", 6))
    assert row(record, "nis2-early").state == deadlines.TOLD, "a word without a clock answers the first"
    assert row(record, "nis2-final").due == Within(months=1).after(OPENED + 50 * HOUR)
    assert {row(record, one).state for one in ("dora-initial", "dora-initial-latest")} == {deadlines.TOLD}, "one notification, two limits"
    assert row(record, "dora-intermediate").due == OPENED + (6 + 72) * HOUR


def test_a_filing_counts_business_days_from_materiality() -> None:
    wednesday = rung("material", 48 + 12, material=True)
    record = incident({"kind": "under", "under": ["sec"]}, wednesday)
    assert deadlines.utc(row(record, "sec-8k").due) == "2026-12-01 15:00 UTC", "Thursday, Friday, Monday, Tuesday"
    assert row(incident({"kind": "under", "under": ["sec"]}), "sec-8k").state == deadlines.NOT_STARTED
    assert Within(months=1).after(datetime(2027, 1, 31, tzinfo=UTC).timestamp()) == datetime(2027, 2, 28, tzinfo=UTC).timestamp()
    assert Within(months=1).after(datetime(2026, 12, 31, tzinfo=UTC).timestamp()) == datetime(2027, 1, 31, tzinfo=UTC).timestamp()


def test_the_next_deadline_comes_first_and_counts_down() -> None:
    record = incident({"kind": "under", "under": ["nis2"]}, rung("aware", 0))
    first, *_, last = deadlines.open_ones(record)
    assert (first.clock.id, last.due) == ("nis2-early", 0.0)
    lines = deadlines.countdown(deadlines.rows(record), OPENED + 25 * HOUR)
    assert lines[0] == "tell csirt by 2026-11-24 03:00 UTC, LATE by 60 min (Directive (EU) 2022/2555, art. 23(4)(a))"
    assert "47 h left" in lines[1]
    assert deadlines.rows(incident()) == [], "nothing is known to concern people"
    assert deadlines.rows(incident(rung("classified", 1, breach=False))) == [
        row for row in deadlines.rows(incident(rung("classified", 1, breach=False))) if row["id"] not in ("gdpr-33", "gdpr-34")
    ]
