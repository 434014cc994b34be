"""What each kind of incident says about itself, in all three formats."""

import json
import re
from datetime import datetime
from typing import Any, cast

import pytest

from ir.core.model import Did, Json, Outcome
from ir.incident.folding import fold
from ir.incident.record import Incident
from ir.report import FORMATS, render
from tests.unit.report_samples import AWS, MANUAL, NEW, OLD, SERVICES, STORIES, VAULT, Builder, overlap, preflight, waiting


def told(name: str, *, anchor: str = "") -> Json:
    story = STORIES[name]()
    read: Json = json.loads(render(story.incident, "json", story.entries, anchor=anchor))
    return read


def answer(report: Json, about: str) -> str:
    return next(str(row["answer"]) for row in report["answers"] if about in row["question"])


@pytest.mark.parametrize(
    ("name", "dead", "moved", "todo", "first"),
    [
        ("overlap", "yes", "yes", "nothing", []),
        ("exploited", "yes", "yes", "1 thing", ["Done, with something still to do"]),
        ("debt", "no", "no", "2 things", ["Done, with something still to do"]),
        ("rolled_back", "no", "no", "1 thing", ["Rolled back"]),
        ("aborted", "no", "no", "1 thing", ["Aborted"]),
        ("dry_run", "not applicable", "not applicable", "not applicable", ["Dry run"]),
        ("waiting", "no", "not yet", "not finished", ["Waiting for a human"]),
        ("dead_on_arrival", "yes", "yes", "nothing", ["Drill", "Dead on arrival"]),
    ],
)
def test_the_verdict_box_answers_three_questions(name: str, dead: str, moved: str, todo: str, first: list[str]) -> None:
    report = told(name)
    assert (answer(report, "proven dead"), answer(report, "all services"), answer(report, "still to do")) == (dead, moved, todo)
    assert [banner["title"] for banner in report["banners"]] == first


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("fmt", FORMATS)
def test_the_same_entries_give_the_same_bytes(name: str, fmt: str) -> None:
    story = STORIES[name]()
    assert render(fold(story.entries), fmt, story.entries) == render(fold(story.entries), fmt, story.entries)


def test_all_three_formats_tell_the_same() -> None:
    story = STORIES["exploited"]()
    report = json.loads(render(story.incident, "json", story.entries))
    for fmt in ("html", "md"):
        text = render(story.incident, fmt, story.entries)
        for fact in (OLD, NEW, *SERVICES, "we_1SZevil", "po_1SZlast", "1,842.50 EUR, 90,000 JPY", report["chain"]["head"], "cannot tell"):
            assert fact in text, (fmt, fact)


def test_the_document_has_the_keys_that_its_schema_promises() -> None:
    promised = [
        "incident",
        "status",
        "exit_code",
        "policy",
        "key",
        "old",
        "new",
        "services",
        "stores",
        "findings",
        "verdicts",
        "coverage",
        "debts",
        "timeline",
        "chain",
    ]
    report = told("overlap")
    assert set(promised) <= set(report)
    assert set(report["chain"]) >= {"head", "entries", "holds"}


def test_services_and_stores_stand_before_and_after_by_fingerprint_and_version() -> None:
    report = told("overlap")
    checkout = next(row for row in report["services"] if row["name"] == "checkout")
    assert (checkout["before"], checkout["after"], checkout["state"], checkout["proves"]) == (OLD, NEW, "on the replacement", "holds-key")
    assert checkout["checked_at"]
    stores = {row["ref"]: row for row in report["stores"]}
    assert stores[VAULT]["before"] == {"fingerprint": OLD, "version": "17"}
    assert stores[VAULT]["after"] == {"fingerprint": NEW, "version": "18"}
    assert stores[AWS]["siblings"] == ["webhook_secret", "statement_descriptor"]
    assert stores[MANUAL]["guided"]


def test_a_service_that_failed_after_the_kill_is_not_called_moved() -> None:
    report = told("debt")
    worker = next(row for row in report["services"] if row["name"] == "billing-worker")
    assert worker["state"] == "no longer as expected when last looked at"
    assert report["missed_consumers"] == [{"source": "billing-worker", "said": "fails since the kill"}]


def test_a_roll_back_shows_the_old_key_in_its_old_place() -> None:
    report = told("rolled_back")
    checkout = next(row for row in report["services"] if row["name"] == "checkout")
    store = next(row for row in report["stores"] if row["ref"] == AWS)
    assert (checkout["state"], checkout["after"]) == ("on the old key", OLD)
    assert (store["state"], store["after"]["fingerprint"]) == ("the old key was put back", OLD)


def test_up_alone_does_not_count_as_on_the_replacement() -> None:
    story = Builder()
    preflight(story)
    facts = {"new": {"fingerprint": NEW}, "services": {"checkout": {"after": NEW, "proves": "up", "moved_at": story.now}}}
    story.step("canary.canary", Outcome(Did.DONE, "1 services hold the replacement", facts))
    report = json.loads(render(story.incident, "json", story.entries))
    assert next(row for row in report["services"] if row["name"] == "checkout")["state"] == "up, its key not proven"
    assert answer(report, "all services") == "not yet"


def test_an_exception_stands_with_its_name_and_reason() -> None:
    rows = told("debt")["exceptions"]
    assert {"what": "unverified", "name": "storefront", "reason": "hosted elsewhere, only `up` can be asked"} in rows
    assert {"what": "unreachable", "name": VAULT, "reason": "sealed since Friday, INFRA-112"} in rows


def clock(report: Json, name: str) -> Json:
    row: Json = next(row for row in report["clocks"] if row["name"] == name)
    return row


def test_the_clocks_know_what_they_do_not_know() -> None:
    waits = told("waiting")
    assert clock(waits, "exposed")["at"] is None
    assert "not stated" in clock(waits, "exposed")["said"]
    assert clock(waits, "GDPR deadline")["when"] == "unknown"
    assert "no human has classified" in clock(waits, "GDPR deadline")["said"]
    assert clock(waits, "dead")["when"] == "not proven"


def test_a_leftover_that_the_last_sweep_looked_for_in_vain_is_gone() -> None:
    story = STORIES["overlap"]()
    incident = story.incident
    row = {"created": 1_764_000_000, "severity": "high", "why": "stays", "undo": "look"}
    kinds = ("webhook_endpoint", "app_installed", "coupon")
    incident.facts["review"] = {**incident.facts.get("review", {}), "leftovers": [{**row, "kind": kind, "id": kind} for kind in kinds]}
    incident.facts["sweep"] = {"checked": True, "leftovers": [], "looked": ["webhook_endpoint", "app_*"]}
    found = json.loads(render(incident, "json", story.entries))["leftovers"]
    gone = "gone when last looked at"
    assert {left["id"]: left["state"] for left in found} == dict(zip(kinds, (gone, gone, "not decided"), strict=True))


def test_a_human_may_say_that_it_is_no_breach() -> None:
    story = STORIES["exploited"]()
    word = {"kind": "ladder", "rung": "classified", "when": 1_764_000_000, "by": "kim", "breach": False, "reason": "test data"}
    incident = story.incident
    incident.words.append(word)
    row = clock(json.loads(render(incident, "json", story.entries)), "GDPR deadline")
    assert (row["at"], row["when"]) == (None, "none")
    assert row["said"].startswith("kim said at 2025-11-24")
    assert row["said"].endswith("not a personal data breach: test data")


def test_the_gdpr_clock_runs_from_the_moment_a_human_classified_it() -> None:
    report = told("exploited")
    row = clock(report, "GDPR deadline")
    classified = next(e for e in STORIES["exploited"]().entries if e["body"].get("kind") == "classify")["body"]["facts"]["classified_at"]
    assert datetime.fromisoformat(row["at"]).timestamp() == pytest.approx(classified + 72 * 3600, abs=0.01)
    assert "Dr. Aydin (DPO)" in row["said"]


def test_the_exposure_window_ends_with_containment_or_with_the_first_401() -> None:
    overlap_, exploited_ = told("overlap"), told("exploited")
    assert overlap_["exposure"]["to"] == overlap_["proof"]["from"]
    assert exploited_["exposure"]["to"] == exploited_["containment"]["at"]
    assert told("debt")["exposure"]["to"] is None


def test_milestones_stand_in_the_order_in_which_they_happened() -> None:
    rows = told("exploited")["milestones"]
    assert [row["id"] for row in rows] == [
        "exposed",
        "opened",
        "contained",
        "minted",
        "first_moved",
        "last_moved",
        "retire_asked",
        "first_401",
        "proven",
    ]
    known = [row["epoch"] for row in rows if row["epoch"] is not None]
    assert known == sorted(known)


def test_what_could_not_be_looked_at_is_said() -> None:
    rows = {row["what"]: row["why"] for row in told("exploited")["not_checked"]}
    assert rows["request log export"].startswith("nothing was read")
    assert "not swept" in rows["leftovers of an attacker"]
    assert "consumers that the inventory does not list" in rows
    bare = {row["what"] for row in told("aborted")["not_checked"]}
    assert {"misuse review", "leftovers of an attacker"} <= bare


def test_without_a_review_no_verdict_is_claimed() -> None:
    report = told("aborted")
    assert report["verdicts"] == dict.fromkeys(("writes", "reads", "account"), "cannot tell")
    assert report["review"]["scope"] == "no review was completed"


def test_findings_come_worst_first_and_keep_their_evidence() -> None:
    findings = told("exploited")["findings"]
    assert [row["severity"] for row in findings] == ["critical", "high", "medium"]
    assert len(findings[2]["evidence"]) == 61
    story = STORIES["exploited"]()
    assert "and 49 more in" in render(story.incident, "html", story.entries)


def test_each_row_of_the_timeline_names_its_entry_in_the_chain() -> None:
    story = STORIES["overlap"]()
    report = json.loads(render(story.incident, "json", story.entries))
    linked = {row["entry"]: row["hash"] for row in report["timeline"] if row["entry"] is not None}
    assert linked == {entry["n"]: entry["hash"] for entry in story.entries}
    page = render(story.incident, "html", story.entries)
    assert all(f'id="entry-{n}"' in page and hash_[:12] in page for n, hash_ in linked.items())


def test_an_approval_is_shown_with_the_person_who_gave_it() -> None:
    (row,) = told("overlap")["signals"]
    assert (row["by"], row["kind"]) == ("jonas@oncall-laptop", "approve")


def test_evidence_is_unanchored_until_somebody_outside_holds_the_head() -> None:
    free, head = told("overlap"), overlap().entries
    assert (free["chain"]["holds"], free["chain"]["anchored"]) == (True, False)
    story = overlap()
    held = json.loads(render(story.incident, "json", story.entries, anchor=story.entries[5]["hash"]))
    assert held["chain"]["anchored"]
    wrong = json.loads(render(story.incident, "json", story.entries, anchor="0" * 64))
    assert (wrong["chain"]["holds"], wrong["chain"]["anchored"]) == (False, False)
    assert len(head) == free["chain"]["entries"]


def kept(report: Json, promise: str) -> str:
    return next(str(row["kept"]) for row in report["promises"] if row["name"] == promise)


def test_an_edited_entry_breaks_the_promise_on_evidence() -> None:
    story = overlap()
    story.entries[4]["body"]["outcome"]["said"] = "nothing to see here"
    report = json.loads(render(story.incident, "json", story.entries))
    assert report["chain"]["holds"] is False
    assert "entry 4 was edited" in report["chain"]["said"]
    assert kept(report, "evidence holds") == "broken"


def test_entries_of_another_moment_are_not_passed_off_as_this_incidents() -> None:
    story = overlap()
    report = json.loads(render(story.incident, "json", story.entries[:-2]))
    assert report["chain"]["holds"] is False


def test_without_entries_the_chain_is_not_checked_and_the_steps_are_told_all_the_same() -> None:
    report = json.loads(render(overlap().incident, "json"))
    assert report["chain"]["holds"] is None
    assert [row["what"] for row in report["timeline"]][:3] == ["opened", "preflight", "triage"]
    assert kept(report, "evidence holds") == "not shown"


def test_a_kill_without_a_look_at_every_service_breaks_the_promise_of_no_cut_off() -> None:
    assert kept(told("overlap"), "no cut-off") == "honoured"
    assert kept(told("exploited"), "no cut-off") == "not applicable"
    story = Builder()
    preflight(story)
    story.step("retire", Outcome(Did.DONE, "asked", {"retire_asked_at": story.now}))
    assert kept(json.loads(render(story.incident, "json", story.entries)), "no cut-off") == "broken"


def test_a_dry_run_that_wrote_breaks_its_promise() -> None:
    assert kept(told("dry_run"), "dry run changes nothing") == "honoured"
    story = STORIES["dry_run"]()
    story.step("custody", Outcome(Did.DONE, "kept"))
    assert kept(json.loads(render(story.incident, "json", story.entries)), "dry run changes nothing") == "broken"


def test_a_verdict_without_coverage_breaks_its_promise() -> None:
    assert kept(told("overlap"), "honest coverage") == "honoured"
    story = overlap()
    story.step("triage", Outcome(Did.DONE, "read", {"review": {"coverage": []}}))
    assert kept(json.loads(render(story.incident, "json", story.entries)), "honest coverage") == "broken"


def test_asked_is_not_dead() -> None:
    story = Builder()
    preflight(story)
    story.step("retire", Outcome(Did.DONE, "asked", {"retire_asked_at": story.now}))
    assert answer(json.loads(render(story.incident, "json", story.entries)), "proven dead") == "not yet"


def test_a_proof_that_a_later_debt_contradicts_is_no_proof() -> None:
    story = overlap()
    owed = {"kind": "key-alive", "about": OLD, "why": "the leaked key answers again", "todo": "ir resume"}
    story.write("ended", body={"status": "debt", "exit_code": 5, "said": "", "debts": [owed]})
    assert answer(json.loads(render(story.incident, "json", story.entries)), "proven dead") == "no"


def test_an_attested_end_is_never_called_proven() -> None:
    story = waiting()
    story.write("signal", body={"kind": "close", "reason": "seen revoked in the Dashboard"}, actor="mara")
    story.write("ended", body={"status": "attested", "exit_code": 0, "said": "attested, not proven: seen revoked", "debts": []})
    report = json.loads(render(story.incident, "json", story.entries))
    assert report["banners"][0]["title"] == "Attested, not proven"
    assert answer(report, "proven dead") == "not proven"
    assert answer(report, "still to do") == "proof"


def test_next_steps_begin_with_debt_and_end_with_where_else_the_key_may_live() -> None:
    steps = [row["what"] for row in told("debt")["next_steps"]]
    assert steps[0].startswith("ir resume")
    for place in ("git history", "sibling fields", "webhook signing secrets", "Stripe CLI sessions"):
        assert any(place in step for step in steps), place
    assert len(steps) == len(set(steps))


def test_an_incident_of_which_nothing_is_known_still_has_a_report() -> None:
    for fmt in FORMATS:
        assert "unknown" in render(Incident(), fmt)


SHAPED = [
    *["exposed_at", "old", "new", "stores", "services", "containment", "review", "triage", "proof", "quiet", "money", "sweep", "watch"],
    *["warnings", "missed_consumers", "dead_at", "contained_at", "classified_at", "strays"],
]


@pytest.mark.parametrize("junk", ["x", [[1, 2]], {"z": {"after": ["q"]}}, True, float("nan")], ids=repr)
def test_facts_of_another_shape_do_not_break_a_report(junk: Any) -> None:
    story = overlap()
    incident = story.incident
    for name in SHAPED:
        incident = story.incident
        cast(Json, incident.facts)[name] = junk
        assert render(incident, "html", story.entries)
    cast(Json, incident.facts).update(dict.fromkeys(SHAPED, junk))
    for fmt in FORMATS:
        assert render(incident, fmt, story.entries)


def test_a_dry_run_is_marked_in_every_format() -> None:
    story = STORIES["dry_run"]()
    assert "Dry run" in render(story.incident, "html", story.entries)
    assert "(DRY RUN)" in render(story.incident, "md", story.entries)
    report = told("dry_run")
    assert report["dry_run"]
    assert {row["state"] for row in report["services"]} == {"not changed"}


def test_the_page_is_one_file_without_scripts_or_anything_from_outside() -> None:
    for name in STORIES:
        story = STORIES[name]()
        page = render(story.incident, "html", story.entries)
        assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
        assert not re.search(r"<(script|link|img|iframe|object|form|base)\b", page)
        assert not re.search(r"""(?:src|action)\s*=|href="(?!#)|url\(|@import""", page)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="html, md, json"):
        render(Incident(), "pdf")
