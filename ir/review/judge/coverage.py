"""Tell what each source covers, what it leaves out, and what the review cannot see for that reason."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from ir.core.model import Json
from ir.core.wording import counted
from ir.review.collect.collector import Read
from ir.review.detect.log_gaps import ENOUGH, Completeness
from ir.review.detect.source_holes import Span
from ir.review.detect.window import HOUR, Window
from ir.review.judge.carrying import SLACK, LogContent
from ir.review.sql.engine import Engine

KEPT_BY_API = 30 * 86400
"""Seconds that Stripe's API keeps events."""
BEGINS_LATE = ("begins later", "the logs begin later")
LACKS_SPAN = "the request log does not cover the whole window"
_SLACK = 2 * HOUR

_SPAN = (
    "SELECT COUNT(*), COALESCE(MIN(CASE WHEN ts > 0 THEN ts END), 0), COALESCE(MAX(CASE WHEN ts <= {end} THEN ts END), 0), "
    "SUM(CASE WHEN ts > {end} THEN 1 ELSE 0 END), COALESCE(MAX(ts), 0), SUM(CASE WHEN ts = 0 THEN 1 ELSE 0 END) FROM {rows}"
)
_ROWS = {
    "events": "events WHERE id <> '' AND ts > 0",
    "activity": "activity WHERE ts > 0",
    "egress": "requests WHERE own = 1 AND source = 'egress'",
    "request-log": "requests WHERE own = 0",
    "webhook-log": "requests WHERE source = 'webhook-log'",
}
ANSWERS: dict[str, tuple[str, ...]] = {
    "events": ("writes",),
    "activity": ("account",),
    "egress": ("whose writes",),
    "request-log": ("reads",),
    "webhook-log": ("webhooks",),
    "objects": ("account",),
}
"""The questions that a source can answer, in the words of the verdicts."""
ABSENT = {
    "events": "everything that was changed",
    "activity": "new API keys, users, apps and payout destinations; who in the Dashboard did what",
    "egress": "whether a write was ours: no ghost writes can be told",
    "request-log": "reads (what was looked at or copied), addresses and clients",
    "webhook-log": "forged or replayed webhooks",
    "objects": "what an attacker left behind",
}


@dataclass
class SourceCoverage:
    """Rows and span of one source, with the missing parts.

    Attributes:
        rows: all that do not lie after the end of the review. untimed: those without a readable time.
        full: it covers the judged window.
        carries: the rows can answer what this source is asked for.
        lacks: why it is not `full`, for the verdict; "" = nothing is lacking, or nothing was given.
    """

    rows: int = 0
    first: int = 0
    last: int = 0
    gaps: list[Json] = field(default_factory=list)
    blind_to: str = ""
    full: bool = False
    untimed: int = 0
    carries: bool = True
    lacks: str = ""


_NAMED = "SELECT 1 FROM requests WHERE own = 1 AND source = 'egress' AND request_id LIKE 'req_%' LIMIT 1"


def look(engine: Engine, until: int) -> dict[str, SourceCoverage]:
    """Rows and span of every source that has a table; times after the end of the review do not count, and are named."""
    seen = {}
    for name, rows in _ROWS.items():
        count, first, last, late, latest, untimed = engine.rows(_SPAN.format(rows=rows, end=until + SLACK))[0]
        one = SourceCoverage(int(count) - int(late or 0), int(first), int(last), untimed=int(untimed or 0))
        if late:
            told = f"{counted(int(late), 'time')} after the end of the review, up to {_day(int(latest))}: counted for nothing"
            one.gaps.append(gap(0, 0, told))
        if not one.last:
            one.first = 0
        seen[name] = one
    seen["egress"].carries = not seen["egress"].rows or bool(engine.rows(_NAMED))
    return seen


def _day(ts: int) -> str:
    return datetime.fromtimestamp(min(ts, 253_402_300_799), UTC).strftime("%Y-%m-%d")


def judge_events(
    seen: SourceCoverage,
    read: Read | None,
    window: Window,
    thin: Read | None = None,
    holes: list[Span] | None = None,
    lacking: list[str] | None = None,
) -> None:
    """API events cover what they were asked for, less what was not read; an archive covers its own span, less its holes.

    `thin` are v2's own events: an account without them is no hole; some that were read, and not to their end, are one. `holes` are
    those of an archive, by its own pace and by our own writes that have no event in it; `lacking` says which events it never has.
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
        seen.gaps += [gap(a, b, "events are missing from the archive here") for a, b in holes or []]
        seen.gaps += [gap(window.judged, window.until, why) for why in lacking or []]
        seen.blind_to = "events that the archive missed"
    if read is not None and not read.available:
        seen.blind_to = f"{ABSENT['events']}: Stripe's API gave none ({read.why})" if not seen.rows else seen.blind_to
    seen.full = not _real(seen.gaps) and (seen.rows > 0 or (read is not None and read.available))
    if thin is not None and thin.why:
        seen.gaps.append(gap(window.judged, window.until, f"v2 events: {thin.why}"))
        seen.full = seen.full and not thin.available


def judge_egress(seen: SourceCoverage, found: Completeness, window: Window, clock: str = "") -> None:
    """Our own logs cover as much as our known traffic shows; `clock`: how far their times are from Stripe's for the same requests."""
    if not seen.rows:
        return
    untimed = 2 * seen.untimed > seen.rows
    seen.gaps += [gap(start, end, "our own traffic is missing from the logs here") for start, end in _runs(found.hours)]
    if seen.first == 0 or untimed:
        told = "the lines" if seen.first == 0 else f"{seen.untimed:,} of {seen.rows:,} lines"
        seen.gaps.append(gap(window.judged, window.until, f"{told} carry no time: holes cannot be seen"))
    elif seen.first > window.judged + _SLACK:
        seen.gaps.append(gap(window.judged, seen.first, BEGINS_LATE[1]))
    if seen.last and seen.last < window.until - _SLACK:
        seen.gaps.append(gap(max(seen.last, window.judged), window.until, "the logs end earlier"))
    seen.full = found.enough and not untimed
    seen.blind_to, seen.lacks = _whole(found)
    if not seen.carries:
        seen.blind_to = "which writes are ours: the lines hold no request id of Stripe (`req_…`)"
        seen.lacks = "our egress logs hold no request id of Stripe, so it cannot be told which writes were ours"
    elif untimed:
        seen.lacks = "our egress logs carry no readable times, so their holes cannot be seen"
    elif clock:
        seen.full = False
        seen.lacks = f"our egress logs' times are {clock} Stripe's for the same requests: give them their time zone (--map)"


def _whole(found: Completeness) -> tuple[str, str]:
    """What logs of that share cannot show, and what they lack."""
    holds = f"our logs hold {found.share:.1%} of the {found.measured[0]:,} writes that look like ours"
    if not found.known:
        return (
            "how complete our logs are: nothing was written since the exposure that looks like ours",
            "our egress logs show no write that looks like ours, so it cannot be told how complete they are",
        )
    lacks = f"our egress logs hold {found.share:.1%} of our own known writes, and 95 % are needed"
    if found.share < ENOUGH:
        return f"strangers' writes among our own: {holds}, and 95 % are needed to tell", lacks
    if found.enough:
        return f"requests that did not pass our systems (by design); {holds}", ""
    missing = f"{found.known - found.matched} of the {found.known} writes since the exposure that look like ours are not in our logs"
    return f"strangers' writes among our own: {missing}, and 95 % are needed to tell", missing


def judge_requests(seen: SourceCoverage, given: LogContent, window: Window, holes: list[Span], doubt: str = "") -> None:
    """A request log covers reads by the rows that show them, in the hours that have such rows; `doubt`: what our own log contradicts."""
    if not seen.rows:
        return
    judge_span(seen, window, "reads outside the log's span", holes)
    seen.carries = given.usable > 0
    if given.told:
        seen.blind_to = given.told
        seen.full = seen.full and seen.carries
    if 20 * seen.untimed > seen.rows:
        doubt = doubt or f"{seen.untimed:,} of {seen.rows:,} rows of the request log have no readable time"
    if not seen.full:
        seen.lacks = given.told if not seen.carries else LACKS_SPAN
    elif doubt:
        seen.full, seen.lacks, seen.blind_to = False, doubt, f"reads: {doubt}"


def judge_span(seen: SourceCoverage, window: Window, absent: str, holes: list[Span] | None = None) -> None:
    """A log covers the window when it begins before it, ends near its end, and has no hole."""
    if not seen.rows:
        return
    if not seen.last:
        seen.gaps.append(gap(window.judged, window.until, "the rows carry no time"))
        seen.blind_to = absent
        return
    if seen.first > window.judged + _SLACK:
        seen.gaps.append(gap(window.judged, seen.first, BEGINS_LATE[0]))
    if seen.last < window.until - 6 * HOUR:
        seen.gaps.append(gap(max(seen.last, window.judged), window.until, "ends earlier"))
    seen.gaps += [gap(a, b, "rows are missing here, though some were due") for a, b in holes or []]
    seen.full = not _real(seen.gaps)
    seen.blind_to = "" if seen.full else absent


def _real(gaps: list[Json]) -> list[Json]:
    """Gaps that have a time; the others are remarks."""
    return [one for one in gaps if one["to"]]


def judge_activity(seen: SourceCoverage, read: Read | None, window: Window, holes: list[Span] | None = None) -> None:
    """The API gives half a year; an export covers its own span."""
    if read is not None and read.available and not read.why:
        seen.first, seen.last, seen.full = window.since, window.until, True
        return
    judge_span(seen, window, ABSENT["activity"], holes)
    if not seen.rows:
        seen.blind_to = ABSENT["activity"] + (f" ({read.why})" if read is not None and read.why else "")


def gap(start: int, end: int, why: str) -> Json:
    """A missing part; 0, 0 = no particular time."""
    return {"from": int(start), "to": int(end), "why": why}


def _runs(hours: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and runs[-1][1] == hour * HOUR:
            runs[-1] = (runs[-1][0], (hour + 1) * HOUR)
        else:
            runs.append((hour * HOUR, (hour + 1) * HOUR))
    return runs
