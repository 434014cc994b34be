"""Check the outcome of a drill from outside, without the run's report.

It asks the twin itself, many times a second, whether strangers can still use the leaked key, and looks at what every
process of the drill shows to others.
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from ir.drill.twin import Key, StripeTwin
from ir.drill.twin.permissions import allows

_EVERY = 0.05
_LOOK_AT_PROCESSES = 10
"""One look at the process table in so many rounds."""


class Witness:
    """Looks from `__enter__` to `__exit__`.

    Args:
        folder: only processes whose environment names it belong to the drill.

    Attributes:
        began: epoch seconds of the twin's clock, when the run starts.
        contained_at: since when strangers cannot use the key; None: they can.
        seen: every argument list and environment that a process of the drill showed.
    """

    def __init__(self, twin: StripeTwin, leaked: Key, folder: Path) -> None:
        self._twin, self._leaked, self._folder = twin, leaked, str(folder).encode()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="witness")
        self.began = twin.now
        self.contained_at: float | None = None
        self.seen: set[bytes] = set()

    def __enter__(self) -> Self:
        self.began = self._twin.now
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def contained(self) -> float | None:
        """Seconds from the start of the run until strangers could no longer use the leaked key; None: they still can."""
        return None if self.contained_at is None else max(0.0, self.contained_at - self.began)

    @property
    def dead(self) -> float | None:
        """Seconds from the start of the run to the first 401 that the twin gave to the leaked key; None: it never did."""
        refused = [use.at for use in self._twin.used(self._leaked) if use.status == 401]
        return max(0.0, refused[0] - self.began) if refused else None

    def _watch(self) -> None:
        rounds = 0
        while not self._stop.is_set():
            if self._usable():
                self.contained_at = None
            elif self.contained_at is None:
                self.contained_at = self._twin.now
            if rounds % _LOOK_AT_PROCESSES == 0:
                self._look_at_processes()
            rounds += 1
            self._stop.wait(_EVERY)

    def _usable(self) -> bool:
        """Whether a stranger, from an address that is not ours, can move money with it."""
        key, now = self._twin.key(self._leaked), self._twin.now
        return key.alive(now) and not key.ip_allowlist and allows(key.granted(now), "payment_intent_write")

    def _look_at_processes(self) -> None:
        for place in Path("/proc").glob("[0-9]*"):
            try:
                environment = (place / "environ").read_bytes()
                if self._folder in environment:
                    self.seen |= {environment, (place / "cmdline").read_bytes()}
            except OSError:
                continue
