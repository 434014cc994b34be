"""The timeline in Timesketch's form, and the requests per hour for the picture."""

from collections import defaultdict
from datetime import UTC, datetime
from statistics import median

from ir.core.model import Json
from ir.review.detect.run_rules import Hit
from ir.review.detect.window import HOUR, Window
from ir.review.sql.engine import Engine

_MOST = 1000
_PER_FINDING = 20
_LEFTOVERS = 200


def rows(hits: list[Hit], left: tuple[Json, ...], window: Window, proposed: int = 0) -> tuple[Json, ...]:
    """`{message, datetime, timestamp_desc, timestamp, rule_id, severity, evidence}`, in order of time; `timestamp` in µs."""
    made = []
    if window.exposed:
        made.append(_row(window.exposed, "the key was exposed", "Exposure", "", "informational", ""))
    elif proposed:
        made.append(
            _row(proposed, "the key may have been out by then: proposed, not known", "Exposure (proposed)", "", "informational", "")
        )
    for hit in hits:
        moments = hit.moments[:_PER_FINDING] or ((hit.finding.first_seen, ""),)
        for ts, evidence in moments:
            made.append(_row(ts, f"{hit.rule.id} {hit.rule.title}", "Finding", hit.rule.id, hit.finding.severity, evidence))
    made += [
        _row(int(one["created"]), f"{one['kind']} was created: {one['why']}", "Leftover", "", one["severity"], one["id"])
        for one in left[:_LEFTOVERS]
        if one["created"]
    ]
    return tuple(sorted(made, key=lambda row: row["timestamp"])[:_MOST])


def _row(ts: int, message: str, what: str, rule: str, severity: str, evidence: str) -> Json:
    return {
        "message": message,
        "datetime": datetime.fromtimestamp(ts, UTC).isoformat(),
        "timestamp_desc": what,
        "timestamp": ts * 1_000_000,
        "rule_id": rule,
        "severity": severity,
        "evidence": evidence,
    }


def hours(engine: Engine, window: Window) -> tuple[Json, ...]:
    """`{at, requests, usual}` of at most the last 14 days: writes that Stripe saw; `usual` is the median of that hour of day."""
    first = max(window.since, window.until - 14 * 24 * HOUR) // HOUR
    counted = {
        int(hour): int(count)
        for hour, count in engine.rows(
            f"SELECT hour, COUNT(*) AS n FROM acts WHERE ts >= {window.since} AND ts < {window.until} GROUP BY hour"
        )
    }
    if not counted:
        return ()
    by_clock: dict[int, list[int]] = defaultdict(list)
    for hour in range(window.since // HOUR + 1, window.judged // HOUR):
        by_clock[hour % 24].append(counted.get(hour, 0))
    known = window.baseline
    return tuple(
        {
            "at": hour * HOUR,
            "requests": counted.get(hour, 0),
            "usual": median(by_clock[hour % 24]) if known and len(by_clock[hour % 24]) >= 3 else None,
        }
        for hour in range(first, window.until // HOUR + 1)
    )
