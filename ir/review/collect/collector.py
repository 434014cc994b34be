"""Read Stripe's own record with a review key: events, thin events, activity log, and the list sweeps.

The account's production must keep its rate limit (100 requests a second in all, 25 per endpoint): all readers
together stay under `RATE`. What was read is written page by page, so that a second try goes on where the first ended.
A source that Stripe refuses (401, 403, 404) is unavailable, which is said in the coverage, and no error.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ir.clients.stripe_api import StripeApi
from ir.core.errors import Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret
from ir.review.collect.pages import CIRCLE, EMPTY, NOWHERE, epoch, follows, mended, newest_first, records, way_back, write
from ir.review.collect.rate_pacing import Pace, pause

RATE = 10.0
"""Requests a second, all readers together."""
_SLICE = 86400
_FRESH = 3 * 3600
READERS = 4
_TRIES = 4
_MOST_PAGES = 10_000
_HOLLOW = 3
"""Empty pages in a row after which a list that goes on is given up."""
_LIMIT = 100
_LATE = "not read to its end: the time was up"
_PREVIEW = "2026-09-30.preview"
_MEMBERS = "2026-11-18.preview"
"""The first version with `logs_from`, for keys of an organization (docs.stripe.com/changelog/endive/2026-11-18)."""


@dataclass
class Read:
    """The result of one source.

    Attributes:
        available: Stripe answered 2xx at least once.
        why: why not, or what is missing, one sentence.
        refused: the last answer was a refusal, not a failure.
        unread: seconds of the window that the budget left out, as (from, to).
        files: JSONL, scrubbed.
    """

    available: bool = False
    why: str = ""
    refused: bool = False
    rows: int = 0
    unread: list[tuple[int, int]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


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
        """Grant a further share of the budget to the next part."""
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
        """Forget the pages of a slice that was still open when it was read."""
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
        rows, resumed = mended(file), bool(cursor)
        last, seen = until, {cursor}
        with file.open("ab") as out:
            while cursor != "end":
                if self._late():
                    found.unread.append((since, last))
                    break
                params: Json = {"limit": _LIMIT, "created": {"gte": since, "lt": until}}
                if cursor:
                    params["starting_after"] = cursor
                body = self._page("/v1/events", params, found)
                if body is None and resumed and found.refused:
                    cursor, resumed = "", False  # the event where we stopped is gone by now: read the slice from its beginning
                    continue
                resumed = False
                if body is None:
                    found.unread.append((since, last))
                    break
                data = records(body)
                write(out, data, whole=self._whole)
                rows += len(data)
                last = min((row["created"] for row in data if type(row.get("created")) is int), default=last)
                after, wrong = follows(body, data, limit=_LIMIT)
                if wrong or (after and after in seen):
                    found.why = wrong or CIRCLE
                    found.unread.append((since, last))
                    break
                cursor = after or "end"
                seen.add(cursor)
                out.flush()
                mark.write_text(cursor)
        return rows

    def thin_events(self, since: int) -> Read:
        """`/v2/core/events`: v2's own events."""
        from datetime import UTC, datetime

        start = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._pages("/v2/core/events", {"limit": _LIMIT, "created": {"gte": start}}, "thin", lambda _: False, since)

    def activity(self, since: int) -> Read:
        """`/v2/iam/activity_logs` (preview), newest first, until older than `since`."""

        def old(row: Json) -> bool:
            return 0 < epoch(str(row.get("created") or "")) < since

        path = "/v2/iam/activity_logs"
        if "_org_" in self._key.reveal()[:12]:  # A key of an organization sees its own log alone, unless it asks for its members'.
            members = {"limit": _LIMIT, "logs_from": "@organization_members"}
            read = self._pages(path, members, "activity", old, since, version=_MEMBERS)
            if read.available or not read.refused:
                return read
        return self._pages(path, {"limit": _LIMIT}, "activity", old, since, version=_PREVIEW)

    def _pages(self, path: str, params: Json, name: str, enough: Callable[[Json], bool], since: int, *, version: str = "") -> Read:
        found, seen = Read(), set[str]()
        file = self._folder / f"{name}.jsonl"
        found.files.append(file)
        begun, begun_at, hollow = time.monotonic(), time.time(), 0
        with file.open("wb") as out:
            while path and not self._late():
                if path in seen or len(seen) >= _MOST_PAGES:
                    found.why = CIRCLE
                    break
                seen.add(path)
                body = self._page(path, params, found, version=version)
                if body is None:
                    break
                data = records(body)
                write(out, [row for row in data if not enough(row)], whole=self._whole)
                found.rows += len(data)
                params, hollow = {}, 0 if data else hollow + 1
                oldest = min((t for row in data if (t := epoch(str(row.get("created") or "")))), default=0)
                self._progress(way_back(name, found.rows, time.monotonic() - begun, begun_at, oldest, since))
                if data and all(map(enough, data)) and newest_first(data):
                    path = ""
                    break
                path, found.why = self._forward(body)
                if path and hollow >= _HOLLOW:
                    found.why = EMPTY
                    break
        if path:
            found.why = found.why or _LATE
        return found

    def objects(self, path: str, since: int, *, created: bool = True, extra: Json | None = None, most: int = 20) -> tuple[list[Json], str]:
        """Read one list, at most `most` pages; returns whole rows, which the caller narrows, and why it is incomplete, "" if it is not."""
        found = Read()
        rows: dict[str, Json] = {}
        asked: Json = {"limit": _LIMIT} | (extra or {}) | ({"created": {"gte": since}} if created and since else {})
        seen, here, params = set[str](), path, asked
        for _ in range(most):
            body = self._page(here, params, found)
            if body is None:
                return list(rows.values()), found.why or _LATE
            data = records(body)
            for row in data:
                rows.setdefault(str(row.get("id") or f"without an id {len(rows)}"), row)
            after, why = self._forward(body)
            if not after and why in ("", NOWHERE):
                after, why = follows(body, data, limit=_LIMIT)
            if not after or after in seen:
                return list(rows.values()), why or (CIRCLE if after else "")
            seen.add(after)
            here, params = (after, {}) if after.startswith("/") else (path, asked | {"starting_after": after})
        return list(rows.values()), f"only the newest {len(rows)} were read"

    def _forward(self, body: Json) -> tuple[str, str]:
        """The path of a v2 list's next page, "" at its end; and the reason why it cannot be read on, "" = it can, or need not."""
        try:
            path = self._api.next_page(body)
        except Rejected as error:
            return "", error.what
        return path, "" if path or body.get("has_more") is not True else NOWHERE

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
            found.refused = 400 <= answer.status < 500 and answer.from_stripe
            if answer.ok:
                found.available = True
                self._pace.faster()
                if isinstance(answer.body.get("data"), list):
                    return answer.body
                found.why = f"HTTP {answer.status}, but no list in it"
                return None
            found.why = answer.reason
            if not answer.transient or answer.headers.get("stripe-should-retry") == "false":
                return None
            self._pace.slower(pause(answer.headers.get("retry-after", ""), attempt))
        return None

    def _late(self) -> bool:
        return bool(self._deadline) and time.monotonic() > self._deadline
