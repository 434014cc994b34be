"""The whole life of a replacement at a Stripe that answers badly, call by call: mint, find, narrow, kill.

Each operation is tried until it goes through; its first call meets the fate in the first try, its second in the second, and
so on. Between two tries of a mint what it left behind is expired, as the action does.
"""

from collections.abc import Callable

import pytest

from ir.adapters.issuers.stripe_managed import HARMLESS, ManagedIssuer
from ir.core.errors import PortError, Unknown
from ir.core.model import Mode
from ir.core.secret import Secret
from ir.drill.twin import Key, StripeTwin
from ir.drill.twin.faults import ALL, HANG, HANG_AFTER, TWICE, Fate
from ir.ports import Minted, Target
from tests.worlds.issuers import INCIDENT, BentClock, managed, order, settings, value

READS = ("balance_read", "charge_read")
_MOST = 30
_WAITED = (HANG, HANG_AFTER)


class Life:
    """One account, one leaked key, one fate."""

    def __init__(self, twin: StripeTwin, clock: BentClock, fate: Fate) -> None:
        self.twin, self.clock, self.fate = twin, clock, fate
        self.app, self.leaked = twin.create_app_key(), twin.create_restricted_key(READS)
        self.old = Target(self.leaked.id, value(self.leaked))

    def issuer(self) -> ManagedIssuer:
        """As a fresh process has it."""
        return managed(self.twin, self.clock, self.app, timeout=0.3 if self.fate in _WAITED else 5.0)

    def through(
        self, work: Callable[[ManagedIssuer], object], holds: Callable[[], bool], between: Callable[[], None] | None = None
    ) -> None:
        """Try until nothing goes wrong; what is claimed must be so, and nothing but `Unknown` may be said instead."""
        for spared in range(_MOST):
            rule = self.twin.fate(self.fate, skip=spared)
            try:
                work(self.issuer())
                failed = None
            except PortError as error:
                failed = error
            self.twin.kinder()
            assert failed is None or isinstance(failed, Unknown), f"{spared}: {failed!r}"
            assert failed is None or self.fate != TWICE, f"{spared}: {failed!r}"
            if failed is None:
                self.clock.sleep(10)
                assert holds(), spared
                if rule.met <= spared:
                    return
            elif between is not None:
                between()
        raise AssertionError("it never goes through")

    def may(self) -> set[str]:
        """What the leaked key may do, once its last change has taken effect."""
        return set(self.twin.key(self.leaked).granted(self.twin.now + 60) or ())

    def ours(self) -> list[Key]:
        """Live keys of our name."""
        return [key for key in self.twin.live_keys() if key.name.startswith("ir-")]


@pytest.mark.parametrize(
    "fate", [one for one in ALL if one.what != "slow"], ids=lambda fate: f"{fate.what} {fate.should_retry} {fate.acted}"
)
def test_a_life_among_bad_answers(fate: Fate) -> None:
    clock = BentClock()
    with StripeTwin(clock=clock, settings=settings(mode=Mode.LIVE)) as twin:
        life = Life(twin, clock, fate)
        minted = mints(life)
        life.through(lambda issuer: issuer.identify(minted.value), lambda: True)
        assert [key.id for key in life.ours()] == [minted.id]
        life.through(lambda issuer: issuer.contain(life.old, ()), lambda: life.may() == {HARMLESS})
        life.through(lambda issuer: issuer.release(life.old, READS), lambda: life.may() == set(READS))
        life.through(lambda issuer: issuer.retire(life.old), lambda: not twin.is_alive(life.leaked))
        assert [key.id for key in life.ours()] == [minted.id]


def mints(life: Life) -> Minted:
    """One replacement; every try has a name of its own, and what it made or left is expired before the next."""
    made: list[Minted] = []
    number = 0

    def mint(issuer: ManagedIssuer) -> None:
        nonlocal number
        number += 1
        made.append(issuer.mint(order(life.leaked, n=number, permissions=READS), lambda secret: secret.fingerprint))

    def clears() -> None:
        for row in life.issuer().strays(INCIDENT):
            life.issuer().retire(Target(row.id, Secret(""), name=row.name))
        life.clock.sleep(10)
        assert life.ours() == []

    def holds() -> bool:
        alone = [key.id for key in life.ours()] == [made[-1].id] and made[-1].custody == made[-1].value.fingerprint
        clears()
        return alone

    life.through(mint, holds, clears)
    mint(life.issuer())
    return made[-1]
