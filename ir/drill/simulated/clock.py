"""Simulated time: it passes only during a sleep, and the clock on the wall may be set at any time."""

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class SimClock:
    """Sleeping is what makes time pass; `jump` moves only what the clock on the wall shows."""

    def __init__(self) -> None:
        self._elapsed, self._jumped = 0.0, 0.0
        self._lock = threading.Lock()

    @property
    def time(self) -> datetime:
        """What has really passed since the start; keys die by it."""
        return START + timedelta(seconds=self._elapsed)

    def now(self) -> datetime:
        """See `ports.Clock`."""
        return START + timedelta(seconds=self._elapsed + self._jumped)

    def elapsed(self) -> float:
        """See `ports.Clock`."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """See `ports.Clock`."""
        with self._lock:
            self._elapsed += max(seconds, 0.001)

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock forward, or (negative) back."""
        self._jumped += seconds
