"""Reads that are older than what we know: stores are copied, and a copy may be behind the one that took our write.

Such a read says nothing: it is no conflict, and no proof that something was undone. It is made again, for a while.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from ir.core.errors import Unknown

T = TypeVar("T")
PATIENCE = 15.0
"""Seconds that a copy may be behind."""
_PAUSES = (0.05, 0.1, 0.2, 0.4)


def awaited(look: Callable[[], T], is_old: Callable[[T], bool], what: str) -> T:
    """What `look` finds as soon as it is not old.

    Raises:
        Unknown: it stays so. Whatever `look` raises.
    """
    until, number = time.monotonic() + PATIENCE, 0
    while True:
        found = look()
        if not is_old(found):
            return found
        if time.monotonic() > until:
            raise Unknown(
                f"for {PATIENCE:g} s {what} has been read as it was before our own last write: a copy of the store is behind",
                next_step="ir resume looks again",
            )
        time.sleep(_PAUSES[min(number, len(_PAUSES) - 1)])
        number += 1
