"""Share Stripe's rate limits: many incidents of one account, and its production, ask at the same time.

Every worker gets an equal share of what all may use together, and learns their number with its own heartbeat. So a call needs no
agreement with the others. A process that runs no campaign is not slowed: one incident is far below any limit.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ir.core.model import Mode

USED = 0.8
"""Share of the published limits that all workers use together; the rest is production's."""
LIMITS = {Mode.LIVE: 100.0, Mode.TEST: 25.0}
ENDPOINT = 25.0
"""Requests per second, as published: to one account in one mode, and to one endpoint of it."""
_ENDPOINT = re.compile(r"(?:/[a-z0-9_]+){2,3}")


@dataclass
class Bucket:
    """Holds one second's worth of calls, and is filled again as time passes."""

    level: float
    since: float

    def take(self, rate: float, now: float) -> float:
        """Take one; returns the seconds to wait before it may be used."""
        self.level = min(rate, self.level + (now - self.since) * rate) - 1
        self.since = now
        return max(0.0, -self.level / rate)


@dataclass
class Budget:
    """The share of this process.

    Attributes:
        workers: processes that share the limits, this one included; 0: nothing is held back.
    """

    workers: int = 0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[tuple[str, ...], Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pace(self, account: str, mode: Mode) -> Callable[[str], None]:
        """Called with the path before each call to an account; returns when the call may be made."""

        def wait(path: str) -> None:
            if self.workers:
                endpoint = _ENDPOINT.match(path)
                named = (account, mode.value, endpoint.group() if endpoint else path)
                pause = max(self._take(named[:2], LIMITS[mode]), self._take(named, ENDPOINT))
                if pause:
                    self.sleep(pause)

        return wait

    def _take(self, name: tuple[str, ...], limit: float) -> float:
        rate = limit * USED / self.workers
        with self._lock:
            now = self.clock()
            return self._buckets.setdefault(name, Bucket(rate, now)).take(rate, now)
