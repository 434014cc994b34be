"""A service that takes Stripe's deliveries on loopback and checks signatures with Stripe's own library."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import stripe

from ir.core.model import Json
from tests.worlds.loopback import Loopback, QuietHandler


@dataclass
class WebhookService:
    """Reads its secret from an env file when it starts and on `POST /reload`; use as a context manager.

    Attributes:
        secrets: what it accepts now.
        keeps_former: a reload keeps the former secret beside the new one.
        stuck: a reload changes nothing.
        careless: it does not check signatures.
        refuses_with: status for a bad signature.
        tolerance: seconds of age of a signature; None: any. once: it answers 409 to an event that it knows.
        events: what it accepted; refused: how many it did not.
        never: ids of events that it refuses whatever signs them.
        meanwhile: called before each delivery is looked at.
    """

    env: Path
    secrets: list[str] = field(default_factory=list)
    keeps_former: bool = False
    stuck: bool = False
    careless: bool = False
    refuses_with: int = 400
    tolerance: int | None = 300
    once: bool = False
    never: set[str] = field(default_factory=set)
    events: list[Json] = field(default_factory=list)
    refused: int = 0
    reloads: int = 0
    meanwhile: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self.secrets = [self.stored]
        self._server = _Server(_Handler)
        self._server.service = self
        self._server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.__exit__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def stored(self) -> str:
        return self.env.read_text(encoding="utf-8").split("HOOK=")[1].split()[0]

    def reload(self) -> None:
        self.reloads += 1
        if not self.stuck:
            self.secrets = [self.stored, *(self.secrets[:1] if self.keeps_former and self.stored not in self.secrets else [])]

    def deliver(self, body: bytes, signature: str) -> int:
        self.meanwhile()
        for secret in self.secrets:
            try:
                event = json.loads(body) if self.careless else self._checked(body, signature, secret)
            except stripe.SignatureVerificationError:
                continue
            if event["id"] in self.never:
                break
            if self.once and any(known["id"] == event["id"] for known in self.events):
                return 409
            self.events.append({"id": event["id"], "type": event["type"], "livemode": event["livemode"]})
            return 200
        self.refused += 1
        return self.refuses_with

    def _checked(self, body: bytes, signature: str, secret: str) -> Json:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, self.tolerance)
        found: Json = json.loads(body)
        return found


class _Server(Loopback):
    service: WebhookService


class _Handler(QuietHandler):
    server: _Server

    def get(self) -> None:
        """`/processed`: ids of what was accepted."""
        body = json.dumps({"processed": [event["id"] for event in self.server.service.events]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def post(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status = 200
        if self.path == "/reload":
            self.server.service.reload()
        elif self.path == "/hook":
            status = self.server.service.deliver(body, self.headers.get("Stripe-Signature", ""))
        else:
            status = 404
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
