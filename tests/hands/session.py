"""One session, by seed: what the person is up to, with which hands, and what did not hold."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.hands.clicker import ByForms, ByMouse
from tests.hands.hand import Hand, Stuck
from tests.hands.invariants import Watch
from tests.hands.scene import Story, scene
from tests.worlds.browser import Browser


@dataclass(frozen=True)
class Ran:
    """How a session went.

    Attributes:
        log: what the person did; no key stands in it.
        faults: what did not hold; empty = all held.
    """

    seed: int
    story: Story
    by_mouse: bool
    seconds: float
    log: tuple[str, ...]
    faults: tuple[str, ...]


def run(seed: int, window: Browser | None = None) -> Ran:
    """One session; with a `window` its clicks go through that browser."""
    dice, began = Random(f"hands {seed}"), time.monotonic()  # noqa: S311 - repeatable, nothing secret
    story = dice.choice(list(Story))
    with (
        tempfile.TemporaryDirectory(prefix="ir-hands-", ignore_cleanup_errors=True) as folder,
        scene(Path(folder) / "w", story, seed) as made,
    ):
        watch = Watch(made)
        hand = Hand(made, ByMouse(made.page, window) if window is not None else ByForms(made.page), dice, watch)
        faults = []
        try:
            hand.run()
        except (Stuck, AssertionError) as stuck:
            faults.append(f"{type(stuck).__name__}: {stuck}"[:900])
        watch.at_the_end()
        return Ran(seed, story, window is not None, time.monotonic() - began, tuple(hand.log), (*faults, *watch.faults))
