"""Ports that ask before they write.

This one place keeps a dry run from changing anything, and keeps a process that has lost its lease from acting twice.
"""

import threading
from collections.abc import Callable
from typing import Any

from ir.core.errors import Refused

Ask = Callable[[], None]
"""Called before every write; raises, or ends the process, when the write must not happen."""

STORE_WRITES = ("stage", "promote", "undo", "discard", "drop", "keep", "prove_write")
ISSUER_WRITES = ("mint", "retire", "contain", "release", "remove", "widen")
DELIVERY_WRITES = ("replay",)
RELOADER_WRITES = ("reload",)


class Shared:
    """Puts one question for many threads that ask at the same time: its answer counts for all that asked before it was put."""

    def __init__(self, ask: Ask) -> None:
        self._ask, self._lock = ask, threading.Lock()
        self._put = self._answered = 0

    def __call__(self) -> None:
        """Ask; raises what the question raises."""
        before = self._put
        with self._lock:
            if self._answered > before:
                return
            self._put += 1
            self._ask()
            self._answered = self._put


class Guarded:
    """A port whose named methods ask first; every other call passes through."""

    def __init__(self, port: object, writes: tuple[str, ...], ask: Ask) -> None:
        self._port, self._writes, self._ask = port, writes, ask

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._writes:
            return found

        def asked(*args: object, **kwargs: object) -> object:
            self._ask()
            return found(*args, **kwargs)

        return asked


def read_only() -> None:
    """The question of a dry run: the answer is always no."""
    raise Refused("a dry run changes nothing; this write was stopped")
