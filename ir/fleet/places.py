"""Limit how many incidents work at once in one process. One that only waits for a time gives its place to others.

Incidents that come back from a wait take their place before anything new is begun.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 64
"""Incidents that one process has under way, waiting ones included: each is a thread, and the world of one key."""


class Places:
    """See above."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._working: set[str] = set()
        self._resting: set[str] = set()
        self._back = 0
        self._changed = threading.Condition()

    @property
    def free(self) -> bool:
        """Whether something new may take a place."""
        with self._changed:
            return len(self._working) + self._back < self.count and len(self._working) + self._back + len(self._resting) < MOST

    @property
    def room(self) -> bool:
        """Whether one that has waited finds a place."""
        with self._changed:
            return len(self._working) < self.count

    @property
    def blocked(self) -> int:
        """Incidents that have waited, and wait for a place."""
        return self._back

    def take(self, incident: str) -> None:
        """Take a place, free or not: the caller has looked (`free`)."""
        with self._changed:
            self._working.add(incident)

    def leave(self, incident: str) -> None:
        """Give the place up: it is not under way any more."""
        with self._changed:
            self._working.discard(incident)
            self._resting.discard(incident)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether every incident waits."""
        with self._changed:
            return not self._working and not self._back

    @contextmanager
    def resting(self, incident: str) -> Iterator[None]:
        """Give the place away for as long as this lasts; returns when there is one again."""
        with self._changed:
            self._working.discard(incident)
            self._resting.add(incident)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._resting.discard(incident)
                self._back += 1
                self._changed.wait_for(lambda: len(self._working) < self.count)
                self._back -= 1
                self._working.add(incident)
