"""Stretches in which our own logs lack lines that were due, also at the end: a log that lags behind is not an empty one."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

_SHORTEST_SILENCE = 5  # minutes
_DAYS = 3  # that tell what an hour of the day usually has
_SPAN = 30  # minutes that tell a pace


@dataclass(frozen=True)
class Silence:
    """Hours `first … last` touch a stretch without any line.

    Attributes:
        due: lines that were to be expected there.
        clock: the same by the clock of other days alone; where too few of a kind are known, of working days and weekends together.
        last_of_all: no line comes after it.
        begin, end: epoch seconds of the stretch.
    """

    first: int
    last: int
    due: float
    clock: float
    last_of_all: bool = False
    begin: int = 0
    end: int = 0

    @property
    def hours(self) -> set[int]:
        """All of them."""
        return set(range(self.first, self.last + 1))


def silences(minutes: dict[int, int], lines: dict[int, int], until: int) -> list[Silence]:
    """Stretches without a line, and the number that was due: by the clock of other days, and by the pace as long before and after.

    The lesser of the two counts: by the pace alone, every night would be a hole, and by the clock alone, every holiday.

    Args:
        minutes: how many lines there are, by epoch minute.
        lines: the same by epoch hour.
        until: epoch seconds to which the logs should reach; before the silence that ends there, only the pace before it is known.
    """
    known = sorted(minutes)
    by_clock, every_day = _by_clock(lines, known), _by_clock(lines, known, apart=False)
    before = dict(zip(known, accumulate(minutes[minute] for minute in known), strict=True))
    found = []
    for left, right, is_last in _quiet(known, until // 60):
        quiet = right - left - 1
        # young logs often end on their first Saturday: then working days count, too
        clock = sum(_overlap(hour, left, right) * by_clock.get(_class(hour), 0.0) for hour in range(left // 60, right // 60 + 1))
        usual = every_day | by_clock
        either = sum(_overlap(hour, left, right) * usual.get(_class(hour), 0.0) for hour in range(left // 60, right // 60 + 1))
        pace = _pace(left - max(quiet, 60), left, known, before)
        if not is_last:
            pace = min(pace, _pace(right + 1, right + 1 + max(quiet, 60), known, before))
        due = min(either if is_last else clock, pace * quiet)
        found.append(Silence(left // 60, right // 60, due, either, is_last, left * 60 + 60, right * 60))
    return found


def _quiet(known: list[int], end: int) -> Iterator[tuple[int, int, bool]]:
    """The minutes around each silence, and whether it is the one at the end."""
    pairs = [(left, right, False) for left, right in pairwise(known)] + [(minute, end, True) for minute in known[-1:]]
    return (pair for pair in pairs if pair[1] - pair[0] > _SHORTEST_SILENCE)


def _pace(begin: int, end: int, known: list[int], before: dict[int, int]) -> float:
    """Lines a minute from `begin` to before `end`, as far as the logs reach; from at least half an hour of them, or 0."""
    begin, end = max(begin, known[0]), min(end, known[-1])
    return (_lines_before(known, before, end) - _lines_before(known, before, begin)) / (end - begin) if end - begin >= _SPAN else 0.0


def _lines_before(known: list[int], before: dict[int, int], minute: int) -> int:
    index = bisect_left(known, minute)
    return before[known[index - 1]] if index else 0


def _by_clock(lines: dict[int, int], known: list[int], *, apart: bool = True) -> dict[tuple[bool, int], float]:
    """Usual lines of an hour of the day, working days and weekends `apart` or not; absent when fewer than three days tell."""
    counts: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for hour in range(known[0] // 60 + 1, known[-1] // 60) if known else ():
        kind, clock = _class(hour)
        for which in {kind} if apart else {False, True}:
            counts[which, clock].append(lines.get(hour, 0))
    return {which: sum(seen) / len(seen) for which, seen in counts.items() if len(seen) >= _DAYS}


def _class(hour: int) -> tuple[bool, int]:
    return weekend(hour // 24), hour % 24


def _overlap(hour: int, left: int, right: int) -> float:
    """Share of an hour that lies between two minutes."""
    return max(0, min(hour * 60 + 60, right) - max(hour * 60, left + 1)) / 60


def weekend(day: int) -> bool:
    """Whether an epoch day is a Saturday or a Sunday."""
    return (day + 4) % 7 in (0, 6)  # 1970-01-01 was a Thursday.
