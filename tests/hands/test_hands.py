"""Twelve sessions of badly timed people; `make hands` runs hundreds, of any seed."""

import pytest

from tests.hands.session import run
from tests.programs import CHROMIUM

SEEDS = (2, 7, 10, 11, 14, 18, 19, 21, 25, 36, 9)
"""Of every story; the last one, of the red button, waits longest."""
BY_MOUSE = 28


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_a_person_does_no_key_is_seen_or_lost_and_no_service_is_left_behind(seed: int) -> None:
    ran = run(seed)
    assert not ran.faults, "\n".join((*ran.log, *ran.faults))


@CHROMIUM.needed
def test_a_session_whose_clicks_are_made_in_a_real_browser() -> None:
    ran = run(BY_MOUSE, by_mouse=True)
    assert not ran.faults, "\n".join((*ran.log, *ran.faults))
