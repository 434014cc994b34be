"""The log of every call that reached the twin: its key, its caller, its purpose, and its result."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """One call.

    Attributes:
        at: epoch seconds of the twin's clock.
        key_id: `mk_…`, "" when no known key was presented.
        status: HTTP status that was sent or meant; 0 when nothing was done.
        fate: "" or what went wrong on purpose.
    """

    at: float
    key_id: str
    account: str
    method: str
    path: str
    status: int
    request_id: str
    user_agent: str
    ip: str
    idempotency_key: str
    fate: str


class Uses:
    """The log; the newest `most` are kept, the count is of all. Safe from several threads."""

    def __init__(self, most: int) -> None:
        self._rows: deque[Use] = deque(maxlen=most)
        self._lock = threading.Lock()
        self.count = 0
        """How many there were."""

    def add(self, use: Use) -> None:
        """Append."""
        with self._lock:
            self._rows.append(use)
            self.count += 1

    def select(self, want: Callable[[Use], bool]) -> tuple[Use, ...]:
        """Those that `want` accepts, oldest first."""
        with self._lock:
            rows = list(self._rows)
        return tuple(use for use in rows if want(use))
