"""A store that remembers what it was last read to hold, so that its other fields are compared without another read."""

import time
from typing import Any

from ir.ports import Held, Store

RECENT = 5.0
"""Seconds in which a read that was handed over stands for the next one."""


class Noted:
    """A store that remembers the other fields of the object that it last read; everything else passes through."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: Held | None = None
        self._read_at = self._handed_until = 0.0

    def hand_over(self) -> "Noted":
        """The next read may be the last one, if that is at most `RECENT` seconds old: who made it looked for the one that comes next."""
        self._handed_until = self._read_at + RECENT
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self) -> Held:
        """See `ports.Store`."""
        handed, self._handed_until = self._handed_until, 0.0
        if self._last is not None and time.monotonic() < handed:
            return self._last
        self._last, self._read_at = None, time.monotonic()
        self._last = self._store.read()
        return self._last

    def taken(self) -> Held | None:
        """The content of the last read, handed out once; None: the read failed, or was handed out already."""
        found, self._last = self._last, None
        return found
