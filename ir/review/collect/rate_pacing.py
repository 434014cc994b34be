"""The account's production keeps its rate limit: our own requests go at a pace, and slower when it is busy."""

import threading
import time


class Pace:
    """At most so many requests a second, over all threads; slower after a 429."""

    def __init__(self, rate: float) -> None:
        self._least = self._gap = 1.0 / rate
        self._lock, self._next = threading.Lock(), 0.0

    def wait(self) -> None:
        """Until the next request may go."""
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next, now) + self._gap
            pause = self._next - self._gap - now
        if pause > 0:
            time.sleep(pause)

    def slower(self, pause: float = 1.0) -> None:
        """Someone needs the limit more than we do: nobody asks for `pause` seconds."""
        with self._lock:
            self._gap = min(self._gap * 1.5, 2.0)
            self._next = max(self._next, time.monotonic() + pause)

    def faster(self) -> None:
        """An answer came: slowly back to the rate that was allowed."""
        with self._lock:
            self._gap = max(self._gap * 0.97, self._least)


def pause(retry_after: str, attempt: int) -> float:
    """Seconds; what the server asks for, within reason, else 1, 2, 4."""
    return min(float(retry_after), 30.0) if retry_after.isdigit() else float(2**attempt)
