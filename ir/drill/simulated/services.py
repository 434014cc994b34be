"""The services of a simulated rotation: each reads its store, and is its own verifier and reloader."""

from collections.abc import Callable

from ir.drill.simulated.provider import SimProvider
from ir.drill.simulated.stores import SimStore
from ir.ports import Check, Expected

USED = "charge_read"
"""The right that all services use."""


class SimService:
    """Holds a key in memory, reads its store when it is reloaded; is its own verifier and reloader.

    Attributes:
        flaps: checks before each of which it changes between its store's key and the one that it began with.
        tells: its check tells what Stripe refuses it.
        told: fingerprints of keys that it told to be lacking the right that it uses.
        changed: called when it has changed its key by itself.
    """

    proves = "holds-key"
    read_only = True

    def __init__(self, store: SimStore, provider: SimProvider, *, tells: bool = True) -> None:
        self.store, self.provider, self.tells = store, provider, tells
        self.told: set[str] = set()
        self.held = store.value
        self.broken = False
        self.stuck = False
        self.reloads = self.flaps = 0
        self.first = store.value
        self.changed: Callable[[], None] = lambda: None

    def come_up_on_the_old_key(self) -> str:
        """A reload that did not take."""
        self.reloads += 1
        return "reloaded"

    @property
    def works(self) -> bool:
        """Whether its payments go through."""
        row = self.provider.row(self.held)
        return row is not None and self.provider.lives(row) and not row.narrowed

    def check(self, expected: Expected) -> Check:
        """See `ports.Verifier`."""
        if self.flaps:
            self.flaps -= 1
            self.held = self.first if self.held != self.first and self.flaps else self.store.value
            self.changed()
        if self.broken:
            return Check(False, self.proves, "answers 500")
        if self.held.fingerprint != expected.fingerprint:
            return Check(False, self.proves, f"holds {self.held.fingerprint}")
        if not self.tells:
            return Check(True, self.proves, "holds the expected key")
        if self.refused:
            self.told.add(self.held.fingerprint)
        return Check(True, self.proves, "holds the expected key", lacks={USED: 0.0} if self.refused else {})

    @property
    def refused(self) -> bool:
        """Whether its key may not do what it does with it."""
        row = self.provider.row(self.held)
        return row is not None and self.provider.lives(row) and not row.narrowed and USED not in row.permissions

    def ready(self) -> None:
        """See `ports.Reloader`. It takes every reload."""

    def reload(self) -> str:
        """See `ports.Reloader`."""
        self.reloads += 1
        if not self.stuck:
            self.held = self.store.value
        return "reloaded"
