"""The pace of a night: one worker, the waits as shipped, in simulated time. See `tests.campaign.night`, which is the world of it."""

import tempfile
from pathlib import Path

from ir.fleet.campaign import ChildState
from tests.campaign.night import CALL, Night

SHARE, EACH = 1.5, 10.0
"""Of one key's own time, and seconds for each key: at most."""


def paced(keys: int) -> list[tuple[bool, str]]:
    """One key alone, then that many, each with its grace of a day left out: whether what must hold does, and what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        one, many = Night(1, Path(folder) / "one"), Night(keys, Path(folder) / "many")
        one.run()
        ended = many.run()
    done = sum(child.state is ChildState.DONE for child in ended)
    most = SHARE * one.took + EACH * keys
    at = f"shipped waits, {CALL:g} s a call, one worker, the grace of 24 h left out"
    return [
        (done == many.moved == keys, f"{keys} keys, {at}: {done} done, {many.moved} with one living key that store and service hold"),
        (many.took <= most, f"{keys} keys: {many.took / 60:.1f} min; one key alone {one.took / 60:.1f} min (at most {most / 60:.1f} min)"),
    ]
