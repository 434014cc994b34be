"""Holes of any source: a silence in which its own rows were due, or while another source shows that something happened."""

from collections import defaultdict
from collections.abc import Mapping

from ir.review.detect.log_silences import silences
from ir.review.detect.window import DAY, HOUR

DUE = 12
"""Rows that were due and make a silence a hole: by chance in 6 of a million."""
_MINUTE = 60

Span = tuple[int, int]
"""Begin and end, epoch seconds."""


def of_its_own(minutes: Mapping[int, int], until: int) -> list[Span]:
    """Silences in which the source's own clock and pace expect at least `DUE` rows, also at its end.

    Args:
        minutes: epoch minute → rows.
        until: to which the source should reach.
    """
    if not minutes:
        return []
    rows = {minute: count for minute, count in minutes.items() if minute * _MINUTE < until}
    lines: dict[int, int] = defaultdict(int)
    for minute, count in rows.items():
        lines[minute // 60] += count
    found = [(one.begin, one.end) for one in silences(rows, lines, until) if one.due >= DUE]
    return merged([*found, *_strays(rows, until)])


def _strays(rows: Mapping[int, int], until: int) -> list[Span]:
    """Days with fewer than `DUE` rows, far from all others: one row with a wrong clock gives no coverage."""
    if not rows:
        return []
    known = sorted(rows)
    total, counted, found = sum(rows.values()), 0, list[Span]()
    for left, right in zip(known, [*known[1:], until // _MINUTE], strict=True):
        counted += rows[left]
        quiet = (right - left) * _MINUTE
        few = min(counted, total - counted) if right * _MINUTE < until else 0
        if quiet <= DAY or few >= DUE or total < 2 * DUE:
            continue
        dense = (known[0], left, counted) if counted > total - counted else (right, known[-1], total - counted)
        length = max((dense[1] - dense[0]) * _MINUTE, HOUR)
        if dense[2] / length * quiet >= DUE:
            found.append((left * _MINUTE + _MINUTE, min(right * _MINUTE, until)))
    return found


def beside(expected: Mapping[int, float], seen: Mapping[int, float], hours: range) -> list[Span]:
    """Stretches of hours in which another source expects at least `DUE` rows and this one has none.

    Args:
        expected: epoch hour → rows that the other source tells of.
        seen: epoch hour → rows of this one.
        hours: which are looked at.
    """
    there = [hour for hour in hours if seen.get(hour)]
    usual = sum(expected.get(hour, 0.0) for hour in there)
    share = min(1.0, sum(seen[hour] for hour in there) / usual) if usual else 1.0
    found, run, due = list[Span](), list[int](), 0.0
    for hour in [*hours, -1]:
        if hour >= 0 and not seen.get(hour):
            if expected.get(hour):
                run.append(hour)
                due += expected[hour] * share
            continue
        if due >= DUE:
            found.append((run[0] * HOUR, run[-1] * HOUR + HOUR))
        run, due = [], 0.0
    return found


def merged(spans: list[Span]) -> list[Span]:
    """The same without overlaps, in order."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def within(spans: list[Span], begin: int, end: int) -> list[Span]:
    """The parts of spans between two times."""
    return [(max(a, begin), min(b, end)) for a, b in spans if b > begin and a < end]
