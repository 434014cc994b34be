"""The check of a key that Stripe's API has just minted: is it the one that was ordered, and does it work?"""

import contextlib
from collections.abc import Callable

from ir.clients.stripe_api import StripeApi, account_of
from ir.core.concurrency import both
from ir.core.errors import Rejected, Unknown
from ir.core.key_kind import kind_of
from ir.core.model import KeyRow, Liveness, Probe
from ir.core.secret import Secret
from ir.ports import Clock, MintOrder

_FIRST_LOOKS = 20


class MintedCheck:
    """Of one issuer.

    Args:
        probe: looks at a key once.
        account: the account whose keys are minted.
    """

    def __init__(self, api: StripeApi, probe: Callable[[Secret], Probe], clock: Clock, account: str) -> None:
        self._api, self._probe, self._clock, self._account = api, probe, clock, account

    def refuse_unfit(self, value: Secret, row: KeyRow, order: MintOrder) -> None:
        """Raises Rejected: Stripe minted another key than the one that was ordered, or one that does not work."""
        kind = kind_of(value)
        if not kind.rotatable or row.mode is not order.mode or kind.mode is not order.mode:
            raise Rejected(f"the minted key is not a {order.mode} key")
        if order.old is not None and value == order.old:
            raise Rejected("the minted key is the leaked key itself")
        look, account = both(lambda: self._first_look(value), lambda: self._account_of(value))
        if look.liveness.dead:
            raise Rejected("the minted key is not accepted by Stripe")
        # this early, a fresh key may not be known to Stripe yet
        if look.liveness.answers and (account or self._account_of(value)) not in ("", order.account or self._account):
            raise Rejected("the minted key belongs to another account")

    def _first_look(self, value: Secret) -> Probe:
        """A fresh key may take a moment to be known everywhere, so neither a 401 nor a missing answer is believed at once."""
        look = self._probe(value)
        for _ in range(_FIRST_LOOKS):
            if look.liveness.answers or look.liveness is Liveness.BLOCKED:
                break
            self._clock.sleep(0.5)
            look = self._probe(value)
        return look

    def _account_of(self, value: Secret) -> str:
        with contextlib.suppress(Unknown):
            return account_of(self._api, value)
        return ""
