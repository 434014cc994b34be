"""The world of one incident: every port that its actions may use, wired by `wiring`, and the keys found through them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event, Lock
from typing import Any, TypeVar, cast

from ir.core import concurrency
from ir.core.errors import Missing, PortError
from ir.core.model import Json, Mode
from ir.core.ownership import Owner
from ir.core.secret import Secret
from ir.incident.custody import Custody
from ir.incident.facts import Facts, New
from ir.incident.plan import Plan
from ir.incident.record import Incident
from ir.inventory import Account, Approver, Inventory, Key, Service
from ir.ports import STAGED, Clock, Comparison, Deliveries, Issuer, Operator, Reloader, Reviewer, Store, Verifier

ACCEPTS = ("accept_unverified", "accept_unhealthy", "accept_unreachable", "accept_owner")
"""Options by which a person accepts an exception, by name and reason."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Options:
    """What the operator said on the command line; recorded, so free of secrets.

    Attributes:
        exposed_at, old_key_expires: epoch seconds, 0 = not said / never.
        accept_unverified, accept_unhealthy, accept_unreachable, accept_owner: name → reason.
        discard_pending: why strangers' unfinished stages are cleared, "" = they are not.
        agreed: programs and secret headers of other keys that were agreed to (`inventory.consent`), for comparing what those hold.
        unagreed: what the inventory would run or reach, and nobody agreed to: it is left out (`inventory.consent`, in its words).
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


def accepting(options: Options, accepts: Json, *, yes: bool) -> Options:
    """The options from now on: `accepts` is option → name → reason, said when the incident was resumed; `yes` as said with it."""
    said = {name: {**getattr(options, name), **accepts.get(name, {})} for name in ACCEPTS}
    changes: dict[str, Any] = {**said, "yes": yes}
    return replace(options, **changes)


@dataclass
class World:
    """Ports and nouns of one incident.

    Attributes:
        leaked, replacement: the keys once they were given or found, by process memory only.
        control_key: a key other than the leaked one that must answer on the same path, or None.
        say: progress for the screen, not recorded.
        stopping: True when a signal asks running waits to end.
        publish: writes report and bundle, returns the paths.
        note: keeps the index of incidents up to date.
        announce: tells people of the record's last entry, once.
        announce_of_many: the same where a digest tells of all: only of what needs a person, or failed.
        witness: takes every entry, from the first on, and signs checkpoints of them.
        keep: keeps files as evidence, notes the hashes of others that were read: `{files, inputs}`, `{name, sha256, bytes}` each.
        recording: held while an entry is written and witnessed; who ends the process waits for it.
        facts: the record's facts so far, for ports that have to know them.
        own_requests: request ids of our own probes so far.
        claim: makes a key itself this incident's own, by fingerprint, whatever an inventory calls it; raises AlreadyRunning.
        knows: whether the database has an incident of that id.
        over: whether the database has an incident of that id, and it is over for good, with no key of it left to do.
        account_of: whose a living key is, "" when Stripe does not say; raises PortError.
        holder_of: who holds a value already, in words, of all stores, services and keys of the inventory; "" = nobody of them.
        owners: programs that write a store by themselves; raises PortError.
        elsewhere: who else holds the value with that fingerprint, of all stores and services of the inventory that the plan does not
            replace; at most 10 s.
        patient: False: an incident that waits, for a human or for a time, is let go instead of kept by this process.
        resting: around a wait of so many seconds for nothing but time: a worker lets another incident work meanwhile.
        fresh: this process began the incident, and under a name that none had before: what it does not know of, nobody did for it.
        removed_approvers: of the incident's approvers, those whose key has been taken out of the inventory's file since.
        prepare: loads what the first call to the provider needs; beside a look at the stores that takes no time.
        deliveries: what Stripe tells of its deliveries, of a webhook alone.
        published: set once the report tells the incident's end; until then its process has not finished.
    """

    incident: str
    inventory: Inventory
    account: Account
    key: Key
    plan: Plan
    options: Options
    issuer: Issuer
    stores: dict[str, Store]
    verifiers: dict[str, Sequence[Verifier]]
    reloaders: dict[str, Reloader]
    custody: Custody
    reviewer: Reviewer
    operator: Operator
    clock: Clock
    leaked: Secret | None = None
    replacement: Secret | None = None
    control_key: Callable[[], Secret | None] = lambda: None
    review_key: Callable[[], Secret | None] = lambda: None
    say: Callable[[str], None] = lambda _text: None
    stopping: Callable[[], bool] = lambda: False
    publish: Callable[[Incident], list[str]] = lambda _incident: []
    note: Callable[[Incident], None] = lambda _incident: None
    announce: Callable[[Incident], None] = lambda _incident: None
    announce_of_many: Callable[[Incident], None] = lambda _incident: None
    witness: Callable[[Json], None] = lambda _entry: None
    keep: Callable[[Sequence[str], Sequence[str]], Json] = lambda _files, _inputs: {"files": [], "inputs": []}
    recording: Lock = field(default_factory=Lock)
    facts: Callable[[], Facts] = Facts
    own_requests: Callable[[], tuple[str, ...]] = lambda: ()
    claim: Callable[[str], None] = lambda _fingerprint: None
    knows: Callable[[str], bool] = lambda _incident: True
    over: Callable[[str], bool] = lambda _incident: False
    account_of: Callable[[Secret], str] = lambda _key: ""
    holder_of: Callable[[Secret], str] = lambda _key: ""
    owners: Callable[[Store], tuple[Owner, ...]] = lambda store: store.owners()
    elsewhere: Callable[[str], Comparison] = lambda _fingerprint: Comparison()
    removed_approvers: Callable[[], Sequence[Approver]] = tuple
    prepare: Callable[[], None] = lambda: None
    deliveries: Deliveries | None = None
    scratch: str = ""
    patient: bool = True
    resting: Callable[[float], AbstractContextManager[None]] = lambda _seconds: nullcontext()
    fresh: bool = False
    published: Event = field(default_factory=Event)

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
        return self.clock.now().timestamp()

    def elapsed(self) -> float:
        """Seconds since some moment, whatever is done to the clock; for waits within this process."""
        return self.clock.elapsed()

    def store_of(self, service: Service) -> str:
        """The reference, as text, of the store that a service reads the key from."""
        return str(self.inventory.store_of(service, self.key))

    def old_key(self, facts: Facts) -> Secret:
        """The leaked key: from custody, the operator, or a store that still holds it; always matched by fingerprint.

        Raises:
            Missing: nobody has it any more.
            PortError: a place that may have it cannot be asked.
        """
        wanted = facts["old"]["fingerprint"]
        silent: PortError | None = None
        if self.leaked is not None and self.leaked.fingerprint == wanted:
            return self.leaked
        for look in (lambda: self.custody.fetch("old"), *[_reader(store) for store in self.stores.values()]):
            try:
                found = look()
            except Missing:
                continue
            except PortError as error:
                silent = silent or error
                continue
            if found is not None and found.fingerprint == wanted:
                self.leaked = found
                return found
        if silent is not None:
            raise silent
        raise Missing("the leaked key is in no store and in no custody any more", next_step="give it again with --leaked-key-from prompt")

    def new_key(self, facts: Facts) -> Secret:
        """The replacement: from custody, or a store that holds it or where it is staged; matched by fingerprint.

        Raises:
            Missing: nobody has it.
            PortError: a place that should have it cannot be asked.
        """
        self.replacement = self._find_new_key(facts["new"])
        return self.replacement

    def _find_new_key(self, new: New) -> Secret:
        found = self.held_new(new)
        if found is None:
            found = self.operator.new_key(f"The replacement once more, with fingerprint {new['fingerprint']}")
        if found is not None and found.fingerprint == new["fingerprint"]:
            return found
        raise Missing(
            f"the replacement ({new['fingerprint']}) is in no store and in no custody",
            next_step="ir resume, with --new-key-from to give it again",
        )

    def held_new(self, new: New) -> Secret | None:
        """The replacement where it is held; nobody is asked. None: all places were looked at, and none has it.

        Raises:
            PortError: a place that should have it cannot be asked, and no other has it.
        """
        if self.replacement is not None and self.replacement.fingerprint == new["fingerprint"]:
            return self.replacement
        found = self.custody.fetch(f"new-{new['n']}") if self.custody.possible else None
        if found is not None and found.fingerprint == new["fingerprint"]:
            return found
        failed: PortError | None = None
        for store in self.stores.values():
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
