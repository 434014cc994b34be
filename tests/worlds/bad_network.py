"""Networks that fail in the ways that matter: silence, and an answer that is lost after the deed was done."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


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
        loses: for which requests the server's answer is thrown away and the connection cut.
        before: called before a request is passed on: the place for somebody else to be faster.
        seen: every request so far.
    """

    upstream: str
    loses: Callable[[Request], bool] = lambda _request: False
    before: Callable[[Request], None] = lambda _request: None
    seen: list[Request] = field(default_factory=list)
    address: str = ""


@contextmanager
def proxy(
    upstream: str, *, loses: Callable[[Request], bool] = lambda _r: False, before: Callable[[Request], None] = lambda _r: None
) -> Iterator[Proxy]:
    """A proxy in front of `upstream`; see `Proxy`."""
    made = Proxy(upstream, loses, before)
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
        there = urlsplit(self.server.proxy.upstream)
        connection = HTTPConnection(there.hostname or "", there.port, timeout=10.0)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if self.server.proxy.loses(request):
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = _pass_on  # noqa: N815 - the library's own names
