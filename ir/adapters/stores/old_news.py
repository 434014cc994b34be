"""Reads that are out of date: stores are replicated, and a replica may lag behind the one that took our write.

Such a read is neither a conflict nor a proof that something was undone. It is repeated for a while.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from ir.core.errors import Unknown

T = TypeVar("T")
PATIENCE = 15.0
"""Seconds that a replica may lag."""
SETTLE = 2.0
"""Seconds after which a process's first look is repeated when it finds nothing to do."""
_PAUSES = (0.05, 0.1, 0.2, 0.4)


_TOLD_AFTER = len(_PAUSES)
_tell: list[Callable[[str], None]] = [lambda _text: None]


def tell(say: Callable[[str], None]) -> None:
    """Set the function that is told, in a sentence, that a store is waited for."""
    _tell[0] = say


def settled(look: Callable[[], T], seems_done: Callable[[T], bool], *, knows: bool) -> T:
    """A look by a process that `knows` of no write yet: it may show the state before another process's write, so it is repeated."""
    found = look()
    if not knows and seems_done(found):
        time.sleep(SETTLE)
        found = look()
    return found


def awaited(look: Callable[[], T], is_old: Callable[[T], bool], what: str) -> T:
    """The result of `look` as soon as it is up to date.

    Raises:
        Unknown: it stays out of date. And every error of `look`.
    """
    until, number = time.monotonic() + PATIENCE, 0
    tell = _tell[0]
    while True:
        found = look()
        if not is_old(found):
            return found
        if time.monotonic() > until:
            raise Unknown(
                f"for {PATIENCE:g} s {what} has been read as it was before our own last write: a copy of the store is behind",
                next_step="ir resume looks again",
            )
        if number == _TOLD_AFTER:
            tell(f"{what}: a copy of the store is behind our own last write; waiting for it, at most {PATIENCE:g} s")
        time.sleep(_PAUSES[min(number, len(_PAUSES) - 1)])
        number += 1
