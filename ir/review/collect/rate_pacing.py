"""Pace our own requests, so that the account's production keeps its rate limit; slower when the account is busy.

After a rest a second's worth of them may go at once, so within one second never more than twice the rate.
"""

import threading
import time
from collections.abc import Callable

_BURST = 1.0
"""Seconds' worth of requests that may go at once after a rest."""


class Pace:
    """A limit of requests a second, over all threads; lower after a 429.

    Args:
        rate: requests a second in the long run.
        clock: seconds that only grow.
        sleep: waits for seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._least = self._gap = 1.0 / rate
        self._clock, self._sleep = clock, sleep
        self._lock, self._next = threading.Lock(), 0.0

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        with self._lock:
            now = self._clock()
            due = max(self._next, now - _BURST)
            self._next = due + self._gap
        if due > now:
            self._sleep(due - now)

    def slower(self, pause: float = 1.0) -> None:
        """Slow down, since production needs the limit more: no thread asks for `pause` seconds."""
        with self._lock:
            self._gap = min(self._gap * 1.5, 2.0)
            self._next = max(self._next, self._clock() + pause)

    def faster(self) -> None:
        """An answer came: go slowly back to the allowed rate."""
        with self._lock:
            self._gap = max(self._gap * 0.97, self._least)


def pause(retry_after: str, attempt: int) -> float:
    """Seconds to pause: what the server asks for, within reason, else 1, 2, 4."""
    return min(float(retry_after), 30.0) if retry_after.isdigit() else float(2**attempt)
