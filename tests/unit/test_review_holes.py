"""A hole in our logs is what is missing, not what is quiet: evenings, and days that are not over yet."""

import random
from collections import defaultdict

from ir.review.detect.log_gaps import measure
from ir.review.detect.window import HOUR, Window

DAY = 24 * HOUR
BEGIN = 20_000 * DAY
"""A Thursday, midnight."""
BY_CLOCK = [4] * 7 + [30] * 14 + [4] * 3
"""Writes an hour: a shop that sleeps."""


def traffic(seed: int, days: int, until: int) -> dict[int, int]:
    """Minutes of our own lines → how many, at random about the usual pace."""
    chance, minutes = random.Random(seed), defaultdict[int, int](int)  # noqa: S311 - no secret is made of it
    for day in range(days):
        for clock, usual in enumerate(BY_CLOCK):
            for _ in range(usual * 4):
                at = BEGIN + day * DAY + clock * HOUR + chance.random() * HOUR
                if chance.random() < 0.25 and at < until:
                    minutes[int(at // 60)] += 1
    return minutes


def rows_of(minutes: dict[int, int], ghosts: dict[int, int]) -> list[tuple[str, str, int, int, int]]:
    own = defaultdict[int, int](int)
    for minute, count in minutes.items():
        own[minute // 60] += count
    return [("refund", "none", hour, own[hour], ghosts.get(hour, 0)) for hour in sorted({*own, *ghosts})]


def test_the_evening_is_no_hole() -> None:
    until = BEGIN + 28 * DAY
    window = Window(BEGIN, BEGIN + 20 * DAY, until, BEGIN + 20 * DAY, baseline=True)
    ghosts = {BEGIN // HOUR + hour: 1 for hour in range(28 * 24)}
    found = [set(measure(rows_of(minutes, ghosts), minutes, window).hours) for minutes in (traffic(seed, 28, until) for seed in range(10))]
    evenings = sum(hour % 24 in (20, 21, 22) for hours in found for hour in hours)
    assert evenings <= 8, "of 840: an hour that is thin by chance takes its neighbours along"


def test_an_attack_on_a_day_that_is_not_over_is_no_hole() -> None:
    until = BEGIN + 27 * DAY + 10 * HOUR
    window = Window(BEGIN, BEGIN + 26 * DAY, until, BEGIN + 26 * DAY, baseline=True)
    attack = until // HOUR - 1
    begun = [traffic(seed, 28, until) for seed in range(20)]
    excused = [any(hole[2] == attack for hole in measure(rows_of(minutes, {attack: 60}), minutes, window).holes) for minutes in begun]
    assert sum(excused) <= 1, "an hour may be thin by chance, the day is not"


def test_a_day_without_lines_is_one() -> None:
    until = BEGIN + 27 * DAY + 10 * HOUR
    window = Window(BEGIN, BEGIN + 25 * DAY, until, BEGIN + 25 * DAY, baseline=True)
    begun = BEGIN // HOUR + 26 * 24
    minutes = {minute: count for minute, count in traffic(1, 28, until).items() if not begun <= minute // 60 < begun + 24}
    ghosts = {begun + clock: usual for clock, usual in enumerate(BY_CLOCK)}
    found = measure(rows_of(minutes, ghosts), minutes, window)
    assert {hour for _, _, hour, _, _ in found.holes} >= set(ghosts)


def slow(seed: int) -> dict[int, int]:
    """A log of one line an hour by day, one in four hours by night."""
    chance = random.Random(seed)  # noqa: S311 - no secret is made of it
    hours = ((day * 24 + clock, 1.0 if 8 <= clock <= 20 else 0.25) for day in range(30) for clock in range(24))
    return {BEGIN // 60 + hour * 60 + chance.randrange(60): 1 for hour, usual in hours if chance.random() < usual}


def test_the_nights_of_a_quiet_log_are_no_holes() -> None:
    window = Window(BEGIN, BEGIN + 28 * DAY, BEGIN + 30 * DAY, BEGIN + 28 * DAY, baseline=True)
    for seed in range(10):
        minutes = slow(seed)
        assert not measure(rows_of(minutes, {}), minutes, window).hours


def test_writes_that_went_on_while_a_quiet_log_was_silent_are_ours() -> None:
    window = Window(BEGIN, BEGIN + 29 * DAY, BEGIN + 30 * DAY, BEGIN + 29 * DAY, baseline=True)
    lost = range(BEGIN // HOUR + 29 * 24 + 9, BEGIN // HOUR + 29 * 24 + 17)
    minutes = {minute: count for minute, count in slow(3).items() if minute // 60 not in lost}
    found = measure(rows_of(minutes, dict.fromkeys(lost, 1)), minutes, window)
    assert {hour for _, _, hour, _, _ in found.holes} >= set(lost)
    assert not found.enough


def test_a_short_window_is_measured_with_the_time_before_it() -> None:
    window = Window(BEGIN, BEGIN + 29 * DAY + 22 * HOUR, BEGIN + 30 * DAY, BEGIN + 29 * DAY + 22 * HOUR, baseline=True)
    whole = slow(4)
    kept = {minute: count for number, (minute, count) in enumerate(sorted(whole.items())) if number % 50}
    last = BEGIN // HOUR + 29 * 24 + 23
    for own, ghosts, enough in ((3, 0, True), (0, 3, False), (1, 3, False)):
        rows = [row for row in rows_of(kept, {}) if row[2] < last - 2] + [("refund", "none", last, own, ghosts)]
        rows += [("refund", "none", hour, 0, 1) for hour in sorted({minute // 60 for minute in set(whole) - set(kept)}) if hour < last - 2]
        assert measure(rows, kept, window).enough is enough, (own, ghosts)


def steady(until: int) -> dict[int, int]:
    """Ten days of two lines a minute."""
    return dict.fromkeys(range(BEGIN // 60, until // 60), 2)


def test_logs_that_lag_behind_hide_what_came_after_their_last_line_and_nothing_else() -> None:
    until = BEGIN + 10 * DAY + 10 * HOUR + 2400
    window = Window(BEGIN, BEGIN + 9 * DAY, until, BEGIN + 9 * DAY, baseline=True)
    last = until - 1200
    minutes = steady(last)
    found = measure(rows_of(minutes, {until // HOUR: 40}), minutes, window, (BEGIN, last))
    assert found.holes == [("refund", "none", until // HOUR, until // HOUR * HOUR, last)]
    stranger = ("payout", "none", until // HOUR, 0, 1)
    assert measure([*rows_of(minutes, {}), stranger], minutes, window, (BEGIN, last)).holes == [], "no service of ours does that"


def test_logs_of_four_days_that_lag_on_their_first_saturday() -> None:
    until = BEGIN + 2 * DAY + 9 * HOUR + 2400
    window = Window(BEGIN - 2 * DAY, until - DAY, until, until - DAY, baseline=True)
    last = until - 1500
    minutes = dict.fromkeys(range(window.since // 60, last // 60), 2)
    found = measure(rows_of(minutes, {until // HOUR: 30}), minutes, window, (window.since, last))
    assert found.holes == [("refund", "none", until // HOUR, until // HOUR * HOUR, last)]


def test_silence_at_the_end_of_a_quiet_log_excuses_nobody() -> None:
    until = BEGIN + 29 * DAY + 15 * HOUR + 3000
    window = Window(BEGIN, BEGIN + 28 * DAY, until, BEGIN + 28 * DAY, baseline=True)
    last = until - 2400
    minutes = {minute: count for minute, count in slow(5).items() if minute * 60 < last} | {last // 60: 1}
    found = measure(rows_of(minutes, {until // HOUR: 30}), minutes, window, (min(minutes) * 60, last))
    assert until // HOUR not in {hole[2] for hole in found.holes}


def test_what_came_before_the_first_line_of_its_hour_may_be_in_a_file_that_was_rotated_away() -> None:
    until = BEGIN + 10 * DAY
    window = Window(BEGIN, BEGIN + 9 * DAY, until, BEGIN + 9 * DAY, baseline=True)
    first = BEGIN + 9 * DAY + 5 * HOUR + 1800
    minutes = {minute: count for minute, count in steady(until).items() if minute * 60 >= first}
    found = measure(rows_of(minutes, {first // HOUR - 1: 20, first // HOUR: 10}), minutes, window, (first, until - 60))
    assert found.holes == [
        ("refund", "none", first // HOUR - 1, 0, -1),
        ("refund", "none", first // HOUR, first, first // HOUR * HOUR + HOUR),
    ]
