"""The line to a PostgreSQL: it can be cut, so that nothing answers there, and mended."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Wire:
    """Listens on loopback and passes bytes on to a server's socket.

    Attributes:
        server: path of its Unix socket.
        database: name of the database that `address` leads to.
        cuts: how often it was cut.
    """

    server: str
    database: str
    port: int = 0
    cuts: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _listener: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """For `IR_DATABASE_URL`."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{self.database}"

    def mend(self) -> None:
        """Take connections, from now on; free to repeat."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
                self.port = self._listener.getsockname()[1]
                threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        with self._lock:
            self.cuts += 1
            listener, self._listener, broken = self._listener, None, list(self._open)
            self._open.clear()
        for one in [*broken, *([listener] if listener else [])]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _take(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.server)
            with self._lock:
                cut = self._listener is not listener
                self._open |= set() if cut else {near, far}
            if cut:
                near.close()
                far.close()
                continue
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        with self._lock:
            self._open -= {one, other}
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def wire(address: str) -> Iterator[Wire]:
    """A whole line to the database of an address (`Postgres.database`)."""
    parts = urlsplit(address)
    folder = unquote(parse_qs(parts.query)["host"][0])
    made = Wire(f"{folder}/.s.PGSQL.5432", parts.path.lstrip("/"))
    made.mend()
    try:
        yield made
    finally:
        made.cut()
