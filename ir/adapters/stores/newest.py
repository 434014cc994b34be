"""Stores whose newest version is current at once: such a store can stage nothing, and a write compares nothing.

After a write it is looked whether another writer came in between. Then that writer's text, an earlier version now, is looked at: a
neighbour's change is merged, another key is put back and is a conflict. Staging and custody are a document apart.
"""

import threading
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ir.adapters.stores import value_field
from ir.adapters.stores.kept_apart import KeptApart
from ir.adapters.stores.old_news import settled
from ir.core.errors import Conflict, Missing, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Store

_TRIES = 6
"""Tries against other writers before we give up."""
_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
"""Object → lock for the writers of this process: two fields of one object are promoted side by side."""


@dataclass(frozen=True, repr=False)
class StoredVersion:
    """One version: what it is called, and its text, which holds the key."""

    id: str
    text: str

    @property
    def number(self) -> int:
        """Where versions are numbered."""
        return int(self.id)


class NewestStore(Store):
    """One object, whose newest version services read.

    Attributes:
        kept: the documents that incidents keep apart.
    """

    ref: Reference
    kept: KeptApart
    _wrote = False

    @abstractmethod
    def current(self) -> StoredVersion:
        """The newest version. Raises PortError."""

    @abstractmethod
    def at(self, version: str) -> StoredVersion:
        """An earlier one. Raises Missing, Rejected when it is gone."""

    @abstractmethod
    def put(self, text: str) -> str:
        """A new version, which is current at once; returns what it is called."""

    @abstractmethod
    def between(self, base: StoredVersion, ours: str) -> StoredVersion | None:
        """The version of another writer that our own one followed, None when that was `base`. Raises PortError."""

    def base(self) -> StoredVersion:
        """The newest version, before a write: what comes after it, and is not ours, came in between."""
        return self.current()

    def read(self) -> Held:
        """See `ports.Store`."""
        return self._held(self.current())

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        return self.kept.pending(incident)

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        self.kept.drop(found)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        return self.kept.left(incident)

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        return self.kept.incidents()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        current = self.current()
        if self._value(current) == new:
            return current.id
        self.kept.put(incident, STAGED, new)
        return self.kept.path(incident)

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""

        def may(current: StoredVersion) -> None:
            if current.id != expected and self._value(current) != self._value_at(expected, incident):
                said = f"version {current.id} is current, {expected or 'none'} was expected"
                raise Conflict(f"somebody else changed the key in {self.ref}: {said}")

        version = self._switch(new, may)
        with suppress(PortError):  # nothing is staged any more; `discard` finds what stays behind
            self.kept.put(incident, STAGED, None)
        return version

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(current: StoredVersion) -> None:
            if self._value(current) != new:
                raise Conflict(f"{self.ref} holds neither the old key nor ours: version {current.id} is somebody else's")

        settled(self.current, lambda current: self._value(current) == old, knows=self._wrote)
        return self._switch(old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`."""
        self.kept.discard(incident)

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        self.kept.put(incident, role, secret)
        return f"{self.ref.scheme}://{self.ref.host}/{self.kept.path(incident).lstrip('/')} ({role})"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        return self.kept.get(incident, role)

    def _switch(self, wanted: Secret, may: Callable[[StoredVersion], None]) -> str:
        """Make `wanted` current, merged into the value that is current at that moment; `may` raises if that is not allowed."""
        with _locks[self.ref.object]:
            base = self.base()
            for _ in range(_TRIES):
                if self._value(base) == wanted:
                    return base.id
                may(base)
                text = self._with(base, wanted)
                ours = self._written(text)
                theirs = self.between(base, ours)
                if theirs is None or theirs.text == text:  # the same text: ours, too, and it was sent twice
                    return self._read_back(wanted, ours)
                self._give_back_unless(may, theirs, ours)
                base = StoredVersion(ours, theirs.text)
        raise Conflict(f"{self.ref} changed {_TRIES} times while we tried to write it")

    def _give_back_unless(self, may: Callable[[StoredVersion], None], theirs: StoredVersion, ours: str) -> None:
        """Put back another writer's value from right before ours, if it is another key: raises Conflict, as `may` does."""
        try:
            may(theirs)
        except Conflict:
            if self.current().id == ours:
                self._written(theirs.text)
            raise

    def _written(self, text: str) -> str:
        version = self.put(text)
        self._wrote = True
        return version

    def _read_back(self, wanted: Secret, ours: str) -> str:
        now = self.current()
        if self._value(now) != wanted:
            raise Conflict(f"somebody else changed the key in {self.ref} right after us: version {now.id}, ours was {ours}")
        return now.id

    def _value_at(self, version: str, incident: str) -> Secret | None:
        """The field's value in an earlier version; custody has it when the version itself is gone."""
        if version:
            with suppress(Missing, Rejected):
                return self._value(self.at(version))
        return self.fetch(incident, "old")

    def _held(self, found: StoredVersion) -> Held:
        return value_field.read(found.text, self.ref.field, found.id, str(self.ref))

    def _value(self, found: StoredVersion) -> Secret | None:
        return self._held(found).value

    def _with(self, found: StoredVersion, value: Secret) -> str:
        return value_field.write(found.text, self.ref.field, value, str(self.ref))
