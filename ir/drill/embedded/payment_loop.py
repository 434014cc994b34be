"""The payment loop of a drill service, and the key that it pays with."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from urllib.parse import urlencode, urlsplit

from ir.core import permission
from ir.core.secret import Secret

_TRIES = 12
_LONGEST_PAUSE = 1.0


class KeyInHand:
    """The key in use. A swap is atomic, and waits for the payments that still go out with the old one."""

    def __init__(self, key: Secret) -> None:
        self._key = key
        self._changed = threading.Condition()
        self._out: dict[str, int] = {}

    @property
    def fingerprint(self) -> str:
        """Of the key that the next request goes out with."""
        with self._changed:
            return self._key.fingerprint

    @contextmanager
    def lend(self) -> Iterator[Secret]:
        """The key for one request."""
        with self._changed:
            key = self._key
            self._out[key.fingerprint] = self._out.get(key.fingerprint, 0) + 1
        try:
            yield key
        finally:
            with self._changed:
                self._out[key.fingerprint] -= 1
                self._changed.notify_all()

    def swap(self, new: Secret, *, patience: float = 5.0) -> None:
        """From now on `new`; returns when no request with the old one is out any more, or after `patience` seconds."""
        with self._changed:
            old, self._key = self._key, new
            if old != new:
                self._changed.wait_for(lambda: not self._out.get(old.fingerprint), patience)


class PaymentLoop:
    """Takes payments at a steady pace until it is told to stop, and writes an egress log with Stripe's request ids.

    Args:
        name: of the service; the idempotency keys begin with it.
        api: where Stripe is.
        egress: JSON Lines, one per answer.
        interval: seconds between two payments.

    Attributes:
        ok, failed: payments. A failed one was refused for good, or stayed without an answer after all tries.
        lacks: what Stripe refused it for want of, with the time of the last refusal (epoch seconds); forgotten once it works again.
    """

    def __init__(self, name: str, api: str, key: KeyInHand, egress: Path, rng: Random, interval: float) -> None:
        self._name, self._key, self._egress, self._rng, self._interval = name, key, egress, rng, interval
        self._host = urlsplit(api).netloc
        self._line: HTTPConnection | None = None
        self.ok = self.failed = 0
        self.lacks: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Pay until `stop`; a payment that has begun is finished first."""
        number = 0
        while not stop.wait(self._interval * self._rng.uniform(0.7, 1.3)):
            number += 1
            if self._pay(f"{self._name}-{number:06d}", self._rng.randrange(200, 25_000)):
                self.ok += 1
            else:
                self.failed += 1
        if self._line is not None:
            self._line.close()

    def _pay(self, order: str, amount: int) -> bool:
        fields = {"amount": amount, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa", "metadata[order]": order}
        pause = 0.1
        for _ in range(_TRIES):
            status = self._post("/v1/payment_intents", urlencode(fields), order)
            if status == 200:
                return True
            if status not in (0, 409, 429) and status < 500:
                return False
            time.sleep(pause * self._rng.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)
        return False

    def _post(self, path: str, body: str, order: str) -> int:
        """HTTP status; 0: no answer."""
        line = self._line = self._line or HTTPConnection(self._host, timeout=10)
        try:
            with self._key.lend() as key:
                headers = {
                    "Authorization": f"Bearer {key.reveal()}",
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Idempotency-Key": order,
                    "User-Agent": f"{self._name}/1.0",
                }
                line.request("POST", path, body, headers)
                answer = line.getresponse()
                told = answer.read()
        except (OSError, HTTPException):
            line.close()
            self._line = None
            return 0
        self._refused(answer.status, told)
        self._note("POST", path, answer.status, answer.getheader("Request-Id", ""), order)
        return answer.status

    def _refused(self, status: int, told: bytes) -> None:
        """Keep the name of the permission in a refusal of Stripe's, as docs/key-fingerprint.md asks of a service; nothing else of it."""
        if status == 200:
            self.lacks = {}
        elif status == 403:
            self.lacks = {permission.in_message(told.decode(errors="replace")): time.time()}

    def _note(self, method: str, path: str, status: int, request_id: str, order: str) -> None:
        row = egress_row(time.time(), self._name, method, path, status, request_id, order)
        with self._egress.open("a", encoding="utf-8") as log:
            log.write(row)


def egress_row(at: float, service: str, method: str, path: str, status: int, request_id: str, order: str) -> str:
    """One line of an egress log; `at` in epoch seconds."""
    row = {
        "ts": round(at, 3),
        "service": service,
        "method": method,
        "path": path,
        "status": status,
        "request_id": request_id,
        "idempotency_key": order,
        "user_agent": f"{service}/1.0",
    }
    return json.dumps(row) + "\n"
