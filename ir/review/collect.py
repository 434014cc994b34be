"""Stripe's own record, read with a review key: events, thin events, activity log, and the list sweeps.

The account's production must keep its rate limit (100 requests a second in all, 25 per endpoint): all readers
together stay under `RATE`. What was read is written page by page, so that a second try goes on where the first ended.
A source that Stripe refuses (401, 403, 404) is unavailable, which is said in the coverage, and no error.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import orjson

from ir.errors import Rejected, Unknown
from ir.model import Json
from ir.review.cards import without_cards
from ir.review.personal import without_people
from ir.secret import Secret, scrub
from ir.stripe_api import StripeApi

RATE = 10.0
"""Requests a second, all readers together."""
_SLICE = 86400
_FRESH = 3 * 3600
READERS = 4
_TRIES = 4
_MOST_PAGES = 10_000
_CIRCLE = "not read to its end: Stripe's list goes round in a circle"
_PREVIEW = "2026-09-30.preview"


@dataclass
class Read:
    """What one source gave.

    Attributes:
        available: Stripe answered 2xx at least once.
        why: why not, or what is missing, one sentence.
        oldest, newest: epoch seconds of what was read; 0 when nothing.
        unread: seconds of the window that the budget left out, as (from, to).
        files: JSONL, scrubbed.
    """

    available: bool = False
    why: str = ""
    rows: int = 0
    unread: list[tuple[int, int]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


class Pace:
    """At most so many requests a second, over all threads; slower after a 429."""

    def __init__(self, rate: float) -> None:
        self._gap, self._lock, self._next = 1.0 / rate, threading.Lock(), 0.0

    def wait(self) -> None:
        """Until the next request may go."""
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next, now) + self._gap
            pause = self._next - self._gap - now
        if pause > 0:
            time.sleep(pause)

    def slower(self) -> None:
        """Someone needs the limit more than we do."""
        with self._lock:
            self._gap = min(self._gap * 1.5, 2.0)
            self._next = time.monotonic() + 1.0


class Collector:
    """Reads one account.

    Args:
        key: a read-only `rk_` key; never the leaked one.
        folder: private; pages and cursors are kept there.
        deadline: monotonic seconds after which no further page is asked for; 0 = none.
        personal_data: keep whole records instead of what the review reads of them.
    """

    def __init__(
        self,
        api: StripeApi,
        key: Secret,
        folder: Path,
        *,
        deadline: float = 0.0,
        progress: Callable[[str], None] = lambda _: None,
        rate: float = RATE,
        personal_data: bool = False,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._api, self._key, self._folder, self._deadline = api, key, folder, deadline
        self._progress, self._pace, self._whole = progress, Pace(rate), personal_data

    def extend(self, seconds: float) -> None:
        """A further share of the budget, for the next part."""
        if self._deadline:
            self._deadline = max(self._deadline, time.monotonic()) + seconds

    def events(self, since: int, until: int) -> Read:
        """`/v1/events` in slices of a day, newest first, side by side.

        A day that was read to its end is not read again; the last hours always are, since events come late.
        """
        found = Read()
        edges = [until + 1, *range((until - _FRESH) // _SLICE * _SLICE, since, -_SLICE), since]
        slices = [(edges[n + 1], edges[n]) for n in range(len(edges) - 1) if edges[n + 1] < edges[n]]
        self._forget(slices, until)
        started = time.monotonic()
        done: list[int] = []

        def read(piece: tuple[int, int]) -> None:
            rows = self._slice(piece, found)
            done.append(rows)
            spent = max(time.monotonic() - started, 0.001)
            left = spent / len(done) * (len(slices) - len(done))
            self._progress(f"events: {sum(done)} read, {sum(done) / spent:.0f}/s, about {left:.0f} s left")

        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(read, slices))
        found.rows = sum(done)
        found.unread.sort()
        return found

    def _forget(self, slices: list[tuple[int, int]], until: int) -> None:
        """Pages of a slice that was still open when it was read."""
        kept = {f"events-{a}-{b}" for a, b in slices if b <= until - _FRESH}
        for file in self._folder.glob("events-*-*.*"):
            if file.stem not in kept and not file.stem.endswith(f"-{until + 1}"):
                file.unlink()

    def _slice(self, piece: tuple[int, int], found: Read) -> int:
        since, until = piece
        file = self._folder / f"events-{since}-{until}.jsonl"
        mark = file.with_suffix(".cursor")
        found.files.append(file)
        cursor = mark.read_text() if mark.exists() else ""
        rows = _count(file)
        last = until
        with file.open("ab") as out:
            while cursor != "end":
                if self._late():
                    found.unread.append((since, last))
                    break
                params: Json = {"limit": 100, "created": {"gte": since, "lt": until}}
                if cursor:
                    params["starting_after"] = cursor
                body = self._page("/v1/events", params, found)
                if body is None:
                    found.unread.append((since, last))
                    break
                data = _records(body)
                self._write(out, data)
                rows += len(data)
                last = min((row["created"] for row in data if type(row.get("created")) is int), default=last)
                before, cursor = cursor, str(data[-1].get("id") or "end") if data and body.get("has_more") is True else "end"
                if cursor == before:
                    found.why = _CIRCLE
                    found.unread.append((since, last))
                    break
                out.flush()
                mark.write_text(cursor)
        return rows

    def thin_events(self, since: int) -> Read:
        """`/v2/core/events`: v2's own events."""
        from datetime import UTC, datetime

        start = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._pages("/v2/core/events", {"limit": 100, "created": {"gte": start}}, "thin", lambda _: False)

    def activity(self, since: int) -> Read:
        """`/v2/iam/activity_logs` (preview), newest first, until older than `since`."""

        def old(row: Json) -> bool:
            return 0 < epoch(str(row.get("created") or "")) < since

        return self._pages("/v2/iam/activity_logs", {"limit": 100}, "activity", old, version=_PREVIEW)

    def _pages(self, path: str, params: Json, name: str, enough: Callable[[Json], bool], *, version: str = "") -> Read:
        found, seen = Read(), set[str]()
        file = self._folder / f"{name}.jsonl"
        found.files.append(file)
        with file.open("wb") as out:
            while path and not self._late():
                if path in seen or len(seen) >= _MOST_PAGES:
                    found.why = _CIRCLE
                    break
                seen.add(path)
                body = self._page(path, params, found, version=version)
                if body is None:
                    break
                data = _records(body)
                self._write(out, [row for row in data if not enough(row)])
                found.rows += len(data)
                params = {}
                try:
                    path = "" if any(map(enough, data)) else self._api.next_page(body)
                except Rejected as error:
                    found.why = error.what
                    break
        if path and found.available:
            found.why = found.why or "not read to its end: the time was up"
        return found

    def objects(self, path: str, since: int, *, created: bool = True, most: int = 20) -> tuple[list[Json], str]:
        """One list, at most `most` pages; returns rows (whole, so narrow them) and why it is incomplete, "" if it is not."""
        found = Read()
        rows: list[Json] = []
        params: Json = {"limit": 100} | ({"created": {"gte": since}} if created and since else {})
        for _ in range(most):
            if self._late():
                return rows, "not read: the time was up"
            body = self._page(path, params, found)
            if body is None:
                return rows, found.why
            data = _records(body)
            rows += data
            if body.get("has_more") is not True or not data:
                return rows, ""
            last = data[-1].get("id")
            if not isinstance(last, str) or last == params.get("starting_after"):
                return rows, _CIRCLE
            params = params | {"starting_after": last}
        return rows, f"only the newest {len(rows)} were read"

    def _page(self, path: str, params: Json, found: Read, *, version: str = "") -> Json | None:
        for attempt in range(_TRIES):
            if self._late():
                return None
            self._pace.wait()
            try:
                answer = self._api.get(self._key, path, params, version=version)
            except Unknown as error:
                found.why = error.what
                time.sleep(0.2 * 2**attempt)
                continue
            if answer.ok:
                found.available = True
                return answer.body
            found.why = f"HTTP {answer.status} {answer.code}: {answer.message}"[:200].rstrip(": ")
            if not answer.transient or answer.headers.get("stripe-should-retry") == "false":
                return None
            self._pace.slower()
            time.sleep(min(0.5 * 2**attempt, 4.0))
        return None

    def _write(self, out: BinaryIO, rows: Iterable[Json]) -> None:
        """Append rows as JSONL without keys, card numbers and, unless they were asked for, personal data."""
        for row in rows:
            kept = row if self._whole else without_people(row)
            out.write(scrub(orjson.dumps(without_cards(kept)).decode()).encode() + b"\n")

    def _late(self) -> bool:
        return bool(self._deadline) and time.monotonic() > self._deadline


def _count(file: Path) -> int:
    if not file.exists():
        return 0
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _records(body: Json) -> list[Json]:
    data = body.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def epoch(text: str) -> int:
    """Epoch seconds of an ISO time, 0 when it is none."""
    from datetime import UTC, datetime

    try:
        stamp = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp())
