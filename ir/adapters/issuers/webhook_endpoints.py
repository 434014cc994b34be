"""Stripe's webhook endpoints, `/v1/webhook_endpoints`: one method per call, every answer narrowed, every refusal ours.

A signing secret is in the answer to the create call and nowhere else. Which endpoint it belongs to is noted in the endpoint's own
metadata, by fingerprint.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ir.clients.stripe_answer import StripeResponse
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret

FINGERPRINT = "ir_fingerprint"
NAME = "ir_name"
DISABLED = "ir_disabled_at"
MOST = 16
"""Endpoints that an account may have (docs/stripe-facts.md, 6)."""

_PATH = "/v1/webhook_endpoints"
_PAGES = 20
_MARGIN = 60
"""Seconds by which the clock that noted when an endpoint was disabled may be wrong."""
_EXPLICIT = ("issuing_authorization.request",)
"""Event types that `*` leaves out."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, without its secret."""

    id: str
    url: str
    enabled: bool
    created: float
    events: tuple[str, ...] = ()
    api_version: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its secret, where an earlier rotation noted it."""
        return str(self.metadata.get(FINGERPRINT, ""))

    def delivered_to(self, kind: str, created: int) -> bool:
        """Whether an event of that time was meant for this endpoint, too: it is enabled, or a rotation disabled it well after."""
        disabled = self.metadata.get(DISABLED, "")
        there = self.enabled or (disabled.isdigit() and created < int(disabled) - _MARGIN)
        return there and self.created <= created and self.wants(kind)

    def wants(self, kind: str) -> bool:
        """Whether events of a type go there."""
        return kind in self.events or ("*" in self.events and kind not in _EXPLICIT)

    @property
    def name(self) -> str:
        """The order that it was made for, "" = it is not ours."""
        return str(self.metadata.get(NAME, ""))


class Endpoints:
    """Calls for one account. Raises only PortError; the key is read for each call and kept nowhere."""

    def __init__(self, api: StripeApi, api_key: Callable[[], Secret]) -> None:
        self._api, self._key = api, api_key

    def every(self) -> Iterator[Endpoint]:
        """All endpoints, of all pages."""
        params: Json = {"limit": 100}
        for _ in range(_PAGES):
            body = _good(self._api.get(self._key(), _PATH, params, retries=2)).body
            rows = [row for row in body.get("data") or () if isinstance(row, dict)]
            yield from (narrow(row) for row in rows)
            if not body.get("has_more") or not rows:
                return
            params = {"limit": 100, "starting_after": str(rows[-1].get("id"))}
        raise Unknown("Stripe's list of webhook endpoints has no end")

    def one(self, key_id: str) -> Endpoint:
        """One endpoint. Raises Missing when it is gone."""
        return narrow(_good(self._api.get(self._key(), f"{_PATH}/{key_id}", retries=2)).body)

    def create(self, like: Endpoint, name: str, idempotency_key: str, *, connect: bool) -> tuple[Endpoint, Secret]:
        """Make a second endpoint with the same URL and events; returns its secret.

        Raises:
            Unknown: no answer, or one without the secret: it may have been made.
        """
        kept = {key: value for key, value in like.metadata.items() if not key.startswith("ir_")}
        params: Json = {"url": like.url, "enabled_events": list(like.events), "metadata": {**kept, NAME: name}}
        params |= {"api_version": like.api_version} if like.api_version else {}
        params |= {"description": like.description} if like.description else {}
        params |= {"connect": "true"} if connect else {}
        body = _good(self._api.post(self._key(), _PATH, params, idempotency_key=idempotency_key)).body
        secret = body.get("secret")
        if not isinstance(secret, str) or not secret:
            raise Unknown("Stripe made the endpoint but does not show its secret")
        return narrow(body), Secret(secret)

    def note(self, key_id: str, secret: Secret) -> None:
        """Note at Stripe which secret an endpoint has."""
        _good(self._api.post(self._key(), f"{_PATH}/{key_id}", {"metadata": {FINGERPRINT: secret.fingerprint}}))

    def disable(self, key_id: str, at: float) -> None:
        """Stop its deliveries and note the time (epoch seconds) there. Raises Unknown when the answer does not confirm it."""
        params: Json = {"disabled": "true", "metadata": {DISABLED: str(int(at))}}
        if narrow(_good(self._api.post(self._key(), f"{_PATH}/{key_id}", params)).body).enabled:
            raise Unknown("Stripe accepted it, but the endpoint is still enabled")

    def delete(self, key_id: str) -> None:
        """Delete it for good."""
        _good(self._api.delete(self._key(), f"{_PATH}/{key_id}"))


def narrow(row: Json) -> Endpoint:
    """The fields of an answer that are passed on; never the secret."""
    metadata = row.get("metadata")
    return Endpoint(
        id=str(row.get("id") or ""),
        url=str(row.get("url") or ""),
        enabled=row.get("status") == "enabled",
        created=float(row.get("created") or 0.0),
        events=tuple(str(name) for name in row.get("enabled_events") or ()),
        api_version=str(row.get("api_version") or ""),
        description=str(row.get("description") or ""),
        metadata={str(k): str(v) for k, v in metadata.items()} if isinstance(metadata, dict) else {},
    )


def _good(answer: StripeResponse) -> StripeResponse:
    if answer.ok:
        return answer
    raise _refusal(answer)


def _refusal(answer: StripeResponse) -> PortError:
    said = f"Stripe refused what was asked about webhook endpoints: {answer.reason}"
    if answer.transient or not answer.from_stripe:
        return Unknown(said)
    if answer.status in (401, 403):
        return Denied(said, next_step="`api_key` of the webhook needs the permission webhook_write")
    if answer.status == 404:
        return Missing(said)
    return Rejected(said)
