"""A limit on the whole time of a call, which a socket's own time-out is not: that starts anew with each byte."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Watch:
    """Shuts down the socket that it holds when the time is up; whoever reads from it wakes to an end of file.

    Attributes:
        expired: the time was up while a call was still going on.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(0.0, seconds), self._ring)
        self._timer.daemon = True
        self._timer.name = "ir-http-watch"

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.cancel()
        self.release()

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

    def _ring(self) -> None:
        with self._lock:
            self.expired = True
            if self._socket is not None:
                _shut(self._socket)


def _shut(held: socket.socket) -> None:
    with suppress(OSError):
        # The plain socket's own method: that of a TLS socket would pull the session from under its reader.
        socket.socket.shutdown(held, socket.SHUT_RDWR)
