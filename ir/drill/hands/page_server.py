"""HTTP for the page of a rehearsal: on loopback, for one person's browser, cached nowhere."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from ir.drill.hands import keys_page
from ir.drill.hands.door import Door
from ir.drill.hands.keys_page import Answer, KeysPage

_MOST_BODY = 32 * 1024
_MOST_FIELDS = 200
_PATIENCE = 15.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # `no-referrer` would make browsers hide where a form comes from
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STRANGER = "This browser was not invited, or its invitation was used already. Type `page` where the rehearsal runs for a new address."
_ELSEWHERE = "This was not sent by the page of this rehearsal. Nothing was done."


class PageServer(ThreadingHTTPServer):
    """Listens on a port of its own choice from `__enter__` to `__exit__`.

    Args:
        make: the page, given what marks a new form.

    Attributes:
        door: who may come in.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, make: Callable[[Callable[[], str]], KeysPage]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.door = Door(self.server_port)
        self.page = make(self.door.form)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="keys page").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None, trace: TracebackType | None = None
    ) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers hang up as they like; a traceback could hold a form."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "rehearsal", ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        door, there = self.server.door, urlsplit(self.path)
        if not door.rightly_named(self._header):
            self._send(Answer(403, keys_page.turned_away(_ELSEWHERE)))
        elif there.path == "/style.css":
            self._send(Answer(200, keys_page.style(), "text/css; charset=utf-8"))
        elif there.path == "/" and door.admits(dict(parse_qsl(there.query)).get("invitation", "")):
            self._send(Answer(200, keys_page.welcome()), {"Set-Cookie": f"{door.cookie}={door.pass_}; Path=/; HttpOnly; SameSite=Strict"})
        elif not door.knows(self._header):
            self._send(Answer(403, keys_page.turned_away(_STRANGER)))
        elif there.path == "/":
            self._send(Answer(303, location=keys_page.LIST))
        elif there.path == "/invitation":
            self._send(Answer(200, door.invite(), "text/plain; charset=utf-8"))
        else:
            self._send(self.server.page.get(there.path, as_json=self._as_json))

    def do_POST(self) -> None:
        door = self.server.door
        fields = self._fields()
        if fields is None:
            self.close_connection = True
            self._send(Answer(413, keys_page.turned_away("This is no form of this page.")))
        elif not (door.rightly_named(self._header) and door.from_here(self._header)):
            self._send(Answer(403, keys_page.turned_away(_ELSEWHERE)))
        elif not door.knows(self._header):
            self._send(Answer(403, keys_page.turned_away(_STRANGER)))
        elif not door.takes(fields):
            self._send(self.server.page.sent_before(as_json=self._as_json))
        else:
            self._send(self.server.page.post(urlsplit(self.path).path, fields, as_json=self._as_json))

    @property
    def _as_json(self) -> bool:
        return self._header("Accept") == "application/json"

    def _header(self, name: str) -> str:
        """Empty when there is none; a header that is given twice counts as none."""
        found = self.headers.get_all(name, [])
        return str(found[0]) if len(found) == 1 else ""

    def _fields(self) -> dict[str, str] | None:
        """What the form holds; None: it is too long, or no form."""
        length = self._header("Content-Length")
        if not length.isdecimal() or int(length) > _MOST_BODY or self.headers.get("Transfer-Encoding"):
            return None
        data = self.rfile.read(int(length))
        if self._header("Content-Type").partition(";")[0] != "application/x-www-form-urlencoded":
            return None
        try:
            return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
        except ValueError:
            return None

    def _send(self, answer: Answer, more: dict[str, str] | None = None) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.kind, "Content-Length": str(len(data)), **_HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        if answer.location:
            self.send_header("Location", answer.location)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing is logged: addresses hold invitations."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Without the library's own page, which repeats what was asked for."""
        self.close_connection = True
        self._send(Answer(code, "rehearsal: this request cannot be answered", "text/plain; charset=utf-8"))
