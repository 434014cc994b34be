"""A year of schedule in simulated time: each key once per period, none skipped, none twice."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ir import inventory
from ir.core.durations import seconds
from ir.core.errors import BadFile
from ir.fleet.schedule import LEAD, Known, Try, When, decide
from ir.inventory import Key
from ir.inventory.rotation_window import RotateWindow

HOUR, DAY = 3600.0, 86400.0
START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
YEAR = 365 * DAY
BERLIN = {"days": ["mon..fri"], "from": "09:00", "to": "16:00", "zone": "Europe/Berlin"}
NIGHT = {"from": "22:00", "to": "04:00", "zone": "America/New_York"}
GAP = {"days": ["sun"], "from": "02:10", "to": "03:20", "zone": "Australia/Lord_Howe"}


def _key(name: str, every: str, window: Mapping[str, object] | None = None) -> Key:
    row = {"name": name, "account": "main", "kind": "secret", "stored_in": ["env://X"], "rotate_every": every, "rotate_from": "2025-12-30"}
    return Key.model_validate({**row, "rotate_window": window})


@dataclass
class _Machine:
    """A machine that looks now and then; its clock may be wrong."""

    key: Key
    guided: bool = False
    tries: list[Try] = field(default_factory=list)
    ran: list[tuple[float, int]] = field(default_factory=list)
    begun: set[tuple[int, int]] = field(default_factory=set)
    idle_until: float = 0.0
    """Nothing can happen before, whatever the clock does: looks until then are left out, to save time."""

    def look(self, true: float, wrong_by: float = 0.0, *, fails: bool = False) -> None:
        """One `ir schedule run`."""
        if true < self.idle_until:
            return
        now = true + wrong_by
        found = decide(self.key, Known(tuple(self.tries)), now, guided=self.guided)
        if found.when is When.LATER:
            self.idle_until = min(true + 2 * DAY, true + found.starts - now - 4 * DAY)
        if found.when is not When.DUE:
            return
        assert (found.due, found.attempt) not in self.begun, "twice for one due date"
        self.begun.add((found.due, found.attempt))
        window = self.key.rotate_window
        assert window is None or window.open_at(now), "outside its window"
        self.tries.append(Try(found.due, found.attempt, "nothing" if fails else "rotated", now))
        if not fails:
            self.ran.append((true, found.due))

    @property
    def grid(self) -> list[int]:
        """All due dates of the year."""
        assert self.key.rotate_from is not None
        first = datetime(2025, 12, 30, tzinfo=UTC).timestamp()
        period = seconds(self.key.rotate_every)
        dates = (round(first + n * period) for n in range(1, 10_000))
        return [date for date in dates if START <= date < START + YEAR - 10 * DAY]


KEYS = {
    "weekly": _key("weekly", "7d"),
    "office": _key("office", "7d", BERLIN),
    "night": _key("night", "14d", NIGHT),
    "gap": _key("gap", "30d", GAP),
    "quarter": _key("quarter", "90d", BERLIN),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("guided", [False, True])
def test_a_year_without_trouble(name: str, guided: bool) -> None:
    machine = _Machine(KEYS[name], guided)
    for hour in range(int(YEAR / HOUR)):
        machine.look(START + hour * HOUR)
    dues = [due for _, due in machine.ran]
    assert dues == sorted(set(dues))
    assert set(machine.grid) <= set(dues), "none is skipped"
    period, lead = seconds(machine.key.rotate_every), min(LEAD, seconds(machine.key.rotate_every) / 4) if guided else 0.0
    late = 8 * DAY if name == "gap" else 4 * DAY
    assert all(due - lead <= at <= due - lead + late + period / 20 for at, due in machine.ran), "neither early nor late"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["weekly", "office", "night", "quarter"])
def test_a_year_of_missed_looks_a_week_off_jumping_clocks_and_failures(name: str, seed: int) -> None:
    machine, dice = _Machine(KEYS[name]), random.Random(seed)  # noqa: S311 - a dice, not a secret
    off = START + dice.uniform(30, 200) * DAY
    jumps = sorted(dice.uniform(0, YEAR) for _ in range(12))
    wrong = 0.0
    for hour in range(int(YEAR / HOUR)):
        true = START + hour * HOUR
        if jumps and true > jumps[0]:
            jumps.pop(0)
            wrong = dice.choice([0.0, 0.0, 3 * HOUR, -3 * HOUR, 2 * DAY, -2 * DAY])
        if off <= true < off + 7 * DAY or dice.random() < 0.2:
            continue
        machine.look(true, wrong, fails=dice.random() < 0.2)
    dues = [due for _, due in machine.ran]
    assert len(dues) == len(set(dues)), "none twice"
    period = seconds(machine.key.rotate_every)
    missed = [due for due in machine.grid if due not in dues]
    assert all(off - period <= due <= off + 7 * DAY for due in missed), "only dates that the machine was off for"
    assert len(missed) <= (1 if period <= 7 * DAY else 0), "and those are one, the newest"
    moments = sorted(at for at, _ in machine.ran)
    assert all(after - before < period + 13 * DAY for before, after in pairwise(moments)), "no long gap"


def test_a_clock_that_jumps_far_ahead_costs_one_rotation_and_loses_none() -> None:
    machine = _Machine(KEYS["weekly"])
    for hour in range(int(100 * DAY / HOUR)):
        machine.look(START + hour * HOUR, 3 * 365 * DAY if 900 < hour < 905 else 0.0)
    dues = {due for _, due in machine.ran}
    assert {due for due in machine.grid if due < START + 99 * DAY} <= dues
    assert len([due for due in dues if due > START + YEAR]) == 1


def test_machines_of_one_fleet_agree() -> None:
    looks = [decide(KEYS["office"], Known(), START + n * HOUR, guided=False) for n in range(200)]
    assert len({(row.due, row.starts) for row in looks if row.due == looks[0].due}) == 1
    spread = {round(decide(_key(f"k{n}", "30d"), Known(), START, guided=False).starts) for n in range(50)}
    assert len(spread) > 45, "keys of one date do not start at once"


def test_what_failed_is_tried_again_later_and_later_for_the_same_date() -> None:
    machine = _Machine(KEYS["weekly"])
    attempts = []
    for minute in range(0, int(6 * DAY / 60), 10):
        before = len(machine.tries)
        machine.look(START + 6 * DAY + minute * 60, fails=True)
        if len(machine.tries) > before:
            attempts.append(minute * 60.0)
    gaps = [after - before for before, after in pairwise(attempts)]
    assert len({row.due for row in machine.tries}) == 1
    assert gaps[:3] == sorted(gaps[:3])
    assert 1 * HOUR <= gaps[0] < 2 * HOUR
    assert max(gaps) <= DAY + HOUR


def test_an_open_incident_blocks_and_a_rotation_for_another_reason_counts() -> None:
    key, due = KEYS["weekly"], START + 20 * DAY
    assert decide(key, Known(open="INC-1"), due, guided=False).when is When.BLOCKED
    after = decide(key, Known(rotated_at=due - DAY), due, guided=False)
    assert (after.when, after.due) == (When.LATER, round(due - DAY + 7 * DAY))
    running = decide(key, Known((Try(round(due - 100), 1, "open", due - 50),), open="INC-1"), due, guided=False)
    assert running.when is When.RUNNING


def test_late_counts_from_the_first_date_that_was_missed() -> None:
    """Of a daily key each new date was one day late at most, however long it had been refused."""
    key, tries, now = _key("daily", "1d"), list[Try](), START
    first = decide(key, Known(), START, guided=False).missed
    for hour in range(24 * 6):
        now = START + hour * HOUR
        found = decide(key, Known(tuple(tries)), now, guided=False)
        if found.when is When.DUE:
            tries.append(Try(found.due, found.attempt, "nothing", now))
        assert found.missed == first
        assert found.overdue is (now > first + DAY), hour
    done = [*tries, Try(tries[-1].due, 99, "rotated", now)]
    assert not decide(key, Known(tuple(done)), now + HOUR, guided=False).overdue


@pytest.mark.parametrize("late", [0, 10, 16, 29, 31, 44])
@pytest.mark.parametrize("window", [None, BERLIN])
def test_two_rotations_are_never_nearer_than_half_a_period(late: int, window: dict[str, object] | None) -> None:
    """One that was 29 days late had the next one a day later."""
    key = _key("monthly", "30d", window)
    first = decide(key, Known(), START + 60 * DAY, guided=False).due
    at = first + late * DAY
    tries = (Try(first, 1, "rotated", at + DAY, at),)
    looks = (START + 60 * DAY + hour * HOUR for hour in range(24 * 120))
    begins = next(now for now in looks if now > at and decide(key, Known(tries), now, guided=False).when is When.DUE)
    assert 15 * DAY <= begins - at <= 45 * DAY + 4 * DAY
    assert not decide(key, Known(tries), begins, guided=False).overdue, "it could not have begun before"


def test_without_any_record_a_key_is_due_at_once_within_its_window() -> None:
    key = KEYS["office"].model_copy(update={"rotate_from": None})
    sunday, monday = datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp(), datetime(2026, 3, 30, 7, 1, tzinfo=UTC).timestamp()
    assert decide(key, Known(), sunday, guided=False).when is When.LATER
    assert decide(key, Known(), monday, guided=False).when is When.DUE, "09:01 in Berlin, the day after the change to summer time"
    assert decide(key, Known(), monday - 120, guided=False).when is When.LATER


@pytest.mark.parametrize("part", [0.0, 0.4, 0.5, 0.999])
def test_without_any_record_a_key_is_due_at_whatever_moment_it_is_looked_at(part: float) -> None:
    found = decide(_key("a", "30d").model_copy(update={"rotate_from": None}), Known(), START + part, guided=False)
    assert (found.when, found.due) == (When.DUE, START)


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


SKIPPED = [
    ("Europe/Berlin", "02:00", "03:00", "2026-03-29T01:00", "2026-03-29T02:00"),
    ("Europe/Berlin", "02:30", "03:30", "2026-03-29T01:00", "2026-03-29T01:30"),
    ("Europe/Berlin", "01:00", "02:30", "2026-03-29T00:00", "2026-03-29T01:00"),
    ("America/New_York", "02:15", "02:45", "2026-03-08T07:00", "2026-03-08T07:30"),
    ("Australia/Lord_Howe", "02:00", "02:30", "2026-10-03T15:30", "2026-10-03T16:00"),
    ("Australia/Lord_Howe", "02:10", "02:40", "2026-10-03T15:30", "2026-10-03T15:40"),
    ("Africa/Casablanca", "02:00", "03:00", "2026-03-22T02:00", "2026-03-22T03:00"),
    ("Africa/Cairo", "00:00", "00:30", "2026-04-23T22:00", "2026-04-23T22:30"),
]
TWICE = [
    ("Europe/Berlin", "02:00", "03:00", "2026-10-25T00:00", "2026-10-25T02:00"),
    ("Europe/Berlin", "02:30", "04:00", "2026-10-25T00:30", "2026-10-25T03:00"),
    ("America/New_York", "01:15", "01:45", "2026-11-01T05:15", "2026-11-01T06:45"),
    ("Australia/Lord_Howe", "01:30", "02:00", "2026-04-04T14:30", "2026-04-04T15:30"),
    ("Africa/Casablanca", "02:00", "03:00", "2026-02-15T01:00", "2026-02-15T03:00"),
]


@pytest.mark.parametrize(("zone", "begin", "end", "opens", "closes"), SKIPPED + TWICE)
def test_a_window_in_an_hour_that_the_clocks_skip_or_show_twice_opens_once(
    zone: str, begin: str, end: str, opens: str, closes: str
) -> None:
    window = RotateWindow.model_validate({"from": begin, "to": end, "zone": zone})
    assert window.open_at(_utc(opens)) == (_utc(opens), _utc(closes))
    assert window.open_at(_utc(opens) - 1) is None
    assert window.open_at(_utc(closes)) is None
    there = datetime.fromtimestamp(_utc(opens), ZoneInfo(zone)).date()
    after = datetime.fromtimestamp(window.next_after(_utc(opens))[0], ZoneInfo(zone)).date()
    assert (after - there).days == 1, "the day itself has one window, the next day another"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo"])
@pytest.mark.parametrize(("begin", "end"), [("02:10", "02:20"), ("01:45", "02:05"), ("23:30", "00:30"), ("00:00", "00:20")])
def test_every_day_of_a_year_has_one_window_in_every_zone(zone: str, begin: str, end: str) -> None:
    window = RotateWindow.model_validate({"from": begin, "to": end, "zone": zone})
    moment, days = START - DAY, list[tuple[float, float]]()
    while moment < START + YEAR:
        span = window.next_after(moment)
        assert span[0] < span[1] and (not days or span[0] > days[-1][1]), "they do not overlap"
        days.append(span)
        moment = span[0]
    dates = [datetime.fromtimestamp(first, ZoneInfo(zone)).date() for first, _ in days]
    assert all((after - before).days == 1 for before, after in pairwise(dates)), "no day is left out, none comes twice"


CHANGES = [(row[0], row[3]) for row in SKIPPED + TWICE if row[1] in ("02:00", "02:15", "01:15", "01:30")]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("since", ["2025-12-30", "2025-12-31"])
def test_a_daily_key_around_a_change_of_clocks_is_rotated_once_a_day(zone: str, change: str, since: str) -> None:
    for begin, end in (("02:00", "02:30"), ("01:40", "03:10"), ("23:00", "23:20")):
        key = _key("daily", "1d", {"from": begin, "to": end, "zone": zone})
        machine = _Machine(key.model_copy(update={"rotate_from": date.fromisoformat(since)}))
        for minutes in range(0, 8 * 1440, 15):
            machine.look(_utc(change) - 4 * DAY + minutes * 60)
        dues = [due for _, due in machine.ran]
        assert len(dues) >= 7
        assert all(after - before == DAY for before, after in pairwise(dues)), "none is left out or put off by the next"


def test_a_weekly_key_whose_date_comes_late_in_its_weekly_window_is_not_put_off_for_ever() -> None:
    window = RotateWindow.model_validate({"days": ["tue"], "from": "23:00", "to": "00:05", "zone": "UTC"})  # the dates: tuesdays, 24:00
    for name in ("a", "b", "c", "d"):
        machine = _Machine(_key(name, "7d").model_copy(update={"rotate_window": window, "rotate_from": date(2025, 12, 31)}))
        for half in range(int(60 * DAY / HOUR * 2)):
            machine.look(START + half * HOUR / 2)
        assert len(machine.ran) == 7, "from 13 January on: on the 7th it came two minutes before the window closed, and nobody looked"
        assert all(6 * DAY < after - before < 8 * DAY for (before, _), (after, _) in pairwise(machine.ran))


def test_what_a_human_writes() -> None:
    text = """
version: 1
accounts: [{name: main, id: acct_1, mode: test}]
keys:
  - name: payments
    account: main
    kind: secret
    stored_in: [env://KEY]
    rotate_every: 90d
    rotate_window: {days: [mon..wed, sat], from: 09:00, to: 16:00, zone: Europe/Berlin}
"""
    key = inventory.loads(text, "i.yaml").keys[0]
    assert key.rotate_window is not None
    assert key.rotate_window.said() == "mon tue wed sat 09:00-16:00 Europe/Berlin"
    again = RotateWindow.model_validate(key.rotate_window.model_dump(mode="json", by_alias=True))
    assert again == key.rotate_window
    for right, wrong in (("zone: Europe/Berlin", "zone: Mars/Base"), ("mon..wed, sat", "someday"), ("from: 09:00", 'from: "25:00"')):
        with pytest.raises(BadFile, match="rotate_window"):
            inventory.loads(text.replace(right, wrong), "i.yaml")
