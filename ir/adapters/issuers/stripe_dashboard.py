"""Keys by a human's clicks in Stripe's Dashboard: the tool says what to click, and believes only probes."""

from collections.abc import Callable

from ir.adapters.issuers import dashboard_steps
from ir.adapters.issuers.guided_watch import EVERY, until_dead
from ir.adapters.issuers.paste_check import Expect, Verdict, examine, taken
from ir.clients.stripe_api import StripeApi, account_of, probe
from ir.core.errors import Unknown, Waiting
from ir.core.key_kind import Credential, kind_of
from ir.core.model import KeyRow, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.ports import Clock, Containment, Minted, MintOrder, Operator, Target

_LOOKS_AT_A_PASTE = 4
_ASK_EVERY = 60.0


class DashboardIssuer:
    """Implements `ir.ports.Issuer` with a human at the Dashboard.

    Args:
        api: where Stripe is.
        account_id: the account that a paste has to belong to, "" = not known.
        mode: of the account in the inventory; decides which page is opened.
        operator: the human, or nobody: then each step looks once.
        clock: waits between looks.
        patience: seconds that a guided kill or containment waits for the human before it becomes `Waiting`.
        replaces: False: nothing uses the key and no other is wanted, so that killing it is the way to contain it.

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
        replaces: bool = True,
    ) -> None:
        self._api, self._account, self._mode = api, account_id, mode
        self._operator, self._clock, self._patience = operator, clock, patience
        self._replaces = replaces
        self._spared: Secret | None = None
        self._created = 0.0
        self.seen_alive: dict[Secret, str] = {}

    def watch_also(self, spared: Secret, *, created: float = 0.0) -> None:
        """See `ir.ports.Issuer`."""
        self._spared, self._created = spared, created

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
        expect = Expect(order.kind, order.mode, self._expected_account(order), order.old)
        try:
            paste, verdict = taken(
                self._operator,
                f"New {order.kind} key ({order.mode})",
                lambda given: examine(given, expect, self._look_again, self._account_of),
                self.seen_alive,
            )
        except Waiting as none:
            safe = "the old key still works and nothing was changed"
            raise Waiting(f"{text}\n{none.what}", safe=safe, next_step=f"ir resume {order.incident}") from None
        return self._take(paste, order, verdict, keep)

    def _take(self, paste: Secret, order: MintOrder, verdict: Verdict, keep: Callable[[Secret], str]) -> Minted:
        if verdict.note:
            self._operator.tell(verdict.note)
        address = keep(paste)
        self.seen_alive.pop(paste, None)
        self._operator.tell("Taken: Stripe answers to it, and it is in custody.")
        return Minted("", paste, self._clock.now().timestamp(), order.kind, address)

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
            self._mode, target.value, self._spared, self._created, replacement=target.replacement, watched=watched
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
            return "killed in the Dashboard, seen dead"
        if stop():
            return "shown what to click; the wait was ended before the key was seen dead"
        raise later

    def contain(self, target: Target, egress: tuple[str, ...]) -> Containment:
        """See `ir.ports.Issuer`. A policy that lets this machine through cannot be seen from it: the human is asked."""
        first = self.probe(target.value)
        if first.liveness.dead:
            return Containment("expired", "it was dead already")
        if first.liveness is Liveness.BLOCKED:
            return Containment("policy", "it is refused from this address already")
        text = dashboard_steps.to_contain(self._mode, egress) if self._replaces else dashboard_steps.to_retire_later(self._mode)
        kill = dashboard_steps.to_retire(self._mode, target.value, None, 0.0, watched=self._operator.interactive)
        self._operator.tell(text if self._replaces else kill)
        if self._operator.interactive:
            contained = self._until_contained(target.value, first.liveness, egress)
            if contained is not None:
                return contained
        raise Waiting(text, safe="nothing was changed", next_step="ir resume")

    def _until_contained(self, key: Secret, first: Liveness, egress: tuple[str, ...]) -> Containment | None:
        start = asked = self._clock.elapsed()
        while (now := self._clock.elapsed()) < start + self._patience:
            contained = _contained(self.probe(key).liveness, first)
            if contained is not None:
                return contained
            if egress and now >= asked + _ASK_EVERY:
                if self._operator.confirm("This machine's probes are still answered. Is the policy attached, and allows it?"):
                    return Containment("policy", "attached, says the operator; probes from here are let through, so unseen")
                asked = self._clock.elapsed()
            self._clock.sleep(EVERY)
        return None

    def release(self, target: Target, before: tuple[str, ...]) -> None:
        """Raise Waiting with the clicks."""
        raise Waiting(dashboard_steps.to_release(self._mode), next_step="ir resume")

    def remove(self, key_id: str) -> str:
        """See `ir.ports.Issuer`. A dead key leaves nothing behind that works."""
        return ""


def _contained(now: Liveness, first: Liveness) -> Containment | None:
    if now is Liveness.BLOCKED:
        return Containment("policy", "an access policy refuses it from this address")
    if now.dead:
        return Containment("rotated", "killed in the Dashboard, seen dead")
    if now is Liveness.NARROW and first is Liveness.ALIVE:
        return Containment("narrowed", "its permissions were narrowed in the Dashboard")
    return None
