"""What the small servers of the tests have in common: they listen on loopback, run beside the test and print nothing."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Loopback(ThreadingHTTPServer):
    """A server that runs while its context lasts.

    Args:
        handler: answers a request; finds what it needs as attributes of `self.server`.
        address: where to listen; port 0 takes a free one.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: "type[QuietHandler]", address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None, trace: TracebackType | None = None
    ) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on purpose here; that is no news."""


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open as real services do, and writes no access log."""

    protocol_version = "HTTP/1.1"

    def get(self) -> None:
        """Answer a GET."""
        self.send_error(405)

    def post(self) -> None:
        """Answer a POST."""
        self.send_error(405)

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Nothing is printed."""
