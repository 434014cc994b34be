"""The parts of a world (`context.World`): what an incident uses, asks and tells.

No hook has a default, so that a forgotten one is a type error.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event, Lock

from ir.core.model import Json
from ir.core.ownership import Owner
from ir.core.secret import Secret
from ir.incident.custody import Custody
from ir.incident.facts import Facts
from ir.incident.record import Incident
from ir.inventory import Approver
from ir.ports import Clock, Comparison, Deliveries, Issuer, Operator, Reloader, Reviewer, Store, Verifier


@dataclass(frozen=True)
class Ports:
    """The outside world, by the contracts of `ir.ports`; every write asks first (`runtime.write_guard`).

    Attributes:
        stores: by reference, as text.
        verifiers, reloaders: by the service's name.
        deliveries: what Stripe tells of its deliveries, of a webhook alone.
    """

    issuer: Issuer
    stores: Mapping[str, Store]
    verifiers: Mapping[str, Sequence[Verifier]]
    reloaders: Mapping[str, Reloader]
    custody: Custody
    reviewer: Reviewer
    operator: Operator
    clock: Clock
    deliveries: Deliveries | None


@dataclass(frozen=True)
class Lookups:
    """Questions about keys, each asked when its answer is needed.

    Attributes:
        control_key: a key other than the leaked one that must answer on the same path, or None.
        review_key: the key that reads the account's record, or None.
        account_of: whose a living key is, "" when Stripe does not say; raises PortError.
        holder_of: who holds a value already, in words, of all stores, services and keys of the inventory; "" = none of them.
        owners: programs that write a store by themselves; raises PortError.
        elsewhere: who else holds the value with that fingerprint, of all stores and services of the inventory that the plan does not
            replace; at most 10 s, and not older than the question.
        elsewhere_lately: the same, where nothing dies of it: a look that keys of a campaign share may be older than the question.
        own_uses: our uses of the old key that were noted (`Hooks.used`), by this process or an earlier one: `(asked, answered)`.
        own_requests: request ids of our own probes so far.
        prepare: loads what the first call to the provider needs; beside a look at the stores that takes no time.
    """

    control_key: Callable[[], Secret | None]
    review_key: Callable[[], Secret | None]
    account_of: Callable[[Secret], str]
    holder_of: Callable[[Secret], str]
    owners: Callable[[Store], tuple[Owner, ...]]
    elsewhere: Callable[[str], Comparison]
    elsewhere_lately: Callable[[str], Comparison]
    own_uses: Callable[[], Sequence[tuple[float, float]]]
    own_requests: Callable[[], tuple[str, ...]]
    prepare: Callable[[], None]


@dataclass(frozen=True)
class Hooks:
    """The acts of the process for the incident that it runs; each mode (real, dry run, simulated) gives all of them.

    Attributes:
        say: progress for the screen, not recorded.
        publish: writes report and bundle, returns the paths.
        note: keeps the index of incidents up to date.
        announce: tells people of the record's last entry, once.
        witness: takes every entry, from the first on, and signs checkpoints of them.
        keep: keeps files as evidence, notes the hashes of others that were read: `{files, inputs}`, `{name, sha256, bytes}` each.
        claim: makes a key itself this incident's own, by fingerprint, whatever an inventory calls it; raises AlreadyRunning.
        knows: whether the database has an incident of that id.
        over: whether the database has an incident of that id, and it is over for good, with no key of it left to do.
        removed_approvers: of the incident's approvers, those whose key has been taken out of the inventory's file since.
        used: notes a use of the old key by us: when it is about to be `asked`, by our clock, and when it was `answered`, by the provider's
            (0 = not yet). A process that is killed before its entry leaves that to the next one.
        resting: around a wait of so many seconds for nothing but time: a worker lets another incident work meanwhile. Gives a function
            that answers whether none does just now.
    """

    say: Callable[[str], None]
    publish: Callable[[Incident], list[str]]
    note: Callable[[Incident], None]
    announce: Callable[[Incident], None]
    witness: Callable[[Json], None]
    keep: Callable[[Sequence[str], Sequence[str]], Json]
    claim: Callable[[str], None]
    knows: Callable[[str], bool]
    over: Callable[[str], bool]
    removed_approvers: Callable[[], Sequence[Approver]]
    used: Callable[[float, float], None]
    resting: Callable[[float], AbstractContextManager[Callable[[], bool]]]


@dataclass
class KeysAtHand:
    """The keys once they were given or found, in process memory only."""

    leaked: Secret | None = None
    replacement: Secret | None = None


@dataclass
class Run:
    """The way in which this process runs the incident, and its progress.

    Attributes:
        scratch: a folder for files that nothing has to keep.
        patient: False: an incident that waits, for a person or for a time, is let go instead of kept by this process.
        fresh: this process began the incident, and under a name that none had before: what it does not know of was not done for it.
        recording: held while an entry is written and witnessed; what ends the process waits for it.
        published: set once the report tells the incident's end; until then its process has not finished.
        readers: called with the record after each entry, on the thread that wrote it.
    """

    scratch: str
    patient: bool
    fresh: bool = False
    recording: Lock = field(default_factory=Lock)
    published: Event = field(default_factory=Event)
    readers: list[Callable[[Incident], None]] = field(default_factory=list)
    _facts: Callable[[], Facts] = field(default=Facts, init=False)
    _stopping: Callable[[], bool] = field(default=bool, init=False)

    def told_by(self, facts: Callable[[], Facts], stopping: Callable[[], bool]) -> None:
        """A workflow walks the plan: it tells the record's facts so far, and whether a signal asks running waits to end."""
        self._facts, self._stopping = facts, stopping

    def facts(self) -> Facts:
        """The record's facts so far, {} before a workflow walks the plan; for ports that have to know them."""
        return self._facts()

    def stopping(self) -> bool:
        """True when a signal asks running waits to end."""
        return self._stopping()
