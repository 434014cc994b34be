"""What the twin's tests share: a clock to bend, real SDK clients, and a look at the SDK's own classes."""

import http.client
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import stripe

from ir.drill.twin import Key, StripeTwin

PREVIEW = "2026-10-14.preview"
START = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)


class StillClock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        return self._now

    def forward(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def client(twin: StripeTwin, key: Key, **options: Any) -> stripe.StripeClient:
    """The stable SDK, as a service would use it."""
    return stripe.StripeClient(key.token.reveal(), base_addresses={"api": twin.url}, **options)


def app_client(twin: StripeTwin, key: Key) -> stripe.StripeClient:
    """The stable SDK, as an app uses the preview API."""
    return client(twin, key, stripe_version=PREVIEW, stripe_context=twin.account)


def failure(act: Callable[[], object]) -> stripe.StripeError:
    """The error that an act ends in."""
    try:
        act()
    except stripe.StripeError as error:
        return error
    raise AssertionError("it succeeded")


def error_of(act: Callable[[], object]) -> tuple[int, dict[str, Any]]:
    """HTTP status and `error` object of a failure."""
    found = failure(act)
    assert found.http_status is not None
    assert found.request_id, "every answer carries a Request-Id"
    body: Any = found.json_body
    return found.http_status, body["error"]


def balance(twin: StripeTwin, key: Key, **options: Any) -> Callable[[], object]:
    """The cheapest look at a key."""
    return lambda: client(twin, key, **options).v1.balance.retrieve()


def raw(
    twin: StripeTwin, method: str, path: str, key: Key | None = None, body: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request without any SDK: status, headers in lower case, body."""
    connection = http.client.HTTPConnection("127.0.0.1", int(twin.url.rsplit(":", 1)[1]), timeout=5)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key.token.reveal()}"
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def missing_fields(published: type, found: Any, path: str = "") -> list[str]:
    """Fields that a published SDK class requires and that `found` does not have, nested objects included."""
    lost: list[str] = []
    for name, hint in _fields(published):
        if name not in found:
            lost.append(f"{path}{name}")
            continue
        for inner in _classes(hint):
            values = found[name] if isinstance(found[name], list) else [found[name]]
            for value in values:
                if isinstance(value, dict):
                    lost += missing_fields(inner, value, f"{path}{name}.")
    return lost


def _fields(published: type) -> list[tuple[str, Any]]:
    hints: dict[str, Any] = inspect.get_annotations(published)
    return [
        (name, hint)
        for name, hint in hints.items()
        if not str(hint).startswith("typing.ClassVar") and type(None) not in get_args(hint) and not name.startswith("_")
    ]


def _classes(hint: Any) -> list[type]:
    found = [hint, *get_args(hint)]
    return [one for one in found if isinstance(one, type) and issubclass(one, stripe.StripeObject)]
