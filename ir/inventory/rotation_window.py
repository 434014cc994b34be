"""The hours in which a scheduled rotation may start: days of the week and hours of one place, with summer time.

    rotate_window: {days: [mon..fri], from: "09:00", to: "16:00", zone: Europe/Berlin}

`to` before `from` passes midnight; the day is that of the beginning. No day of the window is lost or comes twice when clocks change: what
begins or ends in a skipped hour does so at the moment of the change, and a window of which nothing is left then opens at that moment for
as long as it is written; an hour that comes twice is one window, from its first beginning to its second end.
"""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Span = tuple[float, float]
"""From, to: epoch seconds; the end does not belong to it."""


def _days(value: object) -> list[int]:
    """`mon`, or `mon..fri`; Monday is 0."""
    found: set[int] = set()
    for item in value if isinstance(value, list) else [value]:
        first, _, last = (DAYS[item] if isinstance(item, int) and 0 <= item < 7 else str(item)).partition("..")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"`{str(item)[:20]}` is not a day; write one of {', '.join(DAYS)}, or a span such as mon..fri")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return sorted(found)


def _clock(value: object) -> time:
    """`09:00`; YAML 1.1 reads a bare 16:00 as the number 960, which is its minutes."""
    if isinstance(value, time):
        return value
    text = f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:00)?", text):
        raise ValueError(f'`{text[:20]}` is not a time of day; write "09:00"')
    return time.fromisoformat(text)


@lru_cache
def _place(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _zone(name: str) -> str:
    try:
        _place(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"`{name[:40]}` is not a time zone; write one such as Europe/Berlin or UTC") from None
    return name


def _moment(wall: datetime) -> float:
    """Epoch seconds of a wall-clock time; a time that is skipped stands for the moment of the change."""
    late, early = wall.replace(fold=0).timestamp(), wall.replace(fold=1).timestamp()
    if late <= early:  # shown once, or twice
        return early if wall.fold else late
    before = datetime.fromtimestamp(early, wall.tzinfo).utcoffset()
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (middle, late) if datetime.fromtimestamp(middle, wall.tzinfo).utcoffset() == before else (early, middle)
    return late


_DAY = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 6},
        {"type": "string", "pattern": f"^({'|'.join(DAYS)})(\\.\\.({'|'.join(DAYS)}))?$"},
    ]
}
_DAYS_IN_A_FILE = {"anyOf": [*_DAY["anyOf"], {"type": "array", "items": _DAY, "minItems": 1}]}
_CLOCK_IN_A_FILE = {
    "anyOf": [{"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$"}, {"type": "integer", "minimum": 0, "maximum": 1439}]
}


class RotateWindow(BaseModel):
    """When a scheduled rotation may start: days of the week, and hours of one place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[list[int], BeforeValidator(_days), Field(min_length=1), WithJsonSchema(_DAYS_IN_A_FILE)] = list(range(7))
    from_: Annotated[time, BeforeValidator(_clock), Field(alias="from"), WithJsonSchema(_CLOCK_IN_A_FILE)] = time(0, 0)
    to: Annotated[time, BeforeValidator(_clock), WithJsonSchema(_CLOCK_IN_A_FILE)] = time(0, 0)
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    def open_at(self, moment: float) -> Span | None:
        """The span that `moment` (epoch seconds) lies in; None while it is closed."""
        begun = takewhile(lambda span: span[0] <= moment, self._spans(moment))
        return next((span for span in begun if moment < span[1]), None)

    def next_after(self, moment: float) -> Span:
        """The first span that begins after `moment`."""
        return next(span for span in self._spans(moment) if span[0] > moment)

    def _spans(self, moment: float) -> Iterator[Span]:
        """Spans of the days around a moment, in order: from two days before to nine days after."""
        place = _place(self.zone)
        today = datetime.fromtimestamp(moment, place).date()
        for number in range(-2, 10):
            day = today + timedelta(days=number)
            if day.weekday() not in self.days:
                continue
            begin = datetime.combine(day, self.from_, place)
            end = datetime.combine(day if self.to > self.from_ else day + timedelta(days=1), self.to, place)
            first, last = _moment(begin), _moment(end.replace(fold=1))
            written = (end.replace(tzinfo=None) - begin.replace(tzinfo=None)).total_seconds()
            yield first, last if last > first else first + written

    def said(self) -> str:
        """For the screen: `mon tue 09:00-16:00 Europe/Berlin`."""
        days = "daily" if len(self.days) == 7 else " ".join(DAYS[day] for day in self.days)
        return f"{days} {self.from_:%H:%M}-{self.to:%H:%M} {self.zone}"
