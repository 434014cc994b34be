"""The options of a drill."""

from dataclasses import dataclass, field

from ir.core.model import Mode, Policy
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.simulated.faults import Fate

PERMISSIONS = ("payment_intent_write", "charge_read", "balance_read")
"""What the services need."""
LONGEST_WAIT = 600.0
"""Seconds that one command of the drill may take before the drill gives it up."""


@dataclass(frozen=True)
class Waits:
    """Seconds that replace those of the shipped playbook; None keeps the shipped one."""

    soak: float | None = 3.0
    quiet: float | None = 3.0
    grace: float | None = 3.0
    watch: float | None = 5.0
    window: float | None = None
    """The proof of death; the promise says 15 s, so only tests make it shorter."""

    def said(self, policy: Policy) -> str:
        """For the screen."""
        grace = self.grace if policy is Policy.SCHEDULED else None
        named = (("soak", self.soak), ("quiet", self.quiet), ("grace", grace), ("watch", self.watch), ("proof window", self.window))
        return ", ".join(f"{name} {value:g} s" for name, value in named if value is not None)


@dataclass(frozen=True)
class DrillOptions:
    """The options of one drill.

    Attributes:
        seed: names, amounts, order and keys follow from it.
        services: how many processes take payments.
        managed: the replacement is minted by API; False: a simulated human clicks in the twin's Dashboard.
        waits: None: the shipped playbook, unchanged.
        dead_on_arrival: Stripe has deactivated the leaked key before it was noticed.
        death: seconds from the order to a key's death (Stripe: seconds to minutes).
        keep: leave the folder behind.
        stores: kinds of store that have to run; none: all that this machine can run.
        faults: what goes wrong meanwhile, of `faults.HERE`.
    """

    seed: int = 0
    services: int = 4
    policy: Policy = Policy.EXPOSED
    managed: bool = True
    mode: Mode = Mode.TEST
    waits: Waits | None = field(default_factory=Waits)
    dead_on_arrival: bool = False
    death: float = 3.0
    keep: bool = False
    stores: frozenset[StoreKind] = frozenset()
    faults: frozenset[Fate] = frozenset()

    @property
    def forgets(self) -> str:
        """The permission that the inventory forgets and services use, "" = none; a person in the Dashboard makes a key that may do all."""
        return PERMISSIONS[0] if self.managed and Fate.LACKS_RIGHT in self.faults else ""

    @property
    def overlap(self) -> bool:
        """No payment may fail: the old key lives until every service has moved."""
        return self.policy is not Policy.EXPLOITED and not self.dead_on_arrival
