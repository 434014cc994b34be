"""A service that takes Stripe's deliveries on loopback, and its traffic in a drill: events, retries, a forger.

It checks signatures as Stripe documents it (time, HMAC, five minutes), remembers every id, and takes up its secret from an env file.
"""

import hashlib
import hmac
import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from ir.drill.twin import StripeTwin

_TOLERANCE = 300


def signature(body: bytes, secret: str, at: int) -> str:
    """The header that Stripe would send with it."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


@dataclass
class Receiver:
    """Use as a context manager. Attributes: away: it refuses everything, as while it is deployed. taken: ids of events that it took."""

    env: Path
    away: bool = False
    taken: set[str] = field(default_factory=set)
    _secret: str = ""

    def __enter__(self) -> Self:
        self.reload()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="receiver").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def stored(self) -> str:
        """What the env file holds."""
        return self.env.read_text(encoding="utf-8").split("HOOK=")[1].split()[0]

    def reload(self) -> None:
        """Take up what is stored."""
        self._secret = self.stored

    def take(self, body: bytes, header: str) -> int:
        """The status that a delivery is answered with."""
        parts = [part.partition("=")[::2] for part in header.split(",")]
        at = next((int(value) for name, value in parts if name == "t" and value.isdigit()), 0)
        right = signature(body, self._secret, at).partition("v1=")[2]
        fits = any(name == "v1" and hmac.compare_digest(value, right) for name, value in parts)
        if self.away or not fits or abs(time.time() - at) > _TOLERANCE:
            return 400
        self.taken.add(str(json.loads(body)["id"]))
        return 200

    def send(self, event: str, secret: str) -> bool:
        """What somebody sends who has a secret: whether it is believed."""
        body = json.dumps({"id": event, "object": "event", "type": "charge.succeeded", "data": {"object": {}}}).encode()
        line = http.client.HTTPConnection("127.0.0.1", int(self._server.server_address[1]), timeout=5)
        try:
            line.request("POST", "/hook", body, {"Stripe-Signature": signature(body, secret, int(time.time()))})
            return line.getresponse().status < 300
        finally:
            line.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._answer(200, json.dumps({"processed": sorted(self.server.receiver.taken)}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/reload":
            self.server.receiver.reload()
            self._answer(200, b"")
        else:
            self._answer(self.server.receiver.take(body, self.headers.get("Stripe-Signature", "")), b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Traffic:
    """Events that happen all the time while its context lasts, and every delivery that is due.

    Attributes:
        connected: the connected account that they come from, "" = our own. silent: none happens, deliveries go on. sent: their ids.
    """

    twin: StripeTwin
    connected: str = ""
    silent: bool = False
    sent: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True, name="traffic")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(30)

    def happen(self) -> str:
        """One event; returns its id."""
        event = self.twin.plant_event("charge.succeeded", {"object": "charge", "id": "ch_1"}, connected=self.connected)
        self.sent.append(str(event["id"]))
        return self.sent[-1]

    def _run(self) -> None:
        while not self._over.wait(0.2):
            if not self.silent:
                self.happen()
            self.twin.deliver()
