"""Stripe's clock is not ours: a stranger who goes on paying with the old key is seen, and nobody else is."""

import json
import secrets
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from tests.campaign.shop import Shop, shop

pytestmark = pytest.mark.server


class Off:
    """A clock that is so many seconds ahead of ours."""

    def __init__(self, seconds: float) -> None:
        self._by = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by


@contextmanager
def stranger(made: Shop, log: Path, off: float) -> Iterator[None]:
    """Uses the old key every 25 ms, and the log of all requests, whose times are Stripe's, tells so."""
    over = threading.Event()
    told = {
        "ip": "198.51.100.9",
        "user_agent": "python-requests/2.31",
        "api_key": made.keys["payments"].id,
        "method": "GET",
        "path": "/v1/balance",
    }
    bearer = {"Authorization": f"Bearer {made.keys['payments'].token.reveal()}"}
    request = urllib.request.Request(f"{made.twin.url}/v1/balance", headers=bearer)  # noqa: S310 - the twin, on loopback

    def pays() -> None:
        while not over.is_set():
            with suppress(OSError):
                urllib.request.urlopen(request, timeout=5).read()  # noqa: S310 - the twin, on loopback
            row = {"timestamp": time.time() + off, "request_id": f"req_{secrets.token_hex(7)}", **told}
            with log.open("a") as file:
                file.write(json.dumps(row) + "\n")
            time.sleep(0.025)

    thread = threading.Thread(target=pays, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


@pytest.mark.parametrize("off", [-300.0, 300.0])
@pytest.mark.parametrize("used", [False, True])
def test_a_stranger_is_seen_with_stripes_clock_off_ours(tmp_path: Path, off: float, used: bool) -> None:
    with shop(tmp_path, "", clock=Off(off)) as made:
        made.add("payments")
        log = tmp_path / "requests.jsonl"
        made.write(quiet=3, logs=str(log))
        if used:
            with stranger(made, log, off):
                code, said = made.ir(*made.rotate("payments"))
        else:
            code, said = made.ir(*made.rotate("payments"))
        assert ("the old key is used by strangers (python-requests at 198.51.100.9)" in said) is used and (
            "no use of the old key was seen" in said
        ) is not used, said
        assert code == ExitCode.DONE and made.moved("payments"), said
