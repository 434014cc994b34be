"""The bundle for people: what stands in it by name, in Timesketch's form and in SQL; drafts that say what is not known."""

import csv
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ir.core.model import Did, Json, Outcome
from ir.report import render
from ir.report.bundle import write_bundle
from ir.report.handover import TIMELINE
from ir.report.notices import DRAFTS, draft
from ir.report.potential import CATEGORIES
from tests.unit.report_samples import STORIES, Builder, exploited, overlap

EVENT = {
    "id": "evt_1", "object": "event", "type": "charge.refunded", "created": 1_764_000_000, "request": {"id": "req_stranger"},
    "data": {"object": {"id": "ch_9", "object": "charge", "amount": 4200, "currency": "eur", "customer": "cus_77"}},
}  # fmt: skip
ROWS = [{"message": "S-07 refunds", "timestamp": 1_764_000_000_000_000, "timestamp_desc": "Finding", "rule_id": "S-07", "severity": "high"}]


def collected(folder: Path) -> Builder:
    """An incident whose review kept an archive of events and the list of who was affected."""
    story = exploited()
    kept = {
        "events-1-2.jsonl": json.dumps(EVENT) + "\nnot json\n" + json.dumps({"object": "list", "data": [{**EVENT, "id": "evt_2"}]}) + "\n",
        "affected.csv": "customer,what,first_seen,requests\r\ncus_77,read,2025-11-24T16:00:00+00:00,3\r\n",
    }
    (folder / "evidence").mkdir(parents=True)
    files = []
    for name, text in kept.items():
        digest = hashlib.sha256(text.encode()).hexdigest()
        (folder / "evidence" / digest).write_text(text)
        files.append({"name": name, "sha256": digest, "bytes": len(text)})
    review = {"verdict": "confirmed", "timeline": [{**ROWS[0], "evidence": "req_stranger"}]}
    facts: Json = {"evidence": {"review": {"files": files, "inputs": []}}, "review": review}
    story.step("review", Outcome(Did.DONE, "reviewed", facts), took=1.0)
    return story


def test_customers_and_moments_are_there_by_name(tmp_path: Path) -> None:
    story = collected(tmp_path)
    write_bundle(story.incident, story.entries, tmp_path)
    (row,) = csv.DictReader((tmp_path / "affected.csv").read_text().splitlines())
    assert (row["customer"], row["requests"]) == ("cus_77", "3")
    moments = [json.loads(line) for line in (tmp_path / "timeline.jsonl").read_text().splitlines()]
    assert [row["timestamp"] for row in moments] == sorted(row["timestamp"] for row in moments)
    assert all({"message", "datetime", "timestamp", "timestamp_desc"} <= set(row) for row in moments), "what Timesketch asks for"
    seen = next(row for row in moments if row["rule_id"] == "S-07")
    assert (seen["object_id"], seen["amount"], seen["currency"], seen["customer"]) == ("ch_9", 4200, "eur", "cus_77")
    assert any(row["entry"] == 0 and row["hash"] == story.entries[0]["hash"] for row in moments), "what was done, tied to the chain"
    text = (tmp_path / "README.md").read_text()
    assert "read: 1 rows, within the coverage" in text and "`affected`" not in text.split("tables")[0]


def test_once_purged_nothing_about_people_is_left_by_name(tmp_path: Path) -> None:
    story = collected(tmp_path)
    write_bundle(story.incident, story.entries, tmp_path)
    assert "cus_77" in (tmp_path / "timeline.jsonl").read_text()
    for path in (tmp_path / "evidence").iterdir():
        path.unlink()
    statement = {"size": 1, "ts": "2025-11-25T00:00:00Z", "purged": {"by": "dpo", "reason": "asked", "files": []}}
    write_bundle(story.incident, story.entries, tmp_path, checkpoints=[{"statement": statement, "signature": ""}])
    for name in ("affected.csv", "timeline.jsonl", "README.md", "evidence.db"):
        assert b"cus_77" not in (tmp_path / name).read_bytes(), name
    assert "purged: who was affected is not told" in (tmp_path / "README.md").read_text()
    with closing(sqlite3.connect(tmp_path / "evidence.db")) as db:
        assert db.execute("SELECT COUNT(*) FROM affected").fetchone() == (0,), "empty, and there"


@pytest.mark.parametrize("name", STORIES)
def test_no_name_in_the_database_needs_quotes(name: str, tmp_path: Path) -> None:
    story = STORIES[name]()
    write_bundle(story.incident, story.entries, tmp_path)
    with closing(sqlite3.connect(tmp_path / "evidence.db")) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"entries", "events", "affected", "timeline", "services"} <= set(tables)
        for table in tables:
            for _, column, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
                db.execute(f"SELECT {column} FROM {table} WHERE {column} = {column} ORDER BY {column}").fetchall()  # noqa: S608
        columns = tuple(row[1] for row in db.execute("PRAGMA table_info(timeline)"))
    assert set(columns) == set(TIMELINE)


# ── drafts, and what was within reach ──


def told(story: Builder) -> Json:
    found: Json = json.loads(render(story.incident, "json", story.entries))
    return found


@pytest.mark.parametrize("to", DRAFTS)
@pytest.mark.parametrize("name", STORIES)
def test_a_draft_has_facts_or_says_unknown(name: str, to: str) -> None:
    story = STORIES[name]()
    text = draft(told(story), to)
    assert text.startswith("# Draft") and "None" not in text and "{{" not in text
    assert ", ." not in text and ": ." not in text and "()" not in text, "no empty place"


def test_what_nobody_said_is_unknown_and_what_is_known_is_filled_in() -> None:
    text = draft(told(exploited()), "authority")
    assert "Due: 2026-11-26" in text and "Dr. Aydin" in text
    text = draft(told(overlap()), "authority")
    assert "Due: *unknown*" in text and "aware:** *unknown*" in text


def test_people_are_warned_of_those_who_write_afterwards() -> None:
    report = told(exploited())
    assert "the people who have the key write to the owner" in draft(report, "internal")
    assert "write to those concerned" in draft(report, "customers")
    assert "in Stripe's name" in draft(report, "stripe")
    with pytest.raises(ValueError, match="a draft is one of"):
        draft(report, "the press")


@pytest.mark.parametrize(
    ("old", "reachable"),
    [
        ({"kind": "secret", "row_read": True}, {category.name for category in CATEGORIES}),
        ({"kind": "restricted", "row_read": True, "permissions": ["charge_read"]}, {"payments"}),
        ({"kind": "restricted", "row_read": True, "permissions": ["customer_write"]}, {"customers"}),
        ({"kind": "restricted", "row_read": True, "permissions": ["apple_pay_domain_read"]}, set()),
        ({"kind": "restricted"}, None),
    ],
)
def test_permissions_tell_what_was_within_reach(old: Json, reachable: set[str] | None) -> None:
    story = overlap()
    incident = story.incident
    facts: Any = incident.facts
    facts["old"] = {**{name: value for name, value in facts["old"].items() if name not in ("permissions", "row_read")}, **old}
    found = json.loads(render(incident, "json", story.entries))["potential"]
    assert found["known"] is (reachable is not None)
    assert {row["name"] for row in found["categories"] if row["reachable"]} == (reachable or set())
    if reachable is None:
        assert all(row["reachable"] is None for row in found["categories"]) and "were not read" in found["said"]
    for row in found["categories"]:
        assert row["at_most"] and row["seen"]
