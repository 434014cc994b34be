"""One service of a drill, as a process of its own: `python -m ir.drill.embedded.service`.

Reads its settings from the first line of standard input, its key from its store, and ends when standard input ends, so that
it never outlives the drill. Standard output: `{"port"}` when it is ready, `{"ok", "failed"}` at the end.

GET /healthz says by fingerprint which key it pays with; POST /reload, or SIGHUP, reads the store again.
"""

import json
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from ir.adapters.stores import STORES
from ir.core import process_life
from ir.core.errors import Missing, PortError
from ir.core.model import Json
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.embedded.payment_loop import KeyInHand, PaymentLoop
from ir.ports import Store

_EVERY = 0.1
"""Seconds between two looks at what the platform has put into the environment."""


@dataclass(frozen=True)
class ServiceSettings:
    """The settings of a service; none of them is secret.

    Attributes:
        store: reference of the place that its key is read from.
        base: folder that a relative reference is relative to.
        runtime: address that gives what its platform has put into its environment; "" = it reads its store itself.
        egress: path of its egress log.
        interval: seconds between payments.
    """

    name: str
    store: str
    base: str
    api: str
    egress: str
    interval: float
    seed: str
    runtime: str = ""

    def to_line(self) -> str:
        """For standard input."""
        return json.dumps(asdict(self)) + "\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, health: Callable[[], Json], reload: Callable[[], None]) -> None:
        self.health, self.reload = health, reload
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        found = self.path == "/healthz"
        self._answer(200 if found else 404, self.server.health() if found else {})

    def do_POST(self) -> None:
        if self.path != "/reload":
            self._answer(404, {})
            return
        try:
            self.server.reload()
        except PortError as error:
            self._answer(503, {"error": type(error).__name__})
        else:
            self._answer(200, self.server.health())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Quiet."""

    def _answer(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def read_key(store: Store) -> Secret:
    """The key that the store holds now. Raises PortError."""
    value = store.read().value
    if value is None:
        raise Missing(f"{store.ref} is empty")
    return value


def _store(settings: ServiceSettings) -> Store:
    ref = parse(settings.store)
    module, _, name = STORES[ref.scheme].partition(":")
    extra: dict[str, object] = {"base": Path(settings.base)} if ref.scheme == "dotenv" else {}
    made: Store = getattr(import_module(module), name)(ref, **extra)
    return made


def environment_of(address: str) -> Secret:
    """What a platform has put into a service's environment."""
    there = urlsplit(address)
    line = HTTPConnection(there.netloc, timeout=5.0)
    try:
        line.request("GET", there.path)
        return Secret(str(json.loads(line.getresponse().read())["value"]))
    finally:
        line.close()


def _follow(address: str, key: KeyInHand, stop: threading.Event) -> None:
    """A new deployment is a new process with another environment; here it is this one that goes on with it."""
    while not stop.wait(_EVERY):
        with suppress(OSError, HTTPException, ValueError, KeyError):
            found = environment_of(address)
            if found.fingerprint != key.fingerprint:
                key.swap(found)


def health(name: str, key: KeyInHand, loop: PaymentLoop) -> Json:
    """What `GET /healthz` tells."""
    return {"key_fingerprint": key.fingerprint, "lacks": loop.lacks, "instance": name, "ok": loop.ok, "failed": loop.failed}


def main() -> None:
    """Serve and pay until standard input ends."""
    ending = process_life.begin()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    settings = ServiceSettings(**json.loads(sys.stdin.readline()))
    look = partial(environment_of, settings.runtime) if settings.runtime else partial(read_key, _store(settings))
    key, stop = KeyInHand(look()), threading.Event()
    loop = PaymentLoop(settings.name, settings.api, key, Path(settings.egress), Random(settings.seed), settings.interval)  # noqa: S311 - repeatable

    def reload() -> None:
        key.swap(look())

    threading.Thread(target=_on_hang_up, args=(reload,), daemon=True).start()
    server = _Server(lambda: health(settings.name, key, loop), reload)
    if settings.runtime:
        threading.Thread(target=_follow, args=(settings.runtime, key, stop), daemon=True).start()
    paying = threading.Thread(target=loop.run, args=(stop,))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    paying.start()
    _say({"port": server.server_address[1]})
    sys.stdin.read()
    stop.set()
    paying.join()
    server.shutdown()
    server.server_close()
    _say({"ok": loop.ok, "failed": loop.failed})
    ending.code = 0


def _on_hang_up(reload: Callable[[], None]) -> None:
    """Waits for the signal itself: a handler runs in the main thread, which goes on sleeping when another thread gets the signal."""
    while True:
        signal.sigwait({signal.SIGHUP})
        try:
            reload()
        except PortError as error:
            sys.stderr.write(f"reload failed: {type(error).__name__}\n")


def _say(row: Json) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
