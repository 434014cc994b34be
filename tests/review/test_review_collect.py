"""Collectors under a Stripe that refuses, limits and breaks: whole, resumable, courteous."""

import json
import secrets
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from ir.clients.stripe_answer import StripeResponse
from ir.clients.stripe_api import StripeApi
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin, faults
from ir.review.collect.collector import Collector
from ir.review.collect.rate_pacing import Pace

pytestmark = pytest.mark.server
DAY = 86400


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=5) as twin:
        for n in range(250):
            twin.plant(
                "events", created=twin.now - 5 * DAY + n * 1600, type="charge.succeeded", livemode=False, data={"object": {"id": f"ch_{n}"}}
            )
        yield twin


def collector(twin: StripeTwin, folder: Path, said: list[str] | None = None) -> Collector:
    key = Secret(twin.create_secret_key("review").token.reveal())
    return Collector(StripeApi(twin.url), key, folder, progress=(said if said is not None else []).append, rate=200.0)


def ids(files: list[Path]) -> list[str]:
    return sorted(json.loads(line)["id"] for file in files for line in file.read_text().splitlines())


def planted(twin: StripeTwin, folder: Path) -> list[str]:
    return ids(collector(twin, folder / "plain").events(int(twin.now) - 6 * DAY, int(twin.now)).files)


def test_limits_and_faults_cost_time_but_no_event(twin: StripeTwin, tmp_path: Path) -> None:
    whole = planted(twin, tmp_path)
    for fate in (faults.too_many(), faults.broken(should_retry=True), faults.TORN, faults.REFUSED):
        twin.fate(fate, path="/v1/events", times=1)
    begun = time.monotonic()
    read = collector(twin, tmp_path / "pages").events(int(twin.now) - 6 * DAY, int(twin.now))
    assert ids(read.files) == whole
    assert len(whole) >= 250
    assert read.available
    assert not read.unread
    assert time.monotonic() - begun >= 1.0, "a 429 makes all readers wait"


def test_what_stripe_says_not_to_ask_again_is_said_to_be_unread(twin: StripeTwin, tmp_path: Path) -> None:
    twin.fate(faults.broken(should_retry=False), path="/v1/events", times=0)
    calls = twin.calls
    read = collector(twin, tmp_path).events(int(twin.now) - DAY, int(twin.now))
    assert not read.available
    assert read.unread
    assert "500" in read.why
    assert twin.calls - calls <= 4, "asked once for each slice"


def test_a_killed_read_goes_on_where_it_was(twin: StripeTwin, tmp_path: Path) -> None:
    whole = planted(twin, tmp_path)
    since, until = int(twin.now) - 6 * DAY, int(twin.now)
    collector(twin, tmp_path / "pages").events(since, until)
    days = sorted((tmp_path / "pages").glob("events-*.jsonl"))
    torn = max(days, key=lambda file: file.stat().st_size)
    kept = torn.read_bytes()
    torn.write_bytes(kept[: len(kept) // 2])  # killed within a page, before the cursor moved
    torn.with_suffix(".cursor").write_text("")
    gone = next(file for file in days if file != torn and file.stat().st_size)
    gone.write_bytes(b"")
    gone.with_suffix(".cursor").write_text("evt_pruned_by_now")
    calls = twin.calls
    read = collector(twin, tmp_path / "pages").events(since, until)
    assert sorted(set(ids(read.files))) == whole
    assert not read.unread
    assert twin.calls - calls < 8, "days that were read to their end are not read again"


@pytest.mark.parametrize("status", ["absent", "forbidden"])
def test_a_preview_that_is_absent_is_no_error(twin: StripeTwin, tmp_path: Path, status: str) -> None:
    narrow = twin.create_restricted_key(("event_read",), "narrow").token.reveal()
    said: list[str] = []
    reader = collector(twin, tmp_path, said)
    if status == "forbidden":
        reader = Collector(StripeApi(twin.url), Secret(narrow), tmp_path, progress=said.append, rate=200.0)
        read = reader.activity(int(twin.now) - DAY)
    else:
        read = reader._pages("/v2/iam/no_such_preview", {"limit": 100}, "activity", lambda _: False, 0)  # noqa: SLF001 # a path that no server knows
    assert not read.available
    assert read.why.startswith("HTTP 40")
    assert ids(read.files) == []


def test_progress_tells_rate_and_time_left(twin: StripeTwin, tmp_path: Path) -> None:
    said: list[str] = []
    collector(twin, tmp_path, said).events(int(twin.now) - 6 * DAY, int(twin.now))
    assert any("/s, about" in line and "s left" in line for line in said), said


def paced(pace: Pace, clock: list[float], count: int) -> list[float]:
    """When each of so many requests goes, if all come at once."""
    times = []
    for _ in range(count):
        pace.wait()
        times.append(clock[0])
    return times


def test_a_seconds_worth_goes_at_once_and_then_the_rate_holds() -> None:
    clock = [100.0]
    pace = Pace(10.0, clock=lambda: clock[0], sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    times = paced(pace, clock, 60)
    assert times[10] == pytest.approx(100.0)
    assert [round(later - earlier, 6) for earlier, later in pairwise(times[10:])] == [0.1] * 49
    assert max(sum(begin <= time < begin + 1 for time in times) for begin in times) <= 21, "Stripe's sandbox takes 25 a second"

    rested = clock[0] = clock[0] + 60
    pace.slower(3.0)
    wanted = [rested + 3.0 + 0.15 * n for n in range(6)]
    assert paced(pace, clock, 6) == pytest.approx(wanted), "production needs the limit: nothing for a while, and then not all at once"


@pytest.mark.parametrize(("kind", "refuses", "asked"), [("rk_org_live_", False, 1), ("rk_org_live_", True, 2), ("rk_live_", False, 1)])
def test_a_key_of_an_organization_asks_for_its_members_log(tmp_path: Path, kind: str, refuses: bool, asked: int) -> None:
    """With the first version that knows it; where that is refused, for its own."""
    seen: list[tuple[dict[str, object], str]] = []

    class Api:
        def get(self, _key: Secret, _path: str, params: dict[str, object], *, version: str = "") -> StripeResponse:
            seen.append((params, version))
            no = refuses and "logs_from" in params
            body: dict[str, object] = {"error": {"type": "invalid_request_error", "code": "parameter_unknown"}} if no else {"data": []}
            return StripeResponse(400 if no else 200, body, "req_1", {"request-id": "req_1", "stripe-version": version})

        def next_page(self, _body: object) -> str:
            return ""

    key = Secret(kind + secrets.token_hex(12))
    read = Collector(cast(StripeApi, Api()), key, tmp_path, rate=200.0).activity(0)
    assert read.available and len(seen) == asked
    members = [version for params, version in seen if params.get("logs_from") == "@organization_members"]
    assert members == (["2026-11-18.preview"] if "org" in kind else []) and (len(seen) > len(members)) is (refuses or "org" not in kind)
