"""A new signing secret by API: a second endpoint with the same URL and events, then the old one disabled, later deleted.

Stripe has no call that rolls a secret. While both endpoints are enabled every event is delivered twice, once per secret.
"""

import contextlib
from collections.abc import Callable

from ir.adapters.issuers.signing_secret import SigningSecretIssuer
from ir.adapters.issuers.webhook_endpoints import MOST, Endpoint, Endpoints
from ir.adapters.issuers.webhook_use import SecretUse, WebhookServices
from ir.core.errors import Missing, PortError, Rejected
from ir.core.model import KeyKind, KeyRow, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.ports import Clock, Minted, MintOrder, Target


class SecondEndpointIssuer(SigningSecretIssuer):
    """Implements `ir.ports.Issuer`; a key's id is its endpoint's.

    `alive`: its endpoint is enabled, or a service accepts it. `expired`: its endpoint is disabled or gone, and every service refuses it.

    Args:
        incident: whose endpoints are ours to delete.
        url, endpoint: of the inventory; `endpoint` may be "".
        connect: see `inventory.Webhook`.
    """

    guided = False

    def __init__(
        self,
        endpoints: Endpoints,
        uses: WebhookServices,
        mode: Mode,
        clock: Clock,
        *,
        incident: str,
        url: str,
        endpoint: str,
        connect: bool = False,
    ) -> None:
        self._endpoints, self._uses, self._mode, self._clock = endpoints, uses, mode, clock
        self._incident, self._url, self._endpoint, self._connect = incident, url, endpoint, connect
        self.seen_alive: dict[Secret, str] = {}

    def probe(self, key: Secret) -> Probe:
        """See `ir.ports.Issuer`."""
        return Probe(self._liveness(key), at=self._clock.now().timestamp())

    def _liveness(self, key: Secret) -> Liveness:
        signs, use = self._signs(key), self._uses.of(key)
        if signs or use is SecretUse.ACCEPTED:
            return Liveness.ALIVE
        return Liveness.EXPIRED if signs is False and use in (SecretUse.REFUSED, SecretUse.UNASKED) else Liveness.UNKNOWN

    def _signs(self, key: Secret) -> bool | None:
        """Whether Stripe signs with it; None when that cannot be told."""
        known = self._uses.facts().get("new" if self._uses.is_new(key) else "old", {}).get("id", "")
        try:
            if known:
                return self._endpoints.one(known).enabled
            found = self._of(key)
        except Missing:
            return False
        except PortError:
            return None
        return found.enabled if found else None

    def _of(self, key: Secret, known_id: str = "") -> Endpoint | None:
        """The endpoint of a secret: the one that notes it, the listed one, or the only one of that URL; None when it is not certain."""
        rows = [row for row in self._endpoints.every() if row.url == self._url]
        noted = [row for row in rows if row.fingerprint == key.fingerprint]
        if noted:
            return noted[0] if len(noted) == 1 else None
        rest = [row for row in rows if not row.fingerprint and not self._ours(row)]
        named = [row for row in rest if row.id == (known_id or self._endpoint) and row.enabled]
        rest = named or [row for row in rest if row.enabled]
        return rest[0] if len(rest) == 1 else None

    def _ours(self, row: Endpoint) -> bool:
        return row.name.startswith(f"ir-{self._incident}-")

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        """See `ir.ports.Issuer`. An id of the inventory is not believed when its endpoint has another secret by now."""
        row = self._of(key, known_id)
        return self._row(row) if row else None

    def _row(self, row: Endpoint) -> KeyRow:
        return KeyRow(row.id, row.name or row.url, row.enabled, self._mode, row.created)

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        """See `ir.ports.Issuer`."""
        ours = [row for row in self._endpoints.every() if row.enabled and row.name.startswith(f"ir-{incident}-")]
        return tuple(self._row(row) for row in sorted(ours, key=lambda row: row.created, reverse=True))

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        """See `ir.ports.Issuer`."""
        every = list(self._endpoints.every())
        old = self._of(order.old) if order.old is not None else None
        if old is None:
            raise Rejected(
                f"which webhook endpoint has the old secret cannot be told: {self._count(every)} enabled ones deliver to {self._url}",
                safe="nothing was changed",
                next_step="give the endpoint's `id: we_…` in the inventory",
            )
        if len(every) >= MOST:
            raise Rejected(
                f"the account has {len(every)} webhook endpoints, and Stripe allows {MOST}",
                safe="nothing was changed",
                next_step="delete one that is disabled, or use `roll: dashboard`",
            )
        made, secret = self._endpoints.create(old, order.name, order.idempotency_key, connect=self._connect)
        address = keep(secret)
        with contextlib.suppress(PortError):  # the incident's own record knows it, too
            self._endpoints.note(made.id, secret)
        with contextlib.suppress(PortError):  # what is left of a double is a stray by its name, and strays are swept
            for row in [row for row in self._endpoints.every() if row.name == order.name and row.id != made.id]:
                self._endpoints.delete(row.id)
        return Minted(made.id, secret, made.created, KeyKind.WEBHOOK, address)

    def _count(self, every: list[Endpoint]) -> int:
        return sum(row.url == self._url and row.enabled for row in every)

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """Nothing to watch: there are no clicks."""

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """Disable its endpoint; one that this incident made itself is deleted."""
        try:
            row = self._endpoints.one(target.id) if target.id else self._of(target.value)
            if row is not None and row.url != self._url:
                raise Rejected(
                    f"the endpoint {row.id} delivers to {row.url}, not to {self._url}",
                    safe="it was not touched",
                    next_step="correct `id` or `url` of the webhook in the inventory",
                )
            if row is None:
                raise Rejected("which webhook endpoint has this secret cannot be told", next_step="disable it in Workbench > Webhooks")
            if self._ours(row):
                self._endpoints.delete(row.id)
                return f"the endpoint {row.id}, made by this run, was deleted"
            if row.enabled:
                self._endpoints.disable(row.id, self._clock.now().timestamp())
        except Missing:
            return "Stripe no longer has its endpoint"
        return f"the endpoint {row.id} is disabled"

    def remove(self, key_id: str) -> str:
        """Delete a disabled endpoint; one that was enabled again since is left alone."""
        try:
            if self._endpoints.one(key_id).enabled:
                raise Rejected(f"the endpoint {key_id} is enabled again", next_step="somebody wants it: ask, then disable it in Workbench")
            self._endpoints.delete(key_id)
        except Missing:
            return f"the endpoint {key_id} is gone"
        return f"the disabled endpoint {key_id} was deleted"
