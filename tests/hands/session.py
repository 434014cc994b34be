"""One session, by seed: what the person is up to, with which hands, and what did not hold."""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.hands.clicker import ByForms, ByMouse, Clicker
from tests.hands.hand import Hand
from tests.hands.invariants import Watch
from tests.hands.scene import Story, scene
from tests.worlds.browser import browser

_LONGEST = 900
"""Characters of what is said of a session that came to no end."""


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


def run_one(asked: tuple[int, bool]) -> Ran:
    """`run`, for a pool: the seed, and whether it goes through a browser."""
    return run(asked[0], by_mouse=asked[1])


def run(seed: int, *, by_mouse: bool = False) -> Ran:
    """One session; its clicks go through a browser or through the same forms."""
    dice, began = Random(f"hands {seed}"), time.monotonic()  # noqa: S311 - repeatable, nothing secret
    story = dice.choice(list(Story))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ir-hands-", ignore_cleanup_errors=True))
        made = stack.enter_context(scene(Path(folder) / "w", story, seed))
        clicker: Clicker = ByMouse(made.page, stack.enter_context(browser())) if by_mouse else ByForms(made.page)
        watch = Watch(made)
        hand, stuck = Hand(made, clicker, dice, watch), list[str]()
        try:
            hand.run()
        except AssertionError as what:
            stuck.append(f"{type(what).__name__}: {what}"[:_LONGEST])
        watch.at_the_end()
        return Ran(seed, story, by_mouse, time.monotonic() - began, tuple(hand.log), (*stuck, *watch.faults))
