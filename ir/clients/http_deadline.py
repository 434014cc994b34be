"""Limit the whole time of a call. A socket's own time-out does not: it starts again with each byte."""

import heapq
import socket
import threading
import time
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

_TICK = 0.2
"""Seconds between looks of the thread: waking it for each call would cost more than the call. After two looks without a call it ends."""


class CallDeadline:
    """Shuts down the socket that it holds when the time is up; the reader of that socket then gets an end of file.

    Attributes:
        expired: the time was up while a call was still going on.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._seconds, self._over = seconds, False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        _bell.set(time.monotonic() + self._seconds, self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over = True
        self.release()
        _bell.unset()

    def hold(self, held: socket.socket) -> None:
        """Shut this socket down when the time is up."""
        with self._lock:
            self._socket = held
            if self.expired:
                _shut(held)

    def release(self) -> None:
        """Let go of the socket before it is closed and its number is used for another."""
        with self._lock:
            self._socket = None

    def ring(self) -> None:
        """The time is up. After the end of the call, this does nothing."""
        with self._lock:
            if self._over:
                return
            self.expired = True
            if self._socket is not None:
                _shut(self._socket)


class _Bell:
    """Rings every deadline whose time is up: one thread for all calls of the process, which ends soon after the last of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next: list[tuple[float, int, CallDeadline]] = []
        self._numbers = count()
        self._going_on = 0
        self._thread: threading.Thread | None = None
        self._wakes = 0.0

    def set(self, at: float, watch: CallDeadline) -> None:
        """Ring at this `time.monotonic()`."""
        with self._changed:
            self._going_on += 1
            heapq.heappush(self._next, (at, next(self._numbers), watch))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="ir-http-watch")
                self._thread.start()
            elif at < self._wakes:
                self._changed.notify()

    def unset(self) -> None:
        """One call has ended. Its deadline is forgotten when no call goes on, or when its time comes."""
        with self._changed:
            self._going_on -= 1
            if not self._going_on:
                self._next.clear()

    def _run(self) -> None:
        while watch := self._due():
            watch.ring()

    def _due(self) -> CallDeadline | None:
        """The next deadline, when its time has come; None when there has been none for a while, and the thread is to end."""
        idle = False
        with self._changed:
            while True:
                now = time.monotonic()
                if self._next and self._next[0][0] <= now:
                    return heapq.heappop(self._next)[2]
                if idle and not self._going_on:
                    self._thread = None
                    return None
                idle = not self._going_on
                self._wakes = min([now + _TICK, *(row[0] for row in self._next[:1])])
                self._changed.wait(self._wakes - now)


_bell = _Bell()


def _shut(held: socket.socket) -> None:
    with suppress(OSError):
        # the plain socket's own method: that of a TLS socket would pull the session from under its reader
        socket.socket.shutdown(held, socket.SHUT_RDWR)
