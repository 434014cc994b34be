"""Keys by API: Stripe's managed API keys (private preview), through an approved and installed Stripe App.

Whether an app may narrow or expire a key that it did not create is not established. Where Stripe says no, that
one step falls back to the guided Dashboard; everything else stays with the API.
"""

import contextlib
from collections.abc import Callable

from ir.adapters.issuers import dashboard_steps, widening
from ir.adapters.issuers.guided_watch import GuidedIssuer
from ir.adapters.issuers.jwe import Envelope
from ir.adapters.issuers.key_api import KeyApi
from ir.adapters.issuers.key_rows import CONNECT, name_of, narrow
from ir.adapters.issuers.mint_request import DASHBOARD, creation, refuse_what_only_a_human_can_make, secret_in
from ir.adapters.issuers.minted_check import MintedCheck
from ir.adapters.issuers.row_identity import Identity
from ir.clients.stripe_api import StripeApi, probe
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.key_kind import Credential, kind_of
from ir.core.model import KeyKind, KeyRow, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.ports import Clock, Containment, Minted, MintOrder, Rotation, Target

HARMLESS = "apple_pay_domain_read"
"""The one permission of a narrowed key, since an empty list would be ignored: `GET /v1/balance` then answers 403."""


class ManagedIssuer:
    """Implements `ir.ports.Issuer` on `/v2/iam/api_keys`.

    A Connect permission is written `connect:<name>` in permission lists.

    Args:
        api: where Stripe is.
        account_id: the account whose keys these are, sent as `Stripe-Context`.
        mode: of the app's key, and so of every key that it mints.
        app_key: reads the app's key; called for each request, its result is kept nowhere.
        clock: waits between looks.
        fallback: takes the steps that Stripe refuses to the app; None = such a step is `Denied`.
    """

    guided = False

    def __init__(
        self,
        api: StripeApi,
        account_id: str,
        mode: Mode,
        app_key: Callable[[], Secret],
        clock: Clock,
        *,
        fallback: GuidedIssuer | None = None,
    ) -> None:
        self._api, self._account, self._mode, self._clock = api, account_id, mode, clock
        self.seen_alive: dict[Secret, str] = {}
        self._probed: dict[str, float] = {}
        """Fingerprint → Stripe's time of our latest answered probe, the second fact by which its row is told."""
        self._keys = KeyApi(api, account_id, app_key)
        self._identity = Identity(self._keys, self.probe, clock)
        self._minted = MintedCheck(api, self.probe, clock, account_id)
        self.fallback = fallback

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """Watch this key while a human kills the old one, where that step falls back to the Dashboard."""
        if self.fallback is not None:
            self.fallback.watch_also(spared, created=created, pasted=pasted, name=name)

    def probe(self, key: Secret) -> Probe:
        """See `ir.ports.Issuer`. An organization key is never sent without its context: `unknown`."""
        if kind_of(key).credential is Credential.ORGANIZATION:
            return Probe(Liveness.UNKNOWN, at=self._clock.now().timestamp())
        seen = probe(self._api, key)
        if seen.date and seen.liveness.answers:
            self._probed[key.fingerprint] = seen.date
        return seen

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        """See `ir.ports.Issuer`. A known id is not believed when its row shows another token."""
        return self._identity.of(key, known_id)

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        """See `ir.ports.Issuer`."""
        named = self._keys.every(wanted=lambda data: name_of(data).startswith(f"ir-{incident}-"))
        ours = [seen.row for seen in named if seen.row.active]
        return tuple(sorted(ours, key=lambda row: row.created, reverse=True))

    # ── mint ──────────────────────────────────────────────────────────────────────────────────────────

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        """See `ir.ports.Issuer`. A minted key that cannot be used is expired again before `Rejected` is raised."""
        permissions = self._permissions(order)
        envelope = Envelope() if order.mode is Mode.LIVE else None
        data = self._keys.create(creation(order, permissions, envelope), order.idempotency_key)
        row = narrow(data).row
        try:
            value = secret_in(data, envelope)
            self._minted.refuse_unfit(value, row, order)
        except Rejected as fault:
            self._expire_quietly(row.id)
            raise Rejected(f"{fault.what}; what was minted is expired again") from None
        address = keep(value)
        alone = self._expire_doubles(order.name, row.id)
        return Minted(row.id, value, row.created, KeyKind.RESTRICTED, address, alone=alone)

    def _permissions(self, order: MintOrder) -> tuple[str, ...]:
        if order.kind is KeyKind.SECRET:
            refuse_what_only_a_human_can_make(order)
        if order.permissions:
            return order.permissions
        row = self.identify(order.old) if order.old is not None else None
        if row is None or not row.permissions:
            raise Rejected(
                "the permissions of the new key are not known: the leaked key's row could not be told for certain",
                safe="nothing was minted",
                next_step="list `permissions` of this key in the inventory, or give its `id: mk_…`",
            )
        return row.permissions

    def _expire_quietly(self, key_id: str) -> None:
        with contextlib.suppress(PortError):  # it stays a stray by its name, and strays are swept
            self._keys.expire(key_id)

    def _expire_doubles(self, name: str, kept: str) -> bool:
        """Expire a second key that one call may have minted on its way to Stripe; it is in no one's hands. True: there was none."""
        with contextlib.suppress(PortError):
            named = self._keys.every(wanted=lambda data: name_of(data) == name)
            ids = [seen.row.id for seen in named]
            for other in [one for one in ids if one != kept]:
                self._keys.expire(other)
            return ids == [kept]
        return False

    # ── retire, contain, release ──────────────────────────────────────────────────────────────────────

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """See `ir.ports.Issuer`. A key whose row is not certain, or that the app may not touch, is killed by guided clicks."""
        key_id = ""
        try:
            key_id = self._id_of(target)
            if not key_id:
                return self._fall_back("its row in Stripe's list could not be told for certain").retire(target, stop=stop)
            self._keys.expire(key_id)
        except Missing:
            return "Stripe no longer has it"
        except Denied as refusal:
            return self._fall_back(refusal.what).retire(target, stop=stop)
        except PortError:
            if not key_id or not self._gone(key_id):
                raise
            return "it was expired already"
        return "expired by API"

    def contain(self, target: Target, egress: tuple[str, ...], rotation: Rotation | None = None) -> Containment:
        """Narrow the key to `HARMLESS`; see `ir.ports.Issuer`.

        A key that is narrowed already comes back with an empty `before`, so the list that was recorded first stays right.
        """
        try:
            key_id = self._id_of(target)
            if not key_id:
                return self._fall_back("its row in Stripe's list could not be told for certain").contain(target, egress, rotation)
            return self._narrow(key_id)
        except Missing:
            return Containment("expired", "Stripe no longer has it")
        except (Denied, Rejected) as refusal:
            return self._fall_back(refusal.what).contain(target, egress, rotation)

    def _narrow(self, key_id: str) -> Containment:
        row = self._keys.one(key_id).row
        if not row.active:
            return Containment("expired", "it was expired already")
        harmless = _harmless(row.permissions)
        if row.permissions == harmless:
            return Containment("narrowed", f"narrowed already: it may only {HARMLESS}")
        after = self._keys.permit(key_id, harmless)
        if after and set(after) != set(harmless):  # rows without a list say nothing: a probe shows whether the narrowing works
            raise Rejected("Stripe accepted the narrower permissions and kept the old ones")
        shown = "" if after else ", says the answer, but it shows no list"
        return Containment("narrowed", f"it may only {HARMLESS} now{shown}", row.permissions)

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """See `ir.ports.Issuer`. A key that had every permission has no list that could be put back by API."""
        key_id = self._id_of(target) if before else ""
        if not key_id:
            return self._fall_back("the permissions that it had cannot be put back by API").release(target, before)
        try:
            after = self._keys.permit(key_id, before)
        except Denied as refusal:
            return self._fall_back(refusal.what).release(target, before)
        if after and set(after) != set(before):
            raise Unknown("Stripe accepted the former permissions but shows others")
        return None

    def widen(self, target: Target, right: str) -> str:
        """See `ir.ports.Issuer`. Only a key that carries the name which we gave it, or whose row is certainly its own."""
        key_id = self._id_of(target)
        if not key_id:
            raise Denied("its row in Stripe's list could not be told for certain", next_step=dashboard_steps.to_widen(self._mode, right))
        try:
            return widening.widen(self._keys, key_id, right)
        except (Denied, Rejected) as refusal:
            raise Denied(refusal.what, next_step=dashboard_steps.to_widen(self._mode, right)) from None

    def may_read(self, key: Secret, right: str) -> bool | None:
        """See `ir.ports.Issuer`."""
        return widening.may_read(self._api, key, right)

    def remove(self, key_id: str) -> str:
        """See `ir.ports.Issuer`. Nothing of a dead key still works, so nothing is removed."""
        return ""

    def _id_of(self, target: Target) -> str:
        """The id to act on, "" when its row is not certain. An id from the inventory or the record only says where to look first."""
        if target.name:
            return self._named(target)
        row = self._identity.certain(target.value, target.id, self._probed.get(target.value.fingerprint, 0.0))
        return row.id if row else ""

    def _named(self, target: Target) -> str:
        """A key that we minted, told by the name that we gave its row."""
        if self._keys.one(target.id).row.name != target.name:
            raise Rejected(f"Stripe's row {target.id} is not the key {target.name} that this incident minted", safe="it was not touched")
        return target.id

    def _gone(self, key_id: str) -> bool:
        try:
            return not self._keys.one(key_id).row.active
        except Missing:
            return True
        except PortError:
            return False

    def _fall_back(self, why: str) -> GuidedIssuer:
        if self.fallback is None:
            raise Denied(f"the API cannot do this: {why}", next_step=DASHBOARD)
        return self.fallback


def _harmless(permissions: tuple[str, ...]) -> tuple[str, ...]:
    connect = any(name.startswith(CONNECT) for name in permissions)
    return (HARMLESS, CONNECT + HARMLESS) if connect else (HARMLESS,)
