"""A webhook receiver on loopback that keeps what it was sent, and the ways in which real ones misbehave."""

import json
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.worlds.loopback import Loopback, QuietHandler


@dataclass
class Receiver:
    """Use as a context manager.

    Attributes:
        got: bodies as they came.
        status: what it answers; silent: seconds before it does.
    """

    status: int = 200
    silent: float = 0.0
    got: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = _Server(_Handler)
        self._server.receiver = self
        self._server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.__exit__()

    @property
    def url(self) -> str:
        """As apprise wants it; its path is a secret as with Slack or Teams."""
        return f"json://127.0.0.1:{self._server.server_address[1]}/T0KEN-of-the-receiver"

    @property
    def http(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Server(Loopback):
    receiver: Receiver


class _Handler(QuietHandler):
    server: _Server

    def post(self) -> None:
        receiver = self.server.receiver
        body = _parsed(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(receiver.silent)
        if receiver.status < 300:
            receiver.got.append(body)
        self.send_response(receiver.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _parsed(body: bytes) -> dict[str, Any]:
    """JSON, or a form."""
    try:
        found: dict[str, Any] = json.loads(body)
    except ValueError:
        found = dict(parse_qsl(body.decode()))
    return found
