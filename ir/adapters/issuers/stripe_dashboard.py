"""Keys by a person's clicks in Stripe's Dashboard: the tool says what to click, and believes only probes."""

from collections.abc import Callable
from dataclasses import replace

from ir.adapters.issuers import dashboard_steps
from ir.adapters.issuers.dashboard_steps import EVERY, Marks
from ir.adapters.issuers.guided_rotation import GuidedRotation
from ir.adapters.issuers.guided_watch import until_dead
from ir.adapters.issuers.paste_check import Expect, examine, taken
from ir.adapters.issuers.widening import may_read
from ir.clients.stripe_api import StripeApi, account_of, probe
from ir.core.errors import PortError, Unknown, Waiting
from ir.core.key_kind import Credential, kind_of
from ir.core.model import KeyRow, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.ports import Clock, Containment, Minted, MintOrder, Operator, Rotation, Target

_LOOKS_AT_A_PASTE = 4
_ASK_EVERY = 60.0
_CLOCKS_DIFFER = 120.0
"""Seconds by which this machine's clock may have changed against Stripe's since the key was asked for."""


class DashboardIssuer:
    """Implements `ir.ports.Issuer` with a human at the Dashboard.

    Args:
        api: where Stripe is.
        account_id: the account that a paste has to belong to, "" = not known.
        mode: of the account in the inventory; decides which page is opened.
        operator: the person; without a terminal each step looks once.
        clock: waits between looks.
        patience: seconds that a guided kill or containment waits for the human before it becomes `Waiting`.
        rows: the provider's row of a key, where something can read its list; None: nothing can.

    Attributes:
        seen_alive: see `ir.ports.Issuer`.
    """

    guided = True

    def __init__(
        self,
        api: StripeApi,
        account_id: str,
        mode: Mode,
        operator: Operator,
        clock: Clock,
        *,
        patience: float = 1800.0,
        rows: Callable[[Secret], KeyRow | None] | None = None,
    ) -> None:
        self._api, self._account, self._mode = api, account_id, mode
        self._operator, self._clock, self._patience = operator, clock, patience
        self._rows = rows
        self._spared: Secret | None = None
        self._marks = Marks()
        self.seen_alive: dict[Secret, str] = {}

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """See `ir.ports.Issuer`."""
        self._spared, self._marks = spared, Marks(created, pasted, name)

    def probe(self, key: Secret) -> Probe:
        """See `ir.ports.Issuer`. An organization key is never sent without its context: `unknown`."""
        if kind_of(key).credential is Credential.ORGANIZATION:
            return Probe(Liveness.UNKNOWN, at=self._clock.now().timestamp())
        return probe(self._api, key)

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        """Always None: no API lists Dashboard keys to an ordinary key."""
        return None

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        """Always empty, for the same reason."""
        return ()

    # ── mint ──────────────────────────────────────────────────────────────────────────────────────────

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        """See `ir.ports.Issuer`. Asks until a paste is good; raises Waiting when there is nothing (more) to take."""
        text = dashboard_steps.to_mint(order)
        self._operator.tell(text)
        try:
            return self._take(order, keep)
        except Waiting as none:
            safe = "" if order.rotated else "the old key still works and nothing was changed"
            raise Waiting(f"{text}\n{none.what}", safe=safe, next_step=f"ir resume {order.incident}") from None

    def _take(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        expect = Expect(
            order.kind, order.mode, self._expected_account(order), order.old, order.holder, lambda given: self._older(given, order.asked_at)
        )
        given = taken(
            self._operator,
            f"New {order.kind} key ({order.mode})",
            lambda paste: examine(paste, expect, self._look_again, self._account_of),
            self.seen_alive,
        )
        if given.verdict.note:
            self._operator.tell(given.verdict.note)
        address = keep(given.value)
        self.seen_alive.pop(given.value, None)
        self._operator.tell(self._said_of(given.value, order.old, kept=bool(address)))
        pasted = self._clock.now().timestamp()
        return Minted("", given.value, 0.0, order.kind, address, pasted=pasted, because=given.because)

    def _said_of(self, value: Secret, old: Secret | None, *, kept: bool) -> str:
        """What is said of a paste. A person also gets its ending, to compare with the row that was just made."""
        said = "Taken: Stripe answers to it, and it is in custody." if kept else "Taken: Stripe answers to it. It is in this process alone."
        if not self._operator.interactive:
            return said
        ends = dashboard_steps.last_four(value)
        said += f" It ends in {ends}: compare that with the Token column of the new row in the Dashboard."
        if old is not None and dashboard_steps.last_four(old) == ends:
            said += " The old key ends so, too: compare Name and Created of the two rows."
        return said

    def _older(self, value: Secret, asked_at: float) -> str:
        """The reason why a paste was made before it was asked for, where Stripe tells the time; "" otherwise."""
        if self._rows is None or not asked_at:
            return ""
        try:
            row = self._rows(value)
        except PortError:
            return ""
        look = self.probe(value)
        ahead = self._clock.now().timestamp() - look.date if look.date else 0.0
        if row is None or not row.created or row.created >= asked_at - ahead - _CLOCKS_DIFFER:
            return ""
        return f"Stripe made this key at {dashboard_steps.when(row.created)}, before it was asked for: something else may use it."

    def _expected_account(self, order: MintOrder) -> str:
        known = order.account or self._account
        return known or (self._account_of(order.old) if order.old is not None else "")

    def _look_again(self, key: Secret) -> Probe:
        look = self.probe(key)
        for _ in range(_LOOKS_AT_A_PASTE - 1):
            if look.liveness is not Liveness.UNKNOWN:
                break
            self._clock.sleep(0.5)
            look = self.probe(key)
        return look

    def _account_of(self, key: Secret) -> str:
        try:
            return account_of(self._api, key)
        except Unknown:
            return ""

    # ── retire, contain, release ──────────────────────────────────────────────────────────────────────

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """See `ir.ports.Issuer`. Raises Rejected when the key given to `watch_also` dies instead."""
        if self.probe(target.value).liveness.dead:
            return "it was dead already"
        watched = self._operator.interactive
        text = dashboard_steps.to_retire(
            self._mode, target.value, self._spared, self._marks, replacement=target.replacement, watched=watched
        )
        self._operator.tell(text)
        later = Waiting(
            dashboard_steps.to_retire_later(self._mode, replacement=target.replacement),
            safe="no service is cut off; the key that is to die still works",
            next_step="ir resume",
        )
        if not self._operator.interactive:
            raise later
        if until_dead(target, self._spared, self.probe, self._clock, stop=stop, patience=self._patience):
            return dashboard_steps.killed(target.value)
        if stop():
            return "shown what to click; the wait was ended before the key was seen dead"
        raise later

    def contain(self, target: Target, egress: tuple[str, ...], rotation: Rotation | None = None) -> Containment:
        """See `ir.ports.Issuer`. A policy that lets this machine through cannot be seen from here, so the person is asked."""
        first = self.probe(target.value)
        if first.liveness is Liveness.BLOCKED:
            return Containment("policy", "it is refused from this address already")
        if first.liveness.dead and (rotation is None or not rotation.told):
            return Containment("expired", "it was dead already")
        if not egress and rotation is None:
            return self._killed(target)
        guide = GuidedRotation(self._mode, self._operator, self._clock, self.probe, self._take, self._patience)
        if rotation is not None and (not egress or first.liveness.dead):
            return guide.run(target, rotation)
        text = dashboard_steps.to_contain(self._mode, egress)
        self._operator.tell(text)
        contained = self._until_contained(target.value, first.liveness, asks=True) if self._operator.interactive else None
        if contained is None:
            raise Waiting(text, safe="nothing was changed", next_step="ir resume")
        if contained.how != "rotated" or rotation is None:
            return contained
        return guide.run(target, replace(rotation, told=True))

    def _killed(self, target: Target) -> Containment:
        watched = self._operator.interactive
        self._operator.tell(dashboard_steps.to_retire(self._mode, target.value, None, Marks(), watched=watched))
        contained = self._until_contained(target.value, self.probe(target.value).liveness, asks=False) if watched else None
        if contained is None:
            raise Waiting(dashboard_steps.to_retire_later(self._mode), safe="nothing was changed", next_step="ir resume")
        return contained

    def _until_contained(self, key: Secret, first: Liveness, *, asks: bool) -> Containment | None:
        start = asked = self._clock.elapsed()
        while (now := self._clock.elapsed()) < start + self._patience:
            contained = _contained(key, self.probe(key).liveness, first)
            if contained is not None:
                return contained
            if asks and now >= asked + _ASK_EVERY:
                if self._operator.confirm("This machine's probes are still answered. Is the policy attached, and allows it?"):
                    return Containment("policy", "attached, says the operator; probes from here are let through, so unseen")
                asked = self._clock.elapsed()
            self._clock.sleep(EVERY)
        return None

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """Raise Waiting with the clicks."""
        raise Waiting(dashboard_steps.to_release(self._mode), next_step="ir resume")

    def widen(self, target: Target, right: str) -> str:
        """See `ir.ports.Issuer`. Raises Waiting with the clicks."""
        raise Waiting("only a person can add it", next_step=dashboard_steps.to_widen(self._mode, right))

    def may_read(self, key: Secret, right: str) -> bool | None:
        """See `ir.ports.Issuer`."""
        return may_read(self._api, key, right)

    def remove(self, key_id: str) -> str:
        """See `ir.ports.Issuer`. Nothing of a dead key still works, so nothing is removed."""
        return ""


def _contained(key: Secret, now: Liveness, first: Liveness) -> Containment | None:
    if now is Liveness.BLOCKED:
        return Containment("policy", "an access policy refuses it from this address")
    if now.dead:
        return Containment("rotated", dashboard_steps.killed(key))
    if now is Liveness.NARROW and first is Liveness.ALIVE:
        return Containment("narrowed", "its permissions were narrowed in the Dashboard")
    return None
