"""A person rolls a signing secret in Stripe's Workbench. For up to 24 hours Stripe then signs each delivery with both secrets.

No call tells what a signing secret is or whether it works, so a paste is checked by its characters, and everything else is
told by the services.
"""

from collections.abc import Callable

from ir.adapters.issuers import dashboard_steps, webhook_steps
from ir.adapters.issuers.paste_check import Expect, PasteResult, looks_wrong, taken
from ir.adapters.issuers.signing_secret import SigningSecretIssuer
from ir.adapters.issuers.webhook_use import SecretUse, WebhookServices
from ir.core.errors import Rejected, Waiting
from ir.core.model import KeyKind, KeyRow, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.ports import Clock, Minted, MintOrder, Operator, Target


class RollIssuer(SigningSecretIssuer):
    """Implements `ir.ports.Issuer` for one endpoint; nothing is sent to Stripe.

    `alive`: a service accepts it, or Stripe signs with it until the deadline and going back is still meant to be possible.
    `expired`: no service accepts it. `blocked`: it cannot be told from here.

    Args:
        url, endpoint: of the endpoint, for the human.
        operator: the person, or the rules for unattended runs.
        uses: the services.
    """

    guided = True

    def __init__(self, url: str, endpoint: str, mode: Mode, operator: Operator, clock: Clock, uses: WebhookServices) -> None:
        self._url, self._endpoint, self._mode = url, endpoint, mode
        self._operator, self._clock, self._uses = operator, clock, uses
        self.seen_alive: dict[Secret, str] = {}

    def probe(self, key: Secret) -> Probe:
        """See `ir.ports.Issuer`."""
        return Probe(self._liveness(key), at=self._clock.now().timestamp())

    def _liveness(self, key: Secret) -> Liveness:
        use, new = self._uses.of(key), self._uses.is_new(key)
        if use is SecretUse.ACCEPTED or (not new and self._still_signs()):
            return Liveness.ALIVE
        if use is SecretUse.UNASKED or (new and use is SecretUse.REFUSED):
            return Liveness.BLOCKED
        return Liveness.EXPIRED if use is SecretUse.REFUSED else Liveness.UNKNOWN

    def _still_signs(self) -> bool:
        facts = self._uses.facts()
        deadline = float(facts.get("old", {}).get("deadline") or 0.0)
        return bool(facts.get("new")) and not self._uses.given_up and self._clock.now().timestamp() < deadline

    def identify(self, key: Secret, *, known_id: str = "") -> KeyRow | None:
        """Always None: Stripe is not asked."""
        return None

    def strays(self, incident: str) -> tuple[KeyRow, ...]:
        """Always empty: a roll leaves no secret beside the two."""
        return ()

    def mint(self, order: MintOrder, keep: Callable[[Secret], str]) -> Minted:
        """See `ir.ports.Issuer`. Asks until a paste is good; raises Waiting when there is nothing (more) to take."""
        text = webhook_steps.to_roll(self._mode, self._url, self._endpoint, order.expires_old_at)
        self._operator.tell(text)
        expect = Expect(KeyKind.WEBHOOK, order.mode, "", order.old)
        try:
            paste = taken(
                self._operator,
                "New signing secret",
                lambda given: PasteResult(looks_wrong(given, expect), doubt=order.holder(given)),
                self.seen_alive,
            )
        except Waiting as none:
            safe = "both secrets sign until the old one expires, if it was rolled already; the services still have the old one"
            raise Waiting(f"{text}\n{none.what}", safe=safe, next_step=f"ir resume {order.incident}") from None
        address = keep(paste.value)
        self._operator.tell("Taken, and in custody. Whether it is this endpoint's secret, the services will show.")
        return Minted("", paste.value, 0.0, KeyKind.WEBHOOK, address, pasted=self._clock.now().timestamp(), because=paste.because)

    def watch_also(self, spared: Secret, *, created: float = 0.0, pasted: float = 0.0, name: str = "") -> None:
        """Nothing to watch: no row can be clicked by mistake."""

    def retire(self, target: Target, *, stop: Callable[[], bool] = lambda: False) -> str:
        """Nothing to click: the old secret runs out by itself. The new one cannot be taken back: Rejected."""
        if target.replacement:
            raise Rejected(
                "a rolled secret cannot be taken back: when the old one expires, Stripe signs with the new one alone",
                next_step=f"before {self._runs_out()}, give the services the new secret, or roll again: ir rotate stripe-webhook",
            )
        return f"services use the new secret alone; Stripe stops signing with the old one by itself, at {self._runs_out()} at the latest"

    def _runs_out(self) -> str:
        deadline = float(self._uses.facts().get("old", {}).get("deadline") or 0.0)
        return dashboard_steps.when(deadline) if deadline else "the time that was chosen when it was rolled"

    def remove(self, key_id: str) -> str:
        """Nothing: the endpoint stays."""
        return ""
