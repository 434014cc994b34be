"""Honesty: what may be said of writes, reads and account changes, on generated accounts with and without holes, attacks and logs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from benchmarks import accounts, attacks
from ir.clients.stripe_api import StripeApi
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer
from ir.review.judge.blast_radius import shown
from ir.review.judge.verdict import worst
from ir.review.present.json_document import document, next_steps
from ir.review.present.json_schema import SCHEMA
from ir.review.present.screen_summary import lines
from ir.review.sql.schema import markdown

NOWHERE = "http://127.0.0.1:9"
DOCS = Path(__file__).parents[2] / "docs"


def asked(world: accounts.World, folder: Path, *, requests: bool = True) -> ReviewRequest:
    files: dict[str, Any] = accounts.write(world, folder / "logs", requests=requests)
    return ReviewRequest(
        "acct_1", NOWHERE, world.until - 20 * accounts.DAY, world.until, world.exposed, 0, None, "", "", str(folder), **files
    )  # fmt: skip


def reviewed(request: ReviewRequest) -> Reviewed:
    return StripeReviewer(StripeApi(NOWHERE), memory_limit="512MB").review(request, lambda _: None)


def calm() -> accounts.World:
    """A quiet account whose own logs are whole."""
    return next(w for w in map(accounts.quiet, range(7000, 7100)) if w.hole == (0, 0) and w.loss == 0)


def source(found: Reviewed, name: str) -> dict[str, object]:
    return next(row for row in found.coverage if row["source"] == name)


@pytest.mark.parametrize("name", ["off_session", "connect_plant", "card_test_by_hand", "export", "inspector", "persistence"])
def test_an_attack_is_found_by_its_own_ids(name: str, tmp_path: Path) -> None:
    world = accounts.quiet(31)
    attacks.ATTACKS[name](world)
    found = reviewed(asked(world, tmp_path))
    strong = [f for f in found.findings if f.severity in ("high", "critical") and world.evil & set(f.evidence)]
    assert strong, [(f.rule, f.severity) for f in found.findings]
    assert found.verdict in ("suspected", "confirmed")
    assert not found.complete


def test_a_quiet_account_with_whole_logs_is_cleared_of_writes_and_reads_only(tmp_path: Path) -> None:
    found = reviewed(asked(calm(), tmp_path))
    assert found.verdicts == {"writes": "none seen within coverage", "reads": "none seen within coverage", "account": "cannot tell"}
    assert found.verdict == "cannot tell"
    assert not found.complete, "an archive of events may lack types that nobody subscribed to"


def test_without_a_request_log_reads_are_never_cleared(tmp_path: Path) -> None:
    found = reviewed(asked(calm(), tmp_path, requests=False))
    assert found.verdicts["reads"] == "cannot tell"
    assert source(found, "request-log")["rows"] == 0
    assert "reads" in str(source(found, "request-log")["blind_to"])


def test_without_our_own_logs_writes_are_never_cleared(tmp_path: Path) -> None:
    found = reviewed(replace(asked(calm(), tmp_path), egress=()))
    assert found.verdicts["writes"] == "cannot tell"
    assert "S-00" in str(source(found, "egress")["blind_to"])


def test_a_tenth_of_our_lines_missing_is_cannot_tell_and_no_attacker(tmp_path: Path) -> None:
    world = calm()
    world.egress = [row for n, row in enumerate(world.egress) if n % 10]
    found = reviewed(asked(world, tmp_path))
    assert found.verdicts["writes"] == "cannot tell"
    assert not [f for f in found.findings if f.severity in ("high", "critical")]


def test_a_day_without_logs_is_a_hole_and_no_attacker(tmp_path: Path) -> None:
    world = calm()
    gone = (world.exposed + 6 * accounts.HOUR, world.exposed + 18 * accounts.HOUR)
    world.egress = [row for row in world.egress if not gone[0] <= int(row["time"]) // 1000 < gone[1]]
    found = reviewed(asked(world, tmp_path))
    assert found.verdicts["writes"] == "cannot tell"
    assert not [f for f in found.findings if f.severity in ("high", "critical")]
    gaps = source(found, "egress")["gaps"]
    assert isinstance(gaps, list)
    assert any("missing from the logs" in gap["why"] for gap in gaps)


def test_an_exposure_before_the_evidence_switches_the_baseline_off(tmp_path: Path) -> None:
    world = calm()
    request = replace(asked(world, tmp_path), exposed_at=world.until - 25 * accounts.DAY, since=world.until - 25 * accounts.DAY)
    found = reviewed(request)
    assert not [f for f in found.findings if f.rule in ("N-01", "D-01", "S-01", "S-02", "S-03", "S-13")]
    assert found.verdicts["writes"] == "cannot tell"


def test_the_document_follows_its_published_schema(tmp_path: Path) -> None:
    world = accounts.quiet(31)
    attacks.ATTACKS["refunds"](world)
    request = asked(world, tmp_path)
    told = document(reviewed(request), request)
    jsonschema.validate(json.loads(json.dumps(told)), SCHEMA)
    assert json.loads((DOCS / "review.schema.json").read_text()) == SCHEMA
    assert markdown() in (DOCS / "review-schema.md").read_text()
    assert all(row["timestamp"] and row["message"] and row["datetime"] and row["timestamp_desc"] for row in reviewed(request).timeline)


def test_what_is_said_fits_a_screen_and_ends_with_three_steps(tmp_path: Path) -> None:
    world = accounts.quiet(31)
    attacks.ATTACKS["refunds"](world)
    found = reviewed(asked(world, tmp_path))
    assert len(lines(found)) <= 24
    for height in (22, 20, 19):
        fitted = lines(found, 80, height)
        assert len(fitted) <= height
        assert [fitted[0][:7], "Coverage" in fitted, fitted[-1][:2]] == ["Misuse:", True, "  "]
        assert all(any(line.startswith(f"  {n}. ") for line in fitted) for n in (1, 2, 3))
        assert all(len(line) <= 80 for line in fitted[fitted.index("Next") :]), "what to do is broken between words, never cut"
    assert len(next_steps(found)) == 3
    assert "ir rotate stripe --policy exploited" in next_steps(found)[0]


def test_ranks_of_verdicts() -> None:
    none, cannot, suspected, confirmed = "none seen within coverage", "cannot tell", "suspected", "confirmed"
    assert worst([none, cannot]) == cannot
    assert worst([cannot, suspected, none]) == suspected
    assert worst([confirmed, suspected]) == confirmed


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [(50_000, "usd", "500.00 USD"), (50_000, "jpy", "50,000 JPY"), (1_500, "kwd", "1.500 KWD"), (-250, "eur", "-2.50 EUR")],
)
def test_money_is_written_as_people_write_it(amount: int, currency: str, said: str) -> None:
    assert shown(amount, currency) == said


@pytest.mark.parametrize("exposed_ago", [0.0, 5.0, 20 * accounts.DAY, 60 * accounts.DAY])
def test_a_review_without_any_source_says_what_one_that_looks_for_itself_would_say(exposed_ago: float, tmp_path: Path) -> None:
    until = calm().until
    exposed = until - exposed_ago if exposed_ago else 0.0
    request = ReviewRequest("acct_1", NOWHERE, until - 20 * accounts.DAY, until, exposed, 60, None, "ff", "mk_1", str(tmp_path))
    request = replace(request, own_requests=("req_1",), own_objects=("mk_2",), known_webhooks=("we_1",))
    looked = StripeReviewer(StripeApi(NOWHERE))._reviewed(request, lambda _: None)  # noqa: SLF001 - the long way is not for others
    assert reviewed(request) == looked
    assert looked.verdict == "cannot tell"
