"""What `--policy auto` proposes: `exposed` only where nothing was seen and everything that could show it was read."""

import io

import pytest

from ir.cli.propose_policy import of
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen


@pytest.mark.parametrize(
    ("seen", "proposed"),
    [
        ({"verdict": "confirmed", "complete": True}, "exploited"),
        ({"verdict": "suspected", "complete": False}, "exploited"),
        ({"verdict": "none seen within coverage", "complete": True}, "exposed"),
        ({"verdict": "cannot tell", "complete": True}, "exposed"),  # reads cannot be told without request logs; writes were
        ({"verdict": "none seen within coverage", "complete": False}, ""),
        ({"verdict": "cannot tell", "complete": False}, ""),
        ({}, ""),
    ],
)
def test_what_the_evidence_proposes(seen: dict[str, object], proposed: str) -> None:
    assert of(seen) == proposed


@pytest.mark.parametrize(
    ("typed", "proposed", "chosen"),
    [("\n", "exposed", "exposed"), ("exploited\n", "exposed", "exploited"), ("\n\nscheduled\n", "", "scheduled")],
)
def test_a_human_chooses_and_an_empty_line_takes_only_what_was_proposed(
    monkeypatch: pytest.MonkeyPatch, typed: str, proposed: str, chosen: str
) -> None:
    terminal = Terminal(Screen(), name="ann", yes=False)
    terminal.interactive = True
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert terminal.choose("Which policy?", ("exposed", "exploited", "scheduled"), proposed=proposed) == chosen
