"""Another key of the inventory: a place and a service outside of the rotation's plan, which may be given the leaked key."""

from collections.abc import Callable

from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.simulated.clock import SimClock
from ir.drill.simulated.provider import SimProvider
from ir.drill.simulated.services import SimService
from ir.drill.simulated.stores import SimStore
from ir.ports import Comparison, Holder

NAME = "reports"


class OtherKey:
    """The other key; it implements `Lookups.elsewhere`.

    Attributes:
        own: what the inventory means to stand here; another account's key, which works and does not concern the provider.
        changed: called when something but the rotation has changed what is held here.
    """

    def __init__(self, provider: SimProvider, clock: SimClock) -> None:
        self.own = Secret(f"sk_test_{provider.dice.getrandbits(128):032x}")
        self.store = SimStore(parse(f"vault://secret/{NAME}#api_key"), self.own, clock)
        self.service = SimService(self.store, provider)
        self.changed: Callable[[], None] = lambda: None

    @property
    def works(self) -> bool:
        """Whether payments of the service go through."""
        return self.service.held == self.own or self.service.works

    def compare(self, fingerprint: str) -> Comparison:
        """Who of them holds it."""
        about = f"a {{}} of key `{NAME}`".format
        held = [(Holder(str(self.store.ref), "store", about("store"), NAME), self.store.value)]
        held.append((Holder(NAME, "service", about("service"), NAME), self.service.held))
        return Comparison(tuple(holder for holder, value in held if value.fingerprint == fingerprint))

    def gets(self, value: Secret) -> None:
        """A colleague puts it there, and the service is restarted."""
        self.store.put(value)
        self.service.held = value
        self.changed()
