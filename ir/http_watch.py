"""A limit on the whole time of a call, which a socket's own time-out is not: that starts anew with each byte."""

import heapq
import socket
import threading
import time
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self

_LINGERS = 0.2
"""Seconds that the thread waits for another call before it ends."""


class Watch:
    """Shuts down the socket that it holds when the time is up; whoever reads from it wakes to an end of file.

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
        """Watch this socket from now on."""
        with self._lock:
            self._socket = held
            if self.expired:
                _shut(held)

    def release(self) -> None:
        """Let go, before the socket is closed and its number given to another."""
        with self._lock:
            self._socket = None

    def ring(self) -> None:
        """The time is up; nothing happens when the call has ended."""
        with self._lock:
            if self._over:
                return
            self.expired = True
            if self._socket is not None:
                _shut(self._socket)


class _Bell:
    """Rings watches when their time is up: one thread for all calls of the process; it ends soon after the last of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next: list[tuple[float, int, Watch]] = []
        self._numbers = count()
        self._going_on = 0
        self._thread: threading.Thread | None = None

    def set(self, at: float, watch: Watch) -> None:
        """Ring at this `time.monotonic()`."""
        with self._changed:
            self._going_on += 1
            heapq.heappush(self._next, (at, next(self._numbers), watch))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="ir-http-watch")
                self._thread.start()
            elif self._next[0][2] is watch:
                self._changed.notify()

    def unset(self) -> None:
        """One call has ended; its watch is forgotten when no call goes on, or when its time comes."""
        with self._changed:
            self._going_on -= 1
            if not self._going_on:
                self._next.clear()
                self._changed.notify()

    def _run(self) -> None:
        while watch := self._due():
            watch.ring()

    def _due(self) -> Watch | None:
        """The next watch, when its time has come; None when there has been none for a while, and the thread is to end."""
        with self._changed:
            while True:
                if not self._going_on and not self._changed.wait_for(lambda: self._going_on, _LINGERS):
                    self._thread = None
                    return None
                left = self._next[0][0] - time.monotonic() if self._next else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._next)[2]
                self._changed.wait(left)


_bell = _Bell()


def _shut(held: socket.socket) -> None:
    with suppress(OSError):
        # The plain socket's own method: that of a TLS socket would pull the session from under its reader.
        socket.socket.shutdown(held, socket.SHUT_RDWR)
