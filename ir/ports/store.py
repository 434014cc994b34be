"""A store keeps keys: services read the current one there, and a replacement waits beside it."""

from dataclasses import dataclass, field
from typing import Protocol

from ir.core.ownership import Owner
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.core.store_kind import Promises

STAGED = "staged"
"""Role of the value that waits to become current; `Store.fetch` takes it as it takes roles of custody."""


@dataclass(frozen=True)
class Held:
    """The content of a store now.

    Attributes:
        value: the key; None when the field is absent or empty.
        version: what a later write expects: version id, number, or content hash.
        siblings: names of the other fields of the same object, never their values.
        others: of those, each that holds something shaped like a key, and its fingerprint; for comparing, never recorded.
        stamp: what `Store.stamp` says as long as this stands there, "" = it says nothing.
        until: epoch seconds at which the store deletes this version by itself, 0 = never.
        blanks: white space stood around the key, such as a line end; `value` is without, and what is written is, too.
    """

    value: Secret | None
    version: str
    siblings: tuple[str, ...] = ()
    blanks: bool = False
    until: float = 0.0
    stamp: str = ""
    others: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @staticmethod
    def of(text: str, version: str, siblings: tuple[str, ...] = (), others: tuple[tuple[str, str], ...] = ()) -> "Held":
        """Read `text` as it is in the store: the key, and the white space around it."""
        clean = text.strip()
        return Held(Secret(clean) if clean else None, version, siblings, clean != text, others=others)

    def twins(self, fingerprint: str) -> tuple[str, ...]:
        """Names of the other fields of the same object that hold this value."""
        return tuple(dict.fromkeys(name for name, mark in self.others if mark == fingerprint))


@dataclass(frozen=True)
class Permission:
    """Whether a write would be allowed, found out without writing.

    Attributes:
        proven: True: yes. False: the vendor cannot tell. A plain no is raised as `Denied` instead.
        said: what was checked, or why it cannot be.
    """

    proven: bool
    said: str


@dataclass(frozen=True)
class PolicyCall:
    """One kind of call that a run makes at a store, so that a policy can allow it.

    Attributes:
        right: as the vendor's policies name it: an IAM action, a capability of Vault, a privilege of Conjur.
        on: the object or path, with `{path}`, `{folder}` and `{incident}` for what differs.
        why: for which of our operations.
        proof: how it is proven before the mint: `asked` (the vendor tells), `done` (made, on what is ours), "" = not proven.
        hint: without it a run goes on: it is for people, or tells more.
        read: reading the current value makes it, so a place that is only read needs it, too.
    """

    right: str
    on: str
    why: str
    proof: str = ""
    hint: bool = False
    read: bool = False


@dataclass(frozen=True)
class Pending:
    """An unfinished stage of another run or another tool.

    Attributes:
        owner: whose it is, for people.
        since: epoch seconds, 0 unknown.
        version: what `drop` expects to find there still.
        incident: which incident of this tool, "" when it is another tool's.
    """

    owner: str
    since: float
    version: str
    incident: str = ""


@dataclass(frozen=True)
class Left:
    """The traces of one incident at a store: names and times, never a value.

    Attributes:
        roles: under which something is held: `STAGED`, `old`, `new-1` …
        owner: who wrote it (user@host), "" unknown.
        since: epoch seconds of the oldest of it, 0 unknown.
    """

    roles: tuple[str, ...] = ()
    owner: str = ""
    since: float = 0.0


class Store(Protocol):
    """A place that holds a key in one field, and that services read.

    stage → promote → discard, or undo. All take the incident id, which marks what is ours.
    Writes merge one field into the *current* value, so a neighbour's concurrent change is kept.
    """

    ref: Reference
    """The place: one field of one object."""

    @property
    def promises(self) -> Promises:
        """What this kind of place can do; see `core.store_kind`."""
        return self.ref.promises

    @property
    def guided(self) -> bool:
        """Whether a person does the writing; `promote` may then raise `Waiting`."""
        return self.promises.guided

    @property
    def custodian(self) -> bool:
        """Whether `keep` works here."""
        return self.promises.custody

    def read(self) -> Held:
        """The current value, by explicit version or stage. Raises Denied, Unknown, or Missing when the object does not exist.

        A write-only place tells no value: the value is None, and its own mark of the last change is the version.
        """
        ...

    def check_write(self, incident: str) -> Permission:
        """Whether `stage` and `promote` would be allowed, changing no value. Raises Denied, Missing, Unknown."""
        ...

    def pending(self, incident: str) -> Pending | None:
        """A stranger's unfinished rotation on this object, None when there is none (our own does not count)."""
        ...

    def stamp(self) -> str:
        """Which version of the object stands there, told without its value; "" = that cannot be told here. Raises PortError."""
        return ""

    def ends_at(self, held: Held) -> float:
        """Epoch seconds at which the store deletes this, or the whole object, by itself; 0 = never. Raises PortError."""
        return held.until

    def owners(self) -> tuple[Owner, ...]:
        """Programs that write this place by themselves, by what the place tells of them; none where it tells nothing. Raises PortError."""
        return ()

    def drop(self, found: Pending) -> None:
        """Remove the stage that `pending` found, and nothing else: neither custody nor the current value.

        Already removed = fine. Raises Conflict when another value is staged by now, or when the stage has become current.
        """
        ...

    def left(self, incident: str) -> Left:
        """What this incident left here. Raises Denied when the login may not look."""
        ...

    def incidents(self) -> tuple[str, ...]:
        """Ids of all incidents that left something here: a stage, custody or a note. None where that cannot be kept or seen."""
        return ()

    def stage(self, incident: str, new: Secret) -> str:
        """Place the new key beside the current one, unseen by services; returns the staged version ("" = store cannot stage).

        Idempotent: a stage of this incident with this value stays.
        """
        ...

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """Make the new key current and read it back; returns the new version.

        Already current: returns without a write. Raises Conflict when the object moved on from version `expected`
        *and* the field no longer holds the value that it held then; a neighbour's change alone is merged instead.
        A write-only place writes if its mark is `expected`, whatever value stands there, and returns the new mark.
        """
        ...

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """Put the old key back, only if the field still holds `new`; returns the version. Idempotent.

        Raises Conflict when the field holds a third value; Rejected where no value can be read: there the old one is promoted again.
        """
        ...

    def discard(self, incident: str) -> None:
        """Remove everything that this incident staged or kept here. Idempotent. Never touches the current value."""
        ...

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """Custody: hold `secret` under `role` (`old`, `new-1` …) durably and addressably; returns a secret-free address.

        Idempotent. Raises Denied, Unknown; `Rejected` when this store cannot hold custody.
        """
        ...

    def fetch(self, incident: str, role: str) -> Secret | None:
        """The value that `keep` holds under `role`, or `stage` under `STAGED`; None when there is none."""
        ...
