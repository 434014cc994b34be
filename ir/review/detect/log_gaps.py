"""Measure how complete our own logs are, and find their holes: a hole *replaces* known traffic, an attacker *adds* to it."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from ir.review.detect.log_silences import Silence, silences, weekend
from ir.review.detect.window import HOUR, Window

_DUE = 12  # lines that were due and make a silence a hole: by chance in 6 of a million
_NOTHING = (0, -1)
_FEW = 5  # writes, or lines due, below which nothing shows that our services went on without their lines
_MANY = 40
"""Known writes from which a share of 95 % can be told from one of 90 %."""
KNOWN_SHARE = 0.5
"""A kind of write belongs to our services when at least this share of it is in our logs; the rest is people's."""
ENOUGH = 0.95
"""Share of our own known traffic that our logs must hold before *none seen* may be said of writes."""

Kind = tuple[str, str]
Hole = tuple[str, str, int, int, int]
"""(act, client, epoch hour, first and last epoch second that the logs cover of it); 0 and −1: they cover nothing of it."""


@dataclass
class Completeness:
    """The part of our own known writes that our logs hold.

    Attributes:
        known, matched: writes of our services' kinds in the judged window, and how many of them our logs hold.
        known_before, matched_before: the same before the exposure, outside holes.
        loss: share that our logs lose outside holes, from before the exposure where possible.
        outside, outside_matched: writes of our services' kinds outside holes, before the exposure where there are enough, and how many
            of them our logs hold.
        holes: of traffic that is missing from the logs.
        hours: the hours that have a hole.
    """

    known: int = 0
    matched: int = 0
    known_before: int = 0
    matched_before: int = 0
    loss: float = 0.0
    outside: int = 0
    outside_matched: int = 0
    holes: list[Hole] = field(default_factory=list)
    hours: list[int] = field(default_factory=list)

    @property
    def measured(self) -> tuple[int, int]:
        """The (known, matched) from which the share is told: a short window has too few writes, so it takes the time before."""
        if self.known >= _MANY:
            return self.known, self.matched
        return self.known + self.known_before, self.matched + self.matched_before

    @property
    def share(self) -> float:
        """0 to 1; 0 when there was nothing to measure by."""
        known, matched = self.measured
        return matched / known if known else 0.0

    @property
    def tells(self) -> bool:
        """Whether a write that our logs lack, outside their holes, may be called a stranger's: they hold 95 % of ours, up to chance."""
        chance = 3 * math.sqrt(self.outside * ENOUGH * (1 - ENOUGH))
        return self.outside > 0 and self.outside_matched >= ENOUGH * self.outside - chance

    @property
    def enough(self) -> bool:
        """Whether *none seen* may be said of writes; in a short window, only if no more is missing than the logs usually lose."""
        usual = self.loss * self.known
        explained = self.known >= _MANY or self.known - self.matched <= usual + 3 * math.sqrt(usual)
        return self.known > 0 and self.share >= ENOUGH and explained


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
    missed = [silence for silence in silences(minutes, lines, window.until) if silence.due >= _DUE or _replaced(silence, ours)]
    empty = _empty_hours(lines, window).union(*(silence.hours for silence in missed if not silence.last_of_all))
    found = Completeness()
    for (act, client), hours in ours.items():
        missing = _kind_holes(hours, window) | (empty & set(hours))
        found.holes += [(act, client, hour, *_NOTHING) for hour in sorted(missing) if hours[hour][1]]
    found.holes += [(act, client, hour, *_NOTHING) for act, client, hour, _, ghosts in outside if ghosts]
    found.holes += _at_the_edges(rows, span, found.holes, set(ours) if missed and missed[-1].last_of_all else set())
    found.hours = sorted({hole[2] for hole in found.holes} | {h for h in empty if h * 3600 >= window.judged})
    _count(found, ours, window)
    cut = window.judged // HOUR
    found.known += sum(ghosts for act, client, hour, _, ghosts in outside if (act, client) in ours and hour >= cut)
    return found


def _at_the_edges(rows: list[tuple[str, str, int, int, int]], span: tuple[int, int], whole: list[Hole], late: set[Kind]) -> list[Hole]:
    """The hours in which our logs begin (earlier lines may be in a file that was rotated away) and end.

    `late`: kinds of ours whose lines were due after the end, so that the logs lag behind; else silence at the end is only silence.
    """
    known, found = {hole[:3] for hole in whole}, list[Hole]()
    for act, client, hour, _, ghosts in rows:
        begins = span[0] if hour == span[0] // HOUR else hour * HOUR
        ends = span[1] if (act, client) in late and hour == span[1] // HOUR else hour * HOUR + HOUR
        if span[0] and ghosts and (begins > hour * HOUR or ends < hour * HOUR + HOUR) and (act, client, hour) not in known:
            found.append((act, client, hour, begins, ends))
    return found


def _is_ours(hours: dict[int, tuple[int, int]], window: Window) -> bool:
    cut = window.judged // 3600
    before = [pair for hour, pair in hours.items() if hour < cut] if window.baseline else []
    pairs = before if sum(map(sum, before)) >= 10 else list(hours.values())
    own, ghosts = sum(o for o, _ in pairs), sum(g for _, g in pairs)
    return own >= 3 and own / (own + ghosts) >= KNOWN_SHARE


def _count(found: Completeness, ours: dict[Kind, dict[int, tuple[int, int]]], window: Window) -> None:
    cut = window.judged // 3600
    holes = {hole[:3] for hole in found.holes}
    before_own = before_all = after_own = after_all = 0
    for (act, client), hours in ours.items():
        for hour, (own, ghosts) in hours.items():
            if hour < cut and (act, client, hour) not in holes:
                before_own, before_all = before_own + own, before_all + own + ghosts
            if hour >= cut and (act, client, hour) not in holes:
                after_own, after_all = after_own + own, after_all + own + ghosts
            if hour >= cut:
                found.matched, found.known = found.matched + own, found.known + own + ghosts
    earlier = window.baseline and before_all >= 50
    found.outside, found.outside_matched = (before_all, before_own) if earlier else (before_all + after_all, before_own + after_own)
    if earlier:
        found.loss = 1 - before_own / before_all
        found.known_before, found.matched_before = before_all, before_own
    elif found.known:
        found.loss = min(1 - found.share, 0.05)


def _empty_hours(lines: dict[int, int], window: Window) -> set[int]:
    """Hours in which our logs have (nearly) no line although that hour of the day usually has many."""
    if not lines:
        return set()
    by_clock: dict[int, list[int]] = defaultdict(list)
    first, last = min(lines), window.until // 3600
    for hour in range(max(first, window.since // 3600), last + 1):
        by_clock[hour % 24].append(lines.get(hour, 0))
    usual = {clock: median(counts) for clock, counts in by_clock.items()}
    span = range(max(first, window.since // 3600), last)
    thin = {hour for hour in span if _is_thin(lines.get(hour, 0), usual[hour % 24])}
    for hour in span:  # logs with few lines an hour show a hole over three hours
        three = (hour, hour + 1, hour + 2)
        if _is_thin(sum(lines.get(h, 0) for h in three), sum(usual.get(h % 24, 0.0) for h in three)):
            thin |= {h for h in three if h in span and lines.get(h, 0) < 0.55 * usual[h % 24]}
    # a hole rarely begins on the hour: its neighbours are partly missing, too
    return {hour + step for hour in thin for step in (-1, 0, 1)}


def _replaced(silence: Silence, ours: dict[Kind, dict[int, tuple[int, int]]]) -> bool:
    """Whether writes of our services' kinds went on in a silence, at about their pace: then they are ours, and the lines are lost.

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
    like = [d for d in whole if d != day and d in known and weekend(d) is weekend(day)]
    counts = [sum(hours.get(d * 24 + clock, (0, 0))[0] for clock in range(first, last)) for d in like]
    return float(median(counts)) if len(counts) >= 3 else 0.0
