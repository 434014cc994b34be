"""The common part of all stand-ins of hosts: JSON over HTTP on loopback, tokens, a log of every request, and its search for keys."""

import json
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from ir.drill.embedded import leak_search

TOKEN = "STRIPE_DRILL_HOST_TOKEN"  # noqa: S105 - the name of a variable
"""The variable in which a drill hands over the token of its stand-ins."""


@dataclass(frozen=True)
class Call:
    """One request; `path` is decoded, part by part."""

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    raw: bytes = field(repr=False)
    token: str = field(default="", repr=False)


class Refusal(Exception):
    """A refusal."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


class HostTwin(ABC):
    """Serves from `__enter__` to `__exit__`; one request at a time.

    Attributes:
        address: http://127.0.0.1:PORT.
        calls: every request so far.
        tokens: token → what it may do, in the host's own words; "*" is everything.
        lock: held while a request is answered.
    """

    name = "host"

    def __init__(self) -> None:
        self.address = ""
        self.calls: list[Call] = []
        self.tokens: dict[str, frozenset[str]] = {}
        self.lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None

    def runtime(self, name: str) -> str:
        """What the platform has put into the environment of a service; for drills, and no part of the host's API."""
        raise self.refused(404)

    @abstractmethod
    def answer(self, call: Call) -> tuple[int, Any]:
        """Status and JSON body (None: none). Raises Refusal."""

    @abstractmethod
    def carries(self, call: Call) -> bool:
        """Whether the body of that request may hold a key: the write of a secret, and nothing else."""

    def refused(self, status: int) -> Refusal:
        """The host's own words for a status."""
        return Refusal(status, {"error": {"code": str(status), "message": "refused"}})

    def told(self, keys: list[str]) -> list[str]:
        """Requests in which a key stands where none must: address, headers, or the body of what is no write of a secret."""
        found = []
        for call in list(self.calls):
            shown = json.dumps([call.method, call.path, call.query, call.headers]).encode()
            if leak_search.told(keys, shown) or (not self.carries(call) and leak_search.told(keys, call.raw)):
                found.append(f"{self.name}: {call.method} /{'/'.join(call.path[:4])}")
        return found

    def login(self, call: Call) -> frozenset[str]:
        """What the token may do. Raises Refusal 401."""
        if call.token not in self.tokens:
            raise self.refused(401)
        return self.tokens[call.token]

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: HostTwin) -> None:
        self.host = host
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """Quiet."""

    def _answered(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        there = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        token = headers.pop("authorization", "").removeprefix("Bearer ")
        query = {name: values[0] for name, values in parse_qs(there.query, keep_blank_values=True).items()}
        body: Any = None
        with suppress(ValueError):
            body = json.loads(raw) if raw else None
        call = Call(self.command, tuple(map(unquote, there.path.strip("/").split("/"))), query, headers, body, raw, token)
        with self.server.host.lock:
            if call.path[0] != "_runtime":
                self.server.host.calls.append(call)
            try:
                status, found = self._found(call)
                more: dict[str, str] = {}
            except Refusal as refusal:
                status, found, more = refusal.status, refusal.body, refusal.headers
        data = b"" if found is None else json.dumps(found).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **more}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(data)

    def _found(self, call: Call) -> tuple[int, Any]:
        if call.path[0] == "_runtime":
            return 200, {"value": self.server.host.runtime(call.path[1])}
        return self.server.host.answer(call)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answered  # noqa: N815 - the library's own names
