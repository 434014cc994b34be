"""The world of one incident, built by one builder per mode (`runtime.worlds`, `drill.simulated`), and its keys found through it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, cast

from ir.core import concurrency
from ir.core.errors import Missing, PortError
from ir.core.model import Json, Mode
from ir.core.secret import Secret
from ir.incident.facts import Facts, New
from ir.incident.plan import Plan
from ir.incident.world_parts import Hooks, KeysAtHand, Lookups, Ports, Run
from ir.inventory import Account, Inventory, Key, Service
from ir.ports import STAGED, Store

ACCEPTS = ("accept_unverified", "accept_unhealthy", "accept_unreachable", "accept_owner")
"""Options by which a person accepts an exception, by name and reason."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Options:
    """What the operator said on the command line; recorded, so free of secrets.

    Attributes:
        exposed_at, old_key_expires, new_key_expires: epoch seconds, 0 = not said / never.
        accept_unverified, accept_unhealthy, accept_unreachable, accept_owner: name → reason.
        discard_pending: why strangers' unfinished stages are cleared, "" = they are not.
        agreed: programs and secret headers of other keys that were agreed to (`inventory.consent`), for comparing what those hold.
        around: SHA-256 of the inventory whose other keys are compared (`runtime.surroundings`), "" = the incident's own.
        unagreed: what the inventory would run or reach without consent: it is left out (`inventory.consent`, in its words).
        source: the listed store or service that leaked, "" = none of them.
        source_closed_by: who says that it is closed.
        personal_data: evidence may hold names, e-mail and postal addresses.
        key_files: new | leaked | control → `file:PATH` that the key was to be read from, so that a resume finds it again.
    """

    dry_run: bool = False
    yes: bool = False
    reason: str = ""
    leaked_via: str = "unknown"
    source: str = ""
    source_closed_by: str = ""
    exposed_at: float = 0.0
    no_replacement: bool = False
    old_key_expires: float = 0.0
    new_key_expires: float = 0.0
    accept_unverified: Mapping[str, str] = field(default_factory=dict)
    accept_unhealthy: Mapping[str, str] = field(default_factory=dict)
    accept_unreachable: Mapping[str, str] = field(default_factory=dict)
    accept_owner: Mapping[str, str] = field(default_factory=dict)
    drill: bool = False
    personal_data: bool = False
    key_files: Mapping[str, str] = field(default_factory=dict)
    discard_pending: str = ""
    unagreed: Sequence[str] = ()
    agreed: Sequence[str] = ()
    around: str = ""


def accepting(options: Options, accepts: Json, *, yes: bool) -> Options:
    """The options from now on: `accepts` is option → name → reason, said when the incident was resumed; `yes` as said with it."""
    said = {name: {**getattr(options, name), **accepts.get(name, {})} for name in ACCEPTS}
    changes: dict[str, Any] = {**said, "yes": yes}
    return replace(options, **changes)


@dataclass(frozen=True)
class World:
    """One incident, and the parts through which its actions look, ask, tell and change."""

    incident: str
    inventory: Inventory
    account: Account
    key: Key
    plan: Plan
    options: Options
    ports: Ports
    lookups: Lookups
    hooks: Hooks
    keys: KeysAtHand
    run: Run

    @property
    def services(self) -> list[Service]:
        """Services that use the key, canary first."""
        return self.inventory.services_of(self.key.name)

    @property
    def mode(self) -> Mode:
        """The account's mode."""
        return self.account.mode

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self.ports.clock.now().timestamp()

    def elapsed(self) -> float:
        """Seconds since some moment, whatever is done to the clock; for waits within this process."""
        return self.ports.clock.elapsed()

    def store_of(self, service: Service) -> str:
        """The reference, as text, of the store that a service reads the key from."""
        return str(self.inventory.store_of(service, self.key))

    def old_key(self, facts: Facts) -> Secret:
        """The leaked key: from custody, the operator, or a store that still holds it; always matched by fingerprint.

        Raises:
            Missing: it is in no place any more.
            PortError: a place that may have it cannot be asked.
        """
        wanted = facts["old"]["fingerprint"]
        silent: PortError | None = None
        if self.keys.leaked is not None and self.keys.leaked.fingerprint == wanted:
            return self.keys.leaked
        for look in (lambda: self.ports.custody.fetch("old"), *[_reader(store) for store in self.ports.stores.values()]):
            try:
                found = look()
            except Missing:
                continue
            except PortError as error:
                silent = silent or error
                continue
            if found is not None and found.fingerprint == wanted:
                self.keys.leaked = found
                return found
        if silent is not None:
            raise silent
        raise Missing("the leaked key is in no store and in no custody any more", next_step="give it again with --leaked-key-from prompt")

    def new_key(self, facts: Facts) -> Secret:
        """The replacement: from custody, or a store that holds it or where it is staged; matched by fingerprint.

        Raises:
            Missing: it is in no place.
            PortError: a place that should have it cannot be asked.
        """
        self.keys.replacement = self._find_new_key(facts["new"])
        return self.keys.replacement

    def _find_new_key(self, new: New) -> Secret:
        found = self.held_new(new)
        if found is None:
            found = self.ports.operator.new_key(f"The replacement once more, with fingerprint {new['fingerprint']}")
        if found is not None and found.fingerprint == new["fingerprint"]:
            return found
        raise Missing(
            f"the replacement ({new['fingerprint']}) is in no store and in no custody",
            next_step="ir resume, with --new-key-from to give it again",
        )

    def held_new(self, new: New) -> Secret | None:
        """The replacement where it is held; no person is asked. None: all places were looked at, and none has it.

        Raises:
            PortError: a place that should have it cannot be asked, and no other has it.
        """
        if self.keys.replacement is not None and self.keys.replacement.fingerprint == new["fingerprint"]:
            return self.keys.replacement
        found = self.ports.custody.fetch(f"new-{new['n']}") if self.ports.custody.possible else None
        if found is not None and found.fingerprint == new["fingerprint"]:
            return found
        failed: PortError | None = None
        for store in self.ports.stores.values():
            for look in (_reader(store), partial(store.fetch, self.incident, STAGED)):
                try:
                    held = look()
                except PortError as error:
                    failed = error
                    continue
                if held is not None and held.fingerprint == new["fingerprint"]:
                    return held
        if failed is not None:
            raise failed
        return None

    def each(self, things: Sequence[T], work: Callable[[T], R]) -> list[R]:
        """`work` on all things side by side, results in order."""
        return concurrency.each(things, work)

    def within(self, seconds: float, call: Callable[[], T]) -> T:
        """What it returns, if it does so in time; raises TimeoutError otherwise, and lets it run on."""
        return concurrency.within(seconds, call)

    def both(self, first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
        """Two different things side by side."""
        calls: list[Callable[[], object]] = [first, second]
        found = self.each(calls, lambda call: call())
        return cast(T, found[0]), cast(R, found[1])


def _reader(store: Store) -> Callable[[], Secret | None]:
    return lambda: None if store.guided else store.read().value
