"""How complete our own logs are, and where they have holes: a hole *replaces* known traffic, an attacker *adds* to it."""

import math
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from statistics import median

from ir.review.window import HOUR, Window

_SHORTEST_SILENCE = 5  # minutes
_DUE = 12  # lines that make a silence a hole: by chance in 6 of a million
_FEW = 5  # writes, or lines due, below which nothing shows that ours went on without their lines
_DAYS = 3  # that tell what an hour of the day usually has
_SPAN = 30  # minutes that tell a pace
_MANY = 40
"""Known writes from which on a share of 95 % can be told from one of 90 %."""
KNOWN_SHARE = 0.5
"""A kind of write is our services' when at least this share of it stands in our logs; the rest is people's."""
ENOUGH = 0.95
"""Share of our own known traffic that our logs must hold before *none seen* may be said of writes."""

Kind = tuple[str, str]


@dataclass
class Completeness:
    """What our logs hold of our own known writes.

    Attributes:
        known, matched: writes of our services' kinds in the judged window, and how many of them our logs hold.
        known_before, matched_before: the same before the exposure, outside holes.
        loss: share that our logs lose outside holes, from before the exposure where possible.
        holes: (act, client, hour) of traffic that is missing from the logs.
        hours: the hours that have a hole.
    """

    known: int = 0
    matched: int = 0
    known_before: int = 0
    matched_before: int = 0
    loss: float = 0.0
    holes: list[tuple[object, ...]] = field(default_factory=list)
    hours: list[int] = field(default_factory=list)

    @property
    def measured(self) -> tuple[int, int]:
        """(known, matched) that the share is told from: a short window has too few writes to tell a share, so it takes the time before."""
        if self.known >= _MANY:
            return self.known, self.matched
        return self.known + self.known_before, self.matched + self.matched_before

    @property
    def share(self) -> float:
        """0 to 1; 0 when there was nothing to measure by."""
        known, matched = self.measured
        return matched / known if known else 0.0

    @property
    def enough(self) -> bool:
        """Whether *none seen* may be said of writes; in a short window, only if no more is missing than the logs usually lose."""
        usual = self.loss * self.known
        explained = self.known >= _MANY or self.known - self.matched <= usual + 3 * math.sqrt(usual)
        return self.known > 0 and self.share >= ENOUGH and explained


@dataclass(frozen=True)
class _Silence:
    """Hours `first … last` touch a stretch without any line.

    `due` lines were to be expected there, `clock` by the clock of other days alone.
    """

    first: int
    last: int
    due: float
    clock: float

    @property
    def hours(self) -> set[int]:
        return set(range(self.first, self.last + 1))


def measure(
    rows: list[tuple[str, str, int, int, int]], minutes: dict[int, int], window: Window, span: tuple[int, int] = (0, 0)
) -> Completeness:
    """Args: `rows` of (act, client, hour, own, ghosts); lines of our egress logs per minute; `span` of those logs."""
    outside = [row for row in rows if span[0] and not span[0] // HOUR <= row[2] <= span[1] // HOUR]
    rows = [row for row in rows if not span[0] or span[0] // HOUR <= row[2] <= span[1] // HOUR]
    kinds: dict[Kind, dict[int, tuple[int, int]]] = defaultdict(dict)
    for act, client, hour, own, ghosts in rows:
        kinds[act, client][hour] = (own, ghosts)
    ours = {kind: hours for kind, hours in kinds.items() if _is_ours(hours, window)}
    lines: dict[int, int] = defaultdict(int)
    for minute, count in minutes.items():
        lines[minute // 60] += count
    silences = _silences(minutes, lines)
    empty = _empty_hours(lines, window).union(*(silence.hours for silence in silences if silence.due >= _DUE))
    empty = empty.union(*(silence.hours for silence in silences if _replaced(silence, ours)))
    found = Completeness()
    for (act, client), hours in ours.items():
        missing = _kind_holes(hours, window) | (empty & set(hours))
        found.holes += [(act, client, hour) for hour in sorted(missing) if hours[hour][1]]
    found.holes += [(act, client, hour) for act, client, hour, _, ghosts in outside if ghosts]
    found.hours = sorted({int(str(hole[2])) for hole in found.holes} | {h for h in empty if h * 3600 >= window.judged})
    _count(found, ours, window)
    cut = window.judged // HOUR
    found.known += sum(ghosts for act, client, hour, _, ghosts in outside if (act, client) in ours and hour >= cut)
    return found


def _is_ours(hours: dict[int, tuple[int, int]], window: Window) -> bool:
    cut = window.judged // 3600
    before = [pair for hour, pair in hours.items() if hour < cut] if window.baseline else []
    pairs = before if sum(map(sum, before)) >= 10 else list(hours.values())
    own, ghosts = sum(o for o, _ in pairs), sum(g for _, g in pairs)
    return own >= 3 and own / (own + ghosts) >= KNOWN_SHARE


def _count(found: Completeness, ours: dict[Kind, dict[int, tuple[int, int]]], window: Window) -> None:
    cut = window.judged // 3600
    holes = {(str(a), str(c), int(str(h))) for a, c, h in found.holes}
    before_own = before_all = 0
    for (act, client), hours in ours.items():
        for hour, (own, ghosts) in hours.items():
            if hour < cut and (act, client, hour) not in holes:
                before_own, before_all = before_own + own, before_all + own + ghosts
            if hour >= cut:
                found.matched, found.known = found.matched + own, found.known + own + ghosts
    if window.baseline and before_all >= 50:
        found.loss = 1 - before_own / before_all
        found.known_before, found.matched_before = before_all, before_own
    elif found.known:
        found.loss = min(1 - found.share, 0.05)


def _empty_hours(lines: dict[int, int], window: Window) -> set[int]:
    """Hours in which our logs have (nearly) no line though that hour of the day usually has many."""
    if not lines:
        return set()
    by_clock: dict[int, list[int]] = defaultdict(list)
    first, last = min(lines), window.until // 3600
    for hour in range(max(first, window.since // 3600), last + 1):
        by_clock[hour % 24].append(lines.get(hour, 0))
    usual = {clock: median(counts) for clock, counts in by_clock.items()}
    span = range(max(first, window.since // 3600), last)
    thin = {hour for hour in span if _is_thin(lines.get(hour, 0), usual[hour % 24])}
    for hour in span:  # Logs with few lines an hour show a hole over three.
        three = (hour, hour + 1, hour + 2)
        if _is_thin(sum(lines.get(h, 0) for h in three), sum(usual.get(h % 24, 0.0) for h in three)):
            thin |= {h for h in three if h in span and lines.get(h, 0) < 0.55 * usual[h % 24]}
    # A hole rarely begins on the hour: its neighbours are partly missing too.
    return {hour + step for hour in thin for step in (-1, 0, 1)}


def _silences(minutes: dict[int, int], lines: dict[int, int]) -> list[_Silence]:
    """Stretches without a line, and how many were due: by the clock of other days, and by the pace as long before and after.

    The lesser of the two counts: by the pace alone, every night would be a hole, and by the clock alone every holiday.
    """
    known = sorted(minutes)
    by_clock = _by_clock(lines, known)
    until = dict(zip(known, accumulate(minutes[minute] for minute in known), strict=True))
    found = []
    for left, right in pairwise(known):
        quiet = right - left - 1
        if quiet >= _SHORTEST_SILENCE:
            clock = sum(_overlap(hour, left, right) * by_clock[_class(hour)] for hour in range(left // 60, right // 60 + 1))
            pace = min(_pace(left - max(quiet, 60), left, known, until), _pace(right + 1, right + 1 + max(quiet, 60), known, until))
            found.append(_Silence(left // 60, right // 60, min(clock, pace * quiet), clock))
    return found


def _pace(begin: int, end: int, known: list[int], until: dict[int, int]) -> float:
    """Lines a minute from `begin` to before `end`, as far as the logs reach; at least half an hour of them, or 0."""
    begin, end = max(begin, known[0]), min(end, known[-1])
    return (_lines_before(known, until, end) - _lines_before(known, until, begin)) / (end - begin) if end - begin >= _SPAN else 0.0


def _lines_before(known: list[int], until: dict[int, int], minute: int) -> int:
    index = bisect_left(known, minute)
    return until[known[index - 1]] if index else 0


def _by_clock(lines: dict[int, int], known: list[int]) -> dict[tuple[bool, int], float]:
    """Lines that an hour of the day usually has, working days and weekends apart; 0 when fewer than three days tell."""
    counts: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for hour in range(known[0] // 60 + 1, known[-1] // 60) if known else ():
        counts[_class(hour)].append(lines.get(hour, 0))
    return defaultdict(float, {which: sum(seen) / len(seen) for which, seen in counts.items() if len(seen) >= _DAYS})


def _class(hour: int) -> tuple[bool, int]:
    return _weekend(hour // 24), hour % 24


def _overlap(hour: int, left: int, right: int) -> float:
    """Share of an hour that lies between two minutes."""
    return max(0, min(hour * 60 + 60, right) - max(hour * 60, left + 1)) / 60


def _replaced(silence: _Silence, ours: dict[Kind, dict[int, tuple[int, int]]]) -> bool:
    """Whether writes of our services' kinds went on in a silence, at about their pace: they are ours, and the lines are lost.

    In a log of few lines a silence alone says nothing.
    """
    inside = range(silence.first + 1, silence.last)
    ghosts = sum(hours.get(hour, (0, 0))[1] for hours in ours.values() for hour in inside)
    return silence.clock >= _FEW and 2 <= ghosts <= 2 * silence.clock


def _is_thin(count: int, usual: float) -> bool:
    return usual >= 8 and count < min(0.55 * usual, usual - 3 * math.sqrt(usual))


def _kind_holes(hours: dict[int, tuple[int, int]], window: Window) -> set[int]:
    """Hours of days on which a kind's known writes fell by about as much as its unknown ones rose."""
    days: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for hour, (own, ghosts) in hours.items():
        days[hour // 24][0] += own
        days[hour // 24][1] += ghosts
    missing: set[int] = set()
    for day, (own, ghosts) in days.items():
        expected = _usual(hours, day, window) if ghosts >= _FEW else 0.0
        deficit = expected - own
        if deficit > 3 * math.sqrt(expected) and 0.6 * ghosts <= deficit:
            missing |= {hour for hour in hours if hour // 24 == day}
    return missing


def _usual(hours: dict[int, tuple[int, int]], day: int, window: Window) -> float:
    """Known writes that the day's part of the window usually has; 0 when fewer than three days tell.

    The window begins and ends within a day: half a day's writes on its last day are no hole.
    """
    first, last = max(day * 24, -(-window.since // HOUR)) - day * 24, min(day * 24 + 24, window.until // HOUR) - day * 24
    whole = range(-(-window.since // (24 * HOUR)), window.until // (24 * HOUR))
    known = {hour // 24 for hour in hours}
    like = [d for d in whole if d != day and d in known and _weekend(d) is _weekend(day)]
    counts = [sum(hours.get(d * 24 + clock, (0, 0))[0] for clock in range(first, last)) for d in like]
    return float(median(counts)) if len(counts) >= 3 else 0.0


def _weekend(day: int) -> bool:
    return (day + 4) % 7 in (0, 6)  # 1970-01-01 was a Thursday.
