"""Networks that fail in the ways that matter: silence, and answers that are lost, torn, late, or not the server's at all."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_OF_THE_LINE = ("connection", "content-length", "transfer-encoding", "date", "server")


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


@dataclass(frozen=True)
class Bad:
    """How one exchange goes wrong.

    Attributes:
        times: how often the server gets the request; 0: it never does.
        instead: what the client gets; None: what the server said.
        part: how much of the body arrives; none of it and a cut line: not even a status.
        cut: the line is cut then; otherwise what arrives looks whole.
        late: seconds before anything arrives.
    """

    times: int = 1
    instead: Answer | None = None
    part: float = 1.0
    cut: bool = False
    late: float = 0.0


LOST = Bad(part=0.0, cut=True)
"""Done, then the line is cut without an answer."""


@contextmanager
def silence() -> Iterator[str]:
    """An address where connections are taken and nothing is ever said."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@dataclass
class Proxy:
    """Passes requests on to a server.

    Attributes:
        spoils: how the exchange of a request goes wrong; None: well.
        before: called before a request is passed on: the place for somebody else to be faster.
        seen: every request so far.
    """

    upstream: str
    spoils: Callable[[Request], Bad | None] = lambda _request: None
    before: Callable[[Request], None] = lambda _request: None
    seen: list[Request] = field(default_factory=list)
    address: str = ""


@contextmanager
def proxy(
    upstream: str, *, spoils: Callable[[Request], Bad | None] = lambda _r: None, before: Callable[[Request], None] = lambda _r: None
) -> Iterator[Proxy]:
    """A proxy in front of `upstream`; see `Proxy`."""
    made = Proxy(upstream, spoils, before)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy = made
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def asked(upstream: str, request: Request) -> Answer:
    """What the server answers."""
    there = urlsplit(upstream)
    connection = HTTPConnection(there.hostname or "", there.port, timeout=10.0)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        got = connection.getresponse()
        return Answer(got.status, got.read(), tuple((n, v) for n, v in got.getheaders() if n.lower() not in _OF_THE_LINE))
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    proxy: Proxy
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        self.server.proxy.seen.append(request)
        self.server.proxy.before(request)
        bad = self.server.proxy.spoils(request) or Bad()
        answer = None
        for _ in range(bad.times):
            answer = asked(self.server.proxy.upstream, request)
        time.sleep(bad.late)
        self._say(bad.instead or answer, bad)

    def _say(self, answer: Answer | None, bad: Bad) -> None:
        if answer is not None and not (bad.cut and not bad.part):
            data = answer.body[: int(len(answer.body) * bad.part)]
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body if bad.cut else data)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(data)
        if answer is None or bad.cut:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = _pass_on  # noqa: N815 - the library's own names
