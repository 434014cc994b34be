"""What each source covers, what it leaves out, and what that makes us blind to."""

from dataclasses import dataclass, field

from ir.core.model import Json
from ir.review.collect.collector import Read
from ir.review.detect.log_gaps import ENOUGH, Completeness
from ir.review.detect.window import HOUR, Window
from ir.review.ingest.load_result import Loaded
from ir.review.sql.engine import Engine

KEPT_BY_API = 30 * 86400
"""Seconds that Stripe's API keeps events."""
_SLACK = 2 * HOUR
_EXAMPLES = 3

_REQUESTS = "SELECT COUNT(*), COALESCE(MIN(CASE WHEN ts > 0 THEN ts END), 0), COALESCE(MAX(ts), 0) FROM requests WHERE {}"
_QUERIES = {
    "events": "SELECT COUNT(*), COALESCE(MIN(ts), 0), COALESCE(MAX(ts), 0) FROM events WHERE id <> '' AND ts > 0",
    "activity": "SELECT COUNT(*), COALESCE(MIN(ts), 0), COALESCE(MAX(ts), 0) FROM activity WHERE ts > 0",
    "egress": _REQUESTS.format("own = 1 AND source = 'egress'"),
    "request-log": _REQUESTS.format("own = 0"),
    "webhook-log": _REQUESTS.format("source = 'webhook-log'"),
}
ABSENT = {
    "events": "everything that was changed",
    "activity": "new API keys, users, apps and payout destinations; who in the Dashboard did what",
    "egress": "whether a write was ours: no ghost writes can be told",
    "request-log": "reads (what was looked at or copied), addresses and clients",
    "webhook-log": "forged or replayed webhooks",
    "objects": "what an attacker left behind",
}


@dataclass
class Seen:
    """Rows and span of one source, with what is missing; `full` = it covers the judged window."""

    rows: int = 0
    first: int = 0
    last: int = 0
    gaps: list[Json] = field(default_factory=list)
    blind_to: str = ""
    full: bool = False


def look(engine: Engine) -> dict[str, Seen]:
    """Rows and span of every source that has a table."""
    seen = {}
    for name, sql in _QUERIES.items():
        rows, first, last = engine.rows(sql)[0]
        seen[name] = Seen(int(rows), int(first), int(last))
    return seen


def judge_events(seen: Seen, read: Read | None, window: Window, thin: Read | None = None) -> None:
    """API events cover what they were asked for, less what was not read; an archive covers its own span.

    `thin` are v2's own events. An account without them is no hole; some that were read, and not to their end, are one.
    """
    if read is not None and read.available:
        start = max(window.since, window.until - KEPT_BY_API)
        if start > window.judged + _SLACK:
            seen.gaps.append(gap(window.judged, start, "Stripe's API keeps events for 30 days"))
        seen.gaps += [gap(a, b, read.why or "not read: the time was up") for a, b in read.unread if b > window.judged]
        if seen.rows == 0 or seen.first > start:
            seen.first = start
        seen.last = window.until
    elif seen.rows:
        if seen.first > window.judged + _SLACK:
            seen.gaps.append(gap(window.judged, seen.first, "the archive begins later"))
        if seen.last < window.until - 12 * HOUR:
            seen.gaps.append(gap(seen.last, window.until, "the archive ends earlier"))
        seen.blind_to = "events that the archive missed"
    if read is not None and not read.available:
        seen.blind_to = f"{ABSENT['events']}: Stripe's API gave none ({read.why})" if not seen.rows else seen.blind_to
    seen.full = not seen.gaps and (seen.rows > 0 or (read is not None and read.available))
    if thin is not None and thin.why:
        seen.gaps.append(gap(window.judged, window.until, f"v2 events: {thin.why}"))
        seen.full = seen.full and not thin.available


def judge_egress(seen: Seen, found: Completeness, window: Window) -> None:
    """Our own logs cover what our own known traffic says they do."""
    if not seen.rows:
        return
    for start, end in _runs(found.hours):
        seen.gaps.append(gap(start, end, "our own traffic is missing from the logs here"))
    if seen.first == 0:
        seen.gaps.append(gap(window.judged, window.until, "the lines carry no time: holes cannot be seen"))
    elif seen.first > window.judged + _SLACK:
        seen.gaps.append(gap(window.judged, seen.first, "the logs begin later"))
    if seen.last and seen.last < window.until - _SLACK:
        seen.gaps.append(gap(max(seen.last, window.judged), window.until, "the logs end earlier"))
    told = f"{found.share:.1%} of the {found.measured[0]:,} writes that look like ours"
    if not found.known:
        seen.blind_to = "how complete our logs are: nothing was written since the exposure that looks like ours"
    elif found.share < ENOUGH:
        seen.blind_to = f"strangers' writes among our own: our logs hold only {told}, and 95 % are needed to tell"
    elif not found.enough:
        lost = found.known - found.matched
        missing = f"{lost} of the {found.known} writes since the exposure that look like ours are not in our logs"
        seen.blind_to = f"strangers' writes among our own: {missing}, and 95 % are needed to tell"
    else:
        seen.blind_to = f"requests that did not pass our systems (by design); our logs hold {told}"
    seen.full = found.enough


def judge_span(seen: Seen, window: Window, absent: str) -> None:
    """A log covers the window when it begins before it and ends near its end."""
    if not seen.rows:
        return
    if seen.first > window.judged + _SLACK:
        seen.gaps.append(gap(window.judged, seen.first, "begins later"))
    if seen.last < window.until - 6 * HOUR:
        seen.gaps.append(gap(max(seen.last, window.judged), window.until, "ends earlier"))
    seen.full = not seen.gaps
    seen.blind_to = "" if seen.full else absent


def judge_activity(seen: Seen, read: Read | None, window: Window) -> None:
    """The API gives half a year; an export covers its own span."""
    if read is not None and read.available and not read.why:
        seen.first, seen.last, seen.full = window.since, window.until, True
        return
    judge_span(seen, window, ABSENT["activity"])
    if not seen.rows:
        seen.blind_to = ABSENT["activity"] + (f" ({read.why})" if read is not None and read.why else "")


def note_loaded(seen: dict[str, Seen], loaded: Loaded) -> None:
    """Unreadable lines and files belong to their source."""
    for label, bad in loaded.bad.items():
        if bad and label in seen:
            shown = [f"{e['file']}:{e['line']} ({e['why']})" for e in loaded.examples if e["source"] == label][:_EXAMPLES]
            seen[label].gaps.append(gap(0, 0, f"{bad:,} unreadable line(s), kept in aside.jsonl: {', '.join(shown)}".rstrip(": ")))
    for label, notes in loaded.notes.items():
        seen[label].gaps += [gap(0, 0, note) for note in notes]


def table(seen: dict[str, Seen]) -> tuple[Json, ...]:
    """The coverage table; a source without rows says what that makes us blind to."""
    rows = []
    for name, one in seen.items():
        blind = one.blind_to or ("" if one.rows or one.full else ABSENT.get(name, ""))
        rows.append({"source": name, "from": one.first, "to": one.last, "rows": one.rows, "gaps": one.gaps, "blind_to": blind})
    return tuple(rows)


def gap(start: int, end: int, why: str) -> Json:
    """A part that is missing; 0, 0 = no particular time."""
    return {"from": int(start), "to": int(end), "why": why}


def _runs(hours: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and runs[-1][1] == hour * HOUR:
            runs[-1] = (runs[-1][0], (hour + 1) * HOUR)
        else:
            runs.append((hour * HOUR, (hour + 1) * HOUR))
    return runs
