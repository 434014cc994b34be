"""Collectors against a stand-in with odd lists: what cannot be read is said, is no error, and never goes on for ever."""

import itertools
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ir.clients.stripe_api import StripeApi
from ir.core.model import Json
from ir.core.secret import Secret
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer
from ir.review.collect.collector import Collector
from ir.review.collect.leftover_kinds import SWEEPS
from ir.review.collect.leftover_sweep import sweep_lists
from tests.worlds.foreign_stripe import HTML, ForeignStripe, Page, Reply, foreign_stripe, honest

pytestmark = pytest.mark.server
NOW = 1_790_000_000
DAY = 86400
KEY = Secret("rk_" + "test_" + secrets.token_hex(24))
COUNT = itertools.count()
EVENTS, THIN, ACTIVITY, HOOKS = "/v1/events", "/v2/core/events", "/v2/iam/activity_logs", "/v1/webhook_endpoints"


def refused(status: int, body: Any = None) -> Page:
    error = {"error": {"type": "invalid_request_error", "message": "no such thing"}} if body is None else body
    return lambda _path, _rows, _cursor: (status, error)


def without_has_more(path: str, rows: list[Json], cursor: str) -> Reply:
    return 200, {"data": honest(path, rows, cursor)[1]["data"]}


def full_pages(_path: str, rows: list[Json], cursor: str) -> Reply:
    """Pages of a hundred, and no word on whether there is more."""
    start = next((n + 1 for n, row in enumerate(rows) if row["id"] == cursor), 0)
    return 200, {"data": rows[start : start + 100]}


def same_page(path: str, rows: list[Json], _cursor: str) -> Reply:
    return 200, {"data": rows[:3], "has_more": True, "next_page_url": f"{path}?page=1" if path.startswith("/v2/") else None}


def to_and_fro(path: str, rows: list[Json], cursor: str) -> Reply:
    """Two pages that each say that the other one follows."""
    page = rows[3:6] if cursor == rows[2]["id"] else rows[:3]
    return 200, {"data": page, "has_more": True, "next_page_url": f"{path}?page={page[-1]['id']}" if path.startswith("/v2/") else None}


def twice(path: str, rows: list[Json], cursor: str) -> Reply:
    """Every page once more with a row of the last one."""
    status, body = honest(path, rows, cursor)
    return status, {**body, "data": [*rows[:1], *body["data"]]}


def hollow(path: str, _rows: list[Json], _cursor: str) -> Reply:
    return 200, {"data": [], "has_more": True, "next_page_url": f"{path}?page={next(COUNT)}" if path.startswith("/v2/") else None}


def endless(path: str, _rows: list[Json], _cursor: str) -> Reply:
    n = next(COUNT)
    data = [{"id": f"x_{n}_{m}", "created": NOW - DAY - n, "type": "customer.created"} for m in range(3)]
    return 200, {"data": data, "has_more": True, "next_page_url": f"{path}?page={n}"}


def elsewhere(_path: str, rows: list[Json], _cursor: str) -> Reply:
    return 200, {"data": rows[:3], "next_page_url": "https://collect.example.net/v2/next"}


REFUSALS: dict[str, Page] = {
    "404": refused(404),
    "403": refused(403),
    "400": refused(400),
    "HTML 404": refused(404, HTML),
    "HTML 200": refused(200, HTML),
    "no list": refused(200, {"object": "balance"}),
}
WHOLE: dict[str, Page] = {"honest": honest, "twice": twice}
CUT: dict[str, Page] = {"same page": same_page, "to and fro": to_and_fro, "hollow": hollow}


def event(n: int, **more: Any) -> Json:
    return {
        "id": f"evt_{n:03}",
        "type": "charge.succeeded",
        "created": NOW - DAY - n * 60,
        "livemode": True,
        "request": {"id": f"req_{n:03}", "idempotency_key": None},
        "data": {"object": {"id": f"ch_{n}", "object": "charge", "amount": 900, "currency": "usd", "customer": f"cus_{n}"}},
        **more,
    }


@pytest.fixture
def stripe() -> Iterator[ForeignStripe]:
    with foreign_stripe() as world:
        world.rows[EVENTS] = [event(n) for n in range(9)]
        world.rows[THIN] = [{"id": f"evt_thin_{n}", "type": "v2.core.account.created", "created": "2026-09-20T10:00:00Z"} for n in range(7)]
        world.rows[ACTIVITY] = [{"id": f"accact_{n}", "type": "api_key_viewed", "created": "2026-09-20T10:00:00Z"} for n in range(7)]
        world.rows[HOOKS] = [{"id": f"we_{n}", "created": NOW - 60, "url": f"https://x{n}.example.net"} for n in range(7)]
        yield world


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ir.review.collect.collector.time.sleep", lambda _seconds: None)


def collector(stripe: ForeignStripe, folder: Path, seconds: float = 0.0) -> Collector:
    deadline = time.monotonic() + seconds if seconds else 0.0
    return Collector(StripeApi(stripe.base), KEY, folder, rate=5000.0, deadline=deadline)


def ids(files: list[Path]) -> set[str]:
    return {json.loads(line)["id"] for file in files for line in file.read_text().splitlines()}


@pytest.mark.parametrize("fate", [*REFUSALS, *WHOLE, *CUT])
def test_events(fate: str, stripe: ForeignStripe, tmp_path: Path) -> None:
    stripe.fates[EVENTS] = (REFUSALS | WHOLE | CUT)[fate]
    read = collector(stripe, tmp_path).events(NOW - 2 * DAY, NOW)
    assert bool(read.unread) is (fate not in WHOLE)
    assert bool(read.why) is (fate not in WHOLE)
    if fate in WHOLE:
        assert ids(read.files) == {f"evt_{n:03}" for n in range(9)}
    assert len(stripe.asked) < 40


@pytest.mark.parametrize("path", [THIN, ACTIVITY])
@pytest.mark.parametrize("fate", [*REFUSALS, *WHOLE, *CUT, "elsewhere"])
def test_lists_that_page_by_address(fate: str, path: str, stripe: ForeignStripe, tmp_path: Path) -> None:
    stripe.fates[path] = (REFUSALS | WHOLE | CUT | {"elsewhere": elsewhere})[fate]
    reader = collector(stripe, tmp_path)
    read = reader.thin_events(NOW - DAY) if path == THIN else reader.activity(NOW - 3 * DAY)
    assert bool(read.why) is (fate not in WHOLE)
    assert read.available is (fate not in REFUSALS or fate == "no list")
    if fate in WHOLE:
        assert len(ids(read.files)) == 7
    assert len(stripe.asked) < 20


@pytest.mark.parametrize("fate", [*REFUSALS, *WHOLE, *CUT])
def test_lists_of_objects(fate: str, stripe: ForeignStripe, tmp_path: Path) -> None:
    for sweep in SWEEPS:
        stripe.rows.setdefault(sweep.path, [{"id": f"x_{n}", "created": NOW - n, "active": True} for n in range(7)])
        stripe.fates[sweep.path] = (REFUSALS | WHOLE | CUT)[fate]
    swept = sweep_lists(collector(stripe, tmp_path), NOW - DAY, "acct_1", (), lambda _: None)
    assert set(swept.unread) == ({sweep.kind for sweep in SWEEPS} if fate not in WHOLE else set())
    hooks = [row["id"] for row in swept.rows if row["kind"] == "webhook_endpoint"]
    assert len(hooks) == len(set(hooks))
    assert len(hooks) == {**dict.fromkeys(WHOLE, 7), "same page": 3, "to and fro": 6}.get(fate, 0)
    assert len(stripe.asked) < 20 * len(SWEEPS)


def test_a_list_that_does_not_say_whether_there_is_more(stripe: ForeignStripe, tmp_path: Path) -> None:
    stripe.rows[EVENTS] = [event(n) for n in range(250)]
    stripe.fates[EVENTS] = full_pages
    read = collector(stripe, tmp_path / "full").events(NOW - 2 * DAY, NOW)
    assert len(ids(read.files)) == 250 and not read.unread
    stripe.fates[EVENTS] = without_has_more
    read = collector(stripe, tmp_path / "short").events(NOW - 2 * DAY, NOW)
    assert len(ids(read.files)) == 3, "a short page of a list that says nothing is its end"


def test_the_oldest_first_is_no_reason_to_stop(stripe: ForeignStripe, tmp_path: Path) -> None:
    days = range(1, 31)
    stripe.rows[ACTIVITY] = [{"id": f"accact_{d}", "type": "x", "created": f"2026-09-{d:02}T00:00:00Z"} for d in days]
    since = NOW - 2 * DAY  # 2026-09-19
    upwards = collector(stripe, tmp_path).activity(since)
    stripe.rows[ACTIVITY].reverse()
    asked = len(stripe.asked)
    downwards = collector(stripe, tmp_path).activity(since)
    assert ids(upwards.files) == ids(downwards.files) == {f"accact_{d}" for d in range(20, 31)}
    assert len(stripe.asked) - asked < asked, "of the newest first only the window is read"


def test_two_hundred_pages_are_cut_by_pages_or_by_the_budget(stripe: ForeignStripe, tmp_path: Path) -> None:
    stripe.fates["*"] = endless
    rows, why = collector(stripe, tmp_path / "pages").objects(HOOKS, 0)
    assert (len(rows), why) == (60, "only the newest 60 were read")
    begun = time.monotonic()
    hurried = collector(stripe, tmp_path / "hurried", seconds=0.3)
    events, thin, activity = hurried.events(NOW - 5 * DAY, NOW), hurried.thin_events(NOW - DAY), hurried.activity(NOW - DAY)
    assert time.monotonic() - begun < 3
    assert events.unread
    assert "time was up" in thin.why and "time was up" in activity.why


def reviewed(stripe: ForeignStripe, folder: Path, **more: Any) -> Reviewed:
    given: dict[str, Any] = {"exposed_at": NOW - 2 * DAY, "budget": 0.0, "key_fingerprint": "", "key_id": "", **more}
    request = ReviewRequest("", stripe.base, NOW - 20 * DAY, NOW, review_key=KEY, scratch=str(folder), **given)
    return StripeReviewer(StripeApi(stripe.base), memory_limit="256MB").review(request, lambda _: None)


@pytest.mark.parametrize("told", ["nothing", "legacy text"])
def test_events_without_request_ids_are_judged_by_themselves(told: str, stripe: ForeignStripe, tmp_path: Path) -> None:
    empty = {"id": None, "idempotency_key": None}
    requests = [f"req_{n:03}" if told == "legacy text" else None if n % 2 else empty for n in range(40)]
    stripe.rows[EVENTS] = [event(n, request=request) for n, request in enumerate(requests)]
    found = reviewed(stripe, tmp_path)
    sweep = next(finding for finding in found.findings if finding.rule == "S-06")
    assert sweep.count == 40, "one amount from forty customers within an hour"
    assert sweep.evidence[0].startswith("req_" if told == "legacy text" else "evt_")
    assert found.blast_radius["customers_written"] == 40


def test_a_stripe_that_refuses_nearly_all_is_told_from_one_that_is_clean(stripe: ForeignStripe, tmp_path: Path) -> None:
    stripe.fates["*"] = refused(404)
    stripe.fates[EVENTS] = honest
    found = reviewed(stripe, tmp_path)
    rows = {str(row["source"]): row for row in found.coverage}
    assert {gap["why"].partition(":")[0] for gap in rows["objects"]["gaps"]} == {sweep.kind for sweep in SWEEPS} | {"external_account"}
    assert any(gap["why"].startswith("v2 events: HTTP 404") for gap in rows["events"]["gaps"])
    assert "HTTP 404" in rows["activity"]["blind_to"]
    assert found.verdicts == {"writes": "cannot tell", "reads": "cannot tell", "account": "cannot tell"}
