"""Stripe's deliveries to a webhook endpoint, as `GET /v1/events` counts them: `pending_webhooks`, `delivery_success`.

An event does not tell which endpoints have it, only how many have not. So what follows from the count is told by how many of the
endpoints that want it are ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ir.adapters.issuers import webhook_steps
from ir.adapters.issuers.webhook_endpoints import MOST, Endpoint, Endpoints
from ir.adapters.issuers.webhook_use import SecretUse, WebhookServices
from ir.clients.stripe_api import StripeApi
from ir.core.errors import Denied, PortError, Unknown
from ir.core.model import Json, Mode
from ir.core.secret import Secret
from ir.ports import Deliveries, Sent

_PATH = "/v1/events"
_PAGES = 20
_NEWEST = 3
"""The most pages of a busy account's newest events that are read: one of them is enough."""
_LATELY = 20
_SETTLED = 60
"""Seconds after which an event without a 2xx counts as not taken."""
_TRIED = 3 * 86400
"""Seconds for which Stripe tries to deliver an event."""


@dataclass(frozen=True)
class Hook:
    """One row of `webhooks:`. Attributes: connect: None = not said; second: the roll makes another endpoint."""

    url: str
    endpoint: str
    mode: Mode
    connect: bool | None
    second: bool


class StripeDeliveries(Deliveries):
    """Implements `ir.ports.Deliveries`.

    Args:
        keys: keys that may be allowed to read events and endpoints, tried in turn; None = none there.
        post: sends an event's JSON to the services, signed with a secret.
        told: ids of the events that the services say they processed since a time.
    """

    def __init__(
        self,
        api: StripeApi,
        keys: Callable[[], list[Secret]],
        hook: Hook,
        uses: WebhookServices,
        post: Callable[[Json, Secret], bool | None],
        told: Callable[[float], list[str] | None],
        now: Callable[[], float],
    ) -> None:
        self._api, self._keys, self._hook, self._uses, self._post, self._now = api, keys, hook, uses, post, now
        self._told = told
        self._reader: Secret | None = None

    def blind(self) -> str:
        """See `ir.ports.Deliveries`."""
        try:
            self._key()
        except PortError as error:
            return error.what
        return ""

    def problems(self) -> list[str]:
        """Reasons against a rotation: sixteen endpoints; events of connected accounts that the inventory does not announce."""
        rows = list(self._endpoints().every())
        found = []
        if self._hook.second and len(rows) >= MOST:
            found.append(
                f"the account has {len(rows)} webhook endpoints, and Stripe allows {MOST}: delete one that is disabled, "
                "or use `roll: dashboard`"
            )
        if not self._hook.connect and self._for_connected(rows):
            found.append(
                f"events of connected accounts are delivered, and no endpoint but that of {self._hook.url} can take them: "
                "say `connect: true` of the webhook"
            )
        elif self._hook.connect is None and self._connected():
            found.append("events of connected accounts are delivered: say `connect: true` or `connect: false` of the webhook")
        return found

    def _connected(self) -> bool:
        return any(row.get("account") for row in self._events({"limit": 100}, pages=1))

    def _for_connected(self, rows: list[Endpoint]) -> bool:
        return self._connected() and [row.url for row in rows if row.enabled] == [self._hook.url]

    def floor(self) -> int:
        """See `ir.ports.Deliveries`."""
        settled = [event for event in self._mine({"limit": 100}, pages=1) if event.created < self._now() - _SETTLED]
        return max(0, min((event.untaken - event.ours + 1 for event in settled[:_LATELY]), default=0))

    def newest(self) -> int:
        """See `ir.ports.Deliveries`."""
        return next((int(row.get("created") or 0) for row in self._events({"limit": 1}, pages=1)), 0)

    def since(self, created: int) -> list[Sent]:
        """See `ir.ports.Deliveries`."""
        return list(self._mine({"limit": 100, "created": {"gt": created}}, pages=_NEWEST))

    def still_accepted(self, secret: Secret) -> bool | None:
        """See `ir.ports.Deliveries`."""
        return {SecretUse.ACCEPTED: True, SecretUse.REFUSED: False}.get(self._uses.of(secret))

    def left(self) -> list[str]:
        """See `ir.ports.Deliveries`."""
        made = int(self._endpoints().one(str(self._uses.facts()["new"]["id"])).created)
        within = {"gte": made - _TRIED, "lte": made}
        rows = self._mine({"limit": 100, "delivery_success": "false", "created": within})
        return [row.id for row in rows if row.untaken >= row.ours][::-1]

    def replay(self, event: str, secret: Secret) -> bool | None:
        """See `ir.ports.Deliveries`. Raises PortError when the event cannot be read."""
        answer = self._api.get(self._key(), f"{_PATH}/{event}", retries=2)
        if not answer.ok:
            raise Unknown(f"Stripe does not show the event {event}: {answer.reason}")
        return self._post(answer.body, secret)

    def processed(self, since: float) -> list[str] | None:
        """See `ir.ports.Deliveries`."""
        return self._told(since)

    def unknown(self, events: list[str]) -> list[str]:
        """See `ir.ports.Deliveries`. Only the connected account itself could find its event, so nothing can be told of those."""
        if self._hook.connect and events:
            raise Unknown("Stripe shows the events of connected accounts to those alone")
        known = {str(row.get("id")) for row in self._events({"limit": 100})}
        return [event for event in events if event not in known and self._is_unknown(event)]

    def _is_unknown(self, event: str) -> bool:
        answer = self._api.get(self._key(), f"{_PATH}/{event}", retries=2)
        if not answer.ok and answer.status != 404:
            raise Unknown(f"Stripe does not say whether it knows the event {event}: {answer.reason}")
        return not answer.ok

    def to_resend(self) -> str:
        """See `ir.ports.Deliveries`."""
        return webhook_steps.to_resend(self._hook.mode, self._hook.url, self._hook.endpoint)

    def _mine(self, params: Json, pages: int = _PAGES) -> Iterator[Sent]:
        """The events that the endpoint wants, the newest first."""
        endpoints = list(self._endpoints().every())
        facts = self._uses.facts()
        for row in self._events(params, pages):
            if bool(row.get("account")) is not bool(self._hook.connect):
                continue
            created = int(row.get("created") or 0)
            wanted = [one for one in endpoints if one.delivered_to(str(row.get("type")), created)]
            ours = self._ours(wanted, created, facts)
            if ours:
                count = sum(one.enabled for one in wanted)
                yield Sent(str(row.get("id")), created, int(row.get("pending_webhooks") or 0), count, ours)

    def _ours(self, wanted: list[Endpoint], created: int, facts: Json) -> int:
        """The number of our endpoints that an event went to: this one, another of this incident, and an earlier one, disabled by now."""
        old, new = (facts.get(role, {}).get("id", "") for role in ("old", "new"))
        here = [one for one in wanted if one.url == self._hook.url]
        earlier = sum(not one.enabled for one in here if one.id not in (old, new))
        if not self._hook.second:
            return earlier + any(one.enabled for one in here)
        mine = [one for one in here if not old or one.id == old or (one.id == new and one.created < created)]
        return earlier + len([one for one in mine if one.enabled or one.id in (old, new)])

    def _events(self, params: Json, pages: int = _PAGES) -> Iterator[Json]:
        for _ in range(pages):
            answer = self._api.get(self._key(), _PATH, params, retries=2)
            if not answer.ok:
                raise Unknown(f"Stripe does not list events: {answer.reason}")
            rows = [row for row in answer.body.get("data") or () if isinstance(row, dict)]
            yield from rows
            if not answer.body.get("has_more") or not rows:
                return
            params = {**params, "starting_after": str(rows[-1].get("id"))}

    def _endpoints(self) -> Endpoints:
        return Endpoints(self._api, self._key)

    def _key(self) -> Secret:
        """The first key that may read both. Raises Denied when none may."""
        if self._reader is not None:
            return self._reader
        for key in self._keys():
            answers = [self._api.get(key, path, {"limit": 1}, retries=2) for path in (_PATH, "/v1/webhook_endpoints")]
            if all(answer.ok for answer in answers):
                self._reader = key
                return key
            if any(answer.transient for answer in answers):
                raise Unknown("Stripe gave no answer about its deliveries")
        raise Denied(
            "no key may look at Stripe's deliveries: give the webhook `api_key`, or its account `review_key`, with the permissions "
            "event_read and webhook_read"
        )
