"""The top row of the report: in order, red or amber for what is found or unproven, green only for what was seen."""

import json

import pytest

from ir.core.model import Debt, Did, Json, Outcome
from ir.report import charts, exposure, render
from ir.report.source import Story
from tests.unit.report_samples import NEW, OLD, STORIES, Builder, exploited, overlap, preflight, triage, waiting

CONFIRMED = {"writes": "confirmed", "reads": "cannot tell", "account": "cannot tell"}
NONE_SEEN = "none seen within coverage"


def told(story: Builder) -> Json:
    read: Json = json.loads(render(story.incident, "json", story.entries))
    return read


def cards(story: Builder) -> dict[str, Json]:
    return {card["id"]: card for card in told(story)["cards"]}


def reviewed(story: Builder, **changed: object) -> Builder:
    """What the review says is changed afterwards, as a later review would."""
    story.write("signal", body={"kind": "contain", "facts": {"review": changed}})
    return story


@pytest.mark.parametrize("name", STORIES)
def test_the_top_row_asks_five_questions_in_one_order(name: str) -> None:
    assert list(cards(STORIES[name]())) == ["misuse", "open", "key", "services", "todo"]


@pytest.mark.parametrize("name", STORIES)
def test_the_three_answers_that_machines_know_stay_as_they_were(name: str) -> None:
    report = told(STORIES[name]())
    rows = [{part: card[part] for part in ("question", "answer", "tone", "text")} for card in report["cards"]]
    assert report["answers"] == rows[2:]


def test_an_incident_with_a_confirmed_critical_finding_opens_red() -> None:
    first = told(exploited())["cards"][0]
    assert (first["question"], first["answer"], first["tone"]) == ("Was it misused?", "yes, confirmed", "bad")
    assert "Ghost refunds" in first["text"]
    facts = {fact["name"]: (fact["said"], fact["tone"]) for fact in first["facts"]}
    assert facts["Writes"] == ("confirmed", "bad")
    assert facts["Reads"] == ("cannot tell", "warn")
    assert facts["Money"] == ("refund 1,842.50 EUR, refund 90,000 JPY, 1 movement could still be stopped", "bad")
    assert facts["People"] == ("9 customers written to", "bad")


@pytest.mark.parametrize(
    ("verdicts", "severity", "tone"),
    [
        ((NONE_SEEN, NONE_SEEN, NONE_SEEN), "", "good"),
        ((NONE_SEEN, NONE_SEEN, NONE_SEEN), "low", "good"),
        ((NONE_SEEN, NONE_SEEN, NONE_SEEN), "medium", "warn"),
        ((NONE_SEEN, NONE_SEEN, NONE_SEEN), "high", "bad"),
        ((NONE_SEEN, NONE_SEEN, NONE_SEEN), "critical", "bad"),
        ((NONE_SEEN, "cannot tell", NONE_SEEN), "", "warn"),
        ((NONE_SEEN, "cannot tell", "suspected"), "", "bad"),
        (("confirmed", "cannot tell", "cannot tell"), "low", "bad"),
    ],
)
def test_misuse_is_green_only_when_every_verdict_could_be_given_and_nothing_was_found(
    verdicts: tuple[str, str, str], severity: str, tone: str
) -> None:
    findings = [{"rule": "S-01", "severity": severity, "title": "x", "first_seen": 1763860000}] if severity else []
    by = dict(zip(("writes", "reads", "account"), verdicts, strict=True))
    worst = next((v for v in ("confirmed", "suspected", "cannot tell") if v in verdicts), NONE_SEEN)
    story = reviewed(overlap(), verdict=worst, verdicts=by, findings=findings)
    assert cards(story)["misuse"]["tone"] == tone


def test_without_a_review_misuse_money_and_people_are_unknown_and_amber() -> None:
    card = cards(STORIES["aborted"]())["misuse"]
    assert (card["answer"], card["tone"], card["text"]) == ("cannot tell", "warn", "no review was completed")
    assert {fact["tone"] for fact in card["facts"]} == {"warn"}
    assert [fact["said"] for fact in card["facts"][3:]] == ["not looked at", "not looked at"]


def test_misuse_that_is_found_after_the_end_turns_the_card_red() -> None:
    story = reviewed(overlap(), verdict=NONE_SEEN, verdicts=dict.fromkeys(("writes", "reads", "account"), NONE_SEEN))
    debt = {"kind": "misuse", "about": "misuse of payments", "why": "a ghost write was seen", "todo": "ir review stripe"}
    story.write("signal", body={"kind": "misuse", "debt": debt, "evidence": ["evt_1"]})
    card = cards(story)["misuse"]
    assert (card["answer"], card["tone"]) == ("suspected", "bad")
    assert card["text"].startswith("a ghost write was seen")


def test_how_long_it_was_open_stands_on_one_small_line() -> None:
    card = cards(overlap())["open"]
    assert (card["answer"], card["tone"]) == ("1 h 37 min", "good")
    assert [point["id"] for point in card["line"]] == ["exposed", "contained", "proven"]
    assert [point["at"] is not None for point in card["line"]] == [True, False, True]
    assert cards(STORIES["debt"]())["open"]["answer"] == "still open"
    assert cards(STORIES["debt"]())["open"]["tone"] == "bad"


def test_a_window_that_was_misused_or_begins_nowhere_is_amber() -> None:
    misused = cards(exploited())["open"]
    assert (misused["answer"], misused["tone"]) == ("1 h 1 min", "warn")
    assert "the key was misused meanwhile" in misused["text"]
    story = overlap()
    incident = story.incident
    incident.facts.pop("exposed_at")
    card = json.loads(render(incident, "json", story.entries))["cards"][1]
    assert (card["answer"], card["tone"]) == ("unknown", "warn")


def test_a_finding_before_the_stated_exposure_doubts_the_window() -> None:
    story = overlap()
    early = story.incident.facts["exposed_at"] - 3600
    found = [{"rule": "S-09", "severity": "medium", "title": "x", "first_seen": early}]
    card = cards(reviewed(story, findings=found))["open"]
    assert card["tone"] == "warn"
    assert "the first finding is 1 h earlier than the stated exposure" in card["text"]


def test_containment_that_nobody_saw_hold_closes_nothing() -> None:
    story = waiting()
    facts = {"exposed_at": story.now - 3600, "contained_at": story.now, "containment": {"how": "policy", "said": "set", "unseen": True}}
    story.step("contain", Outcome(Did.DONE, "set", facts))
    report = told(story)
    card = report["cards"][1]
    assert (card["answer"], card["tone"], report["exposure"]["to"]) == ("still open", "bad", None)
    assert next(row for row in report["clocks"] if row["name"] == "contained")["said"] == "asked for, but not seen to hold"


def test_contained_is_not_dead() -> None:
    story = waiting()
    facts = {"exposed_at": story.now - 3600, "contained_at": story.now, "containment": {"how": "narrowed", "said": "narrowed"}}
    story.step("contain", Outcome(Did.DONE, "contained", facts))
    card = cards(story)["open"]
    assert card["tone"] == "warn"
    assert "contained, but not proven dead" in card["text"]


def test_nothing_is_still_to_do_only_when_nothing_is_left_to_look_at() -> None:
    assert cards(overlap())["todo"]["tone"] == "good"
    grave = [{"rule": "S-01", "severity": "critical", "title": "x", "first_seen": 1763860000}]
    card = cards(reviewed(overlap(), findings=grave, verdict="confirmed", verdicts=CONFIRMED))["todo"]
    assert (card["answer"], card["tone"]) == ("2 things", "warn")
    assert card["text"] == "follow up 1 finding that is critical or high; decide whether it is a personal data breach"
    story = overlap()
    story.write("signal", body={"kind": "contain", "facts": {"sweep": {"checked": False}}})
    assert cards(story)["todo"]["tone"] == "warn"


def test_counts_are_spoken_as_people_speak() -> None:
    story = Builder()
    preflight(story)
    triage(story)
    story.step("prove", Outcome(Did.FAILED, "not proven", debts=(Debt("key-unproven", OLD, "it answers", "ir resume"),)))
    assert cards(story)["todo"]["answer"] == "1 thing"
    assert "0 of 4; the others" in cards(story)["services"]["text"]
    assert "the other: billing-worker" in cards(STORIES["debt"]())["services"]["text"]


def test_keys_are_called_by_name_and_provider_id() -> None:
    story = exploited()
    report = told(story)
    assert (report["old"]["name"], report["new"]["name"]) == ("payments (mk_1SZleaked)", "payments (mk_1SZfresh)")
    assert cards(story)["key"]["text"].startswith("payments (mk_1SZleaked): since ")
    assert cards(story)["key"]["text"].endswith("control key: the replacement")
    assert NEW not in cards(story)["key"]["text"]
    debts = told(STORIES["debt"]())["debts"]
    assert [(row["what"], row["name"]) for row in debts] == [
        ("death not proven", "the leaked key payments (mk_1SZleaked)"),
        ("service not moved", "billing-worker"),
    ]


def test_what_people_sent_is_told_without_the_engines_words() -> None:
    story = overlap()
    story.write("signal", body={"kind": "wake", "id": 4, "yes": True}, actor="mara")
    story.write("signal", body={"kind": "abort", "id": 5, "reason": "wrong key"}, actor="mara")
    story.write("signal", body={"kind": "classify", "id": 6, "facts": {"personal_data_breach": False, "classified_because": "test data"}})
    report = told(story)
    assert [(row["what"], row["said"]) for row in report["signals"]] == [
        ("approved retire", "not signed"),
        ("went on", "the operator's own questions answered with yes"),
        ("asked to stop", "wrong key"),
        ("classified it", "no personal data breach: test data"),
    ]
    for fmt in ("html", "md"):
        text = render(story.incident, fmt, story.entries)
        assert not [word for word in ("wake", "id 4", "5d3f5d3f", "key-alive", "debt:") if word in text], fmt


def test_an_approval_says_until_when_it_holds() -> None:
    story = overlap()
    body = {"kind": "approve", "id": 9, "step": "retire", "plan": "5d3f", "until": 1796084655, "reason": "seen", "signature": "x"}
    story.write("signal", body=body, actor="kim")
    row = told(story)["signals"][-1]
    assert (row["what"], row["said"]) == ("approved retire", "seen; signed; holds until 2026-12-01 00:24:15 UTC")


def test_missed_consumers_are_denied_only_when_somebody_looked() -> None:
    for name, said in (("overlap", "None was seen"), ("waiting", "Not looked for yet")):
        story = STORIES[name]()
        for fmt in ("html", "md"):
            assert said in render(story.incident, fmt, story.entries), (name, fmt)


def test_a_time_line_is_sure_between_what_is_known_and_counts_from_there() -> None:
    story = Story(overlap().incident)
    points = {point["id"]: point for point in charts.line(story, exposure.open_line(story))}
    assert [(p["state"], p["sure"], p["gap"]) for p in points.values()] == [
        ("open", True, ""),
        ("open", True, ""),
        ("dead", False, "+1 h 37 min"),
    ]
    assert (points["contained"]["time"], points["proven"]["date"]) == ("not done", "")
    alive = Story(waiting().incident)
    assert [(p["known"], p["sure"]) for p in charts.line(alive, exposure.open_line(alive))] == [(False, False)] * 3
