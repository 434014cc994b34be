"""A Stripe stand-in that is nobody's twin: a few lists, each with a fate of its own, in as little code as serves."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = tuple[int, Any]
"""HTTP status, and the body: JSON, or bytes as they are."""
Page = Callable[[str, list[dict[str, Any]], str], Reply]
"""A fate: path, the rows of the list, cursor → reply."""
HTML = b"<html><body>Not here</body></html>"


def honest(path: str, rows: list[dict[str, Any]], cursor: str) -> Reply:
    """Pages of three."""
    start = next((n + 1 for n, row in enumerate(rows) if row["id"] == cursor), 0)
    page, more = rows[start : start + 3], start + 3 < len(rows)
    if path.startswith("/v2/"):
        return 200, {"data": page, "next_page_url": f"{path}?page={page[-1]['id']}" if more else None}
    return 200, {"object": "list", "data": page, "has_more": more}


@dataclass
class ForeignStripe:
    """What it holds and how it answers.

    Attributes:
        rows: path → the list, newest first. fates: path → how it answers; `*` stands for all other paths.
    """

    base: str = ""
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fates: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, target: str) -> Reply:
        """One request."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.asked.append(target)
        rows = self.rows.get(path, [])
        after, before = int(query.get("created[gte]", ["0"])[0] if path == "/v1/events" else 0), int(query.get("created[lt]", ["0"])[0])
        if path == "/v1/events":
            rows = [row for row in rows if after <= row["created"] < before]
        cursor = (query.get("starting_after") or query.get("page") or [""])[0]
        return self.fates.get(path, self.fates.get("*", honest))(path, rows, cursor)


@contextmanager
def foreign_stripe() -> Iterator[ForeignStripe]:
    """It listens as long as the block lasts."""
    world = ForeignStripe()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is the base class's
            status, body = world.answer(self.path)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    world.base = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
