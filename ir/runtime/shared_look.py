"""A look that many share: each question gets one that began after it, and looks are far enough apart to stay cheap.

While other incidents work, more of them will soon ask, so a look waits for them. When all of them wait, it is taken early.
"""

import threading
import time
from collections.abc import Callable

from ir.runtime.look_around import WITHIN, Seen

_SHARE = 9.0
"""Between two looks passes this many times as long as the last one took."""
_GROWTH, _MOST = 1.0, 60.0
"""And this share of the time since the first one, up to so many seconds: the number of looks does not grow with that of the keys."""
_EARLY = 0.1
"""The same share when every incident of the process waits."""
Wait = Callable[[float, float], bool]
"""Waits so many seconds, at least the second number of them once every incident waits; False: it ended before the first were over."""


class SharedLook:
    """Of one process.

    Args:
        take: looks.
        clock: seconds, as `time.monotonic`.
    """

    def __init__(self, take: Callable[[], Seen], clock: Callable[[], float] = time.monotonic) -> None:
        self._take, self._clock, self._change = take, clock, threading.Condition()
        self._looking = False
        self._first = self._began = self._next = self._early = 0.0
        self._seen: Seen | None = None

    def last(self) -> Seen | None:
        """The newest one, if there is any."""
        return self._seen

    def fresh(self, wait: Wait) -> Seen:
        """One that began after this question, and a moment ago at most. A wait that ends before its time looks at once."""
        asked, patient = self._clock(), True
        while True:
            with self._change:
                while self._looking:
                    self._change.wait()
                now = self._clock()
                if self._seen is not None and self._began >= asked and now - self._began <= WITHIN:
                    return self._seen
                pause = self._next - now
                if pause <= 0 or not patient:
                    self._looking = True
                    break
            patient = wait(pause, self._early - now)
        return self._look()

    def _look(self) -> Seen:
        began, seen = self._clock(), None
        try:
            seen = self._take()
            return seen
        finally:
            with self._change:
                self._looking, now = False, self._clock()
                self._first = self._first or began
                self._next, self._early = (
                    now + max(_SHARE * (now - began), min(share * (now - self._first), _MOST)) for share in (_GROWTH, _EARLY)
                )
                if seen is not None:
                    self._seen, self._began = seen, began
                self._change.notify_all()
