"""A server on loopback that does everything that a client must not trust: it drips, floods, redirects, breaks off, answers 500."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.worlds.loopback import Loopback, QuietHandler

FLOOD = 256 << 20
"""Bytes that it would send."""


class BadServer(Loopback):
    """Does to each request what `how` says.

    Attributes:
        how: `drip body`, `drip head`, `flood`, `redirect`, `break off` or `fail`.
        asked: requests that came.
        logins: their `Authorization` headers.
        sent: bytes of bodies.
        elsewhere: where a redirect leads.
    """

    def __init__(self, how: str, elsewhere: str = "") -> None:
        self.how, self.elsewhere = how, elsewhere
        self.asked, self.sent = 0, 0
        self.logins: list[str] = []
        self.over = False
        super().__init__(_Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(QuietHandler):
    server: BadServer

    def get(self) -> None:
        server = self.server
        server.asked += 1
        server.logins.append(self.headers.get("Authorization", ""))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.close_connection = True
        match server.how:
            case "drip head":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            case "drip body":
                self._drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
            case "flood":
                self._flood()
            case "redirect":
                self._answer(307, ("Location", f"{server.elsewhere}/taken"))
            case "fail":
                self._answer(500)

    post = get

    def _answer(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, head: bytes) -> None:
        try:
            self.wfile.write(head)
            while not self.server.over:
                self.wfile.write(b"a")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            return

    def _flood(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(FLOOD))
        self.end_headers()
        piece = b" " * (1 << 20)
        try:
            while self.server.sent < FLOOD and not self.server.over:
                self.wfile.write(piece)
                self.server.sent += len(piece)
        except OSError:
            return


@contextmanager
def bad_server(how: str, elsewhere: str = "") -> Iterator[BadServer]:
    """One of them, for as long as the context lasts."""
    with BadServer(how, elsewhere) as server:
        try:
            yield server
        finally:
            server.over = True
