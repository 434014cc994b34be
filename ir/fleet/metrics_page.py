"""`/healthz` and `/metrics` of a worker: two read-only pages over HTTP, on loopback unless others are allowed to ask."""

import ipaddress
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from ir.core.errors import UsageError
from ir.fleet.metrics import Metrics

_PATIENCE = 10.0
"""Seconds that a client may take."""


def address(text: str, *, beyond: bool) -> tuple[str, int]:
    """`127.0.0.1:9464`, `[::1]:9464` → host and port.

    Raises:
        UsageError: it is not an address, or not on loopback without permission for that.
    """
    host, colon, port = text.rpartition(":")
    try:
        found, number = ipaddress.ip_address(host.strip("[]")), int(port)
        if not colon or not 0 <= number < 65536:
            raise ValueError
    except ValueError:
        raise UsageError(f"--listen {text[:60]}: not an address", next_step="--listen 127.0.0.1:9464") from None
    if not found.is_loopback and not beyond:
        what = f"--listen {text}: anyone who reaches this address could read how many keys are due, and why the worker stands still"
        raise UsageError(what, next_step="--listen 127.0.0.1:PORT; or say it: --listen-beyond-loopback")
    return str(found), number


class _Page(BaseHTTPRequestHandler):
    server: "Server"
    timeout = _PATIENCE
    server_version, sys_version = "ir", ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        return

    def do_GET(self) -> None:
        """Answer one of the two pages."""
        if self.path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, self.server.metrics.page())
        elif self.path == "/healthz":
            why = self.server.metrics.healthy()
            self._answer(503 if why else 200, "application/json", json.dumps({"healthy": not why, "said": why}).encode())
        else:
            self._answer(404, "text/plain", b"there is /healthz and /metrics\n")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Serves from a thread of its own, until the process ends."""

    daemon_threads = True

    def __init__(self, host: str, port: int, metrics: Metrics) -> None:
        self.metrics = metrics
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Page)
        except OSError as error:
            raise UsageError(f"--listen {host}:{port}: {error.strerror}", next_step="another port") from None
        threading.Thread(target=self.serve_forever, daemon=True, name="ir-metrics").start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away; nothing is printed."""
