"""What all stores share whose host tells no value: nothing is staged, kept or found there, and undo is another write.

An adapter gives the mark of the last change and the write; `actions.unread` is the order in which they are used.
"""

from abc import abstractmethod

from ir.core.errors import Conflict, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Held, Left, Pending, Store


class WriteOnlyStore(Store):
    """One place; a version is the host's own mark of its last change."""

    ref: Reference

    @abstractmethod
    def mark(self) -> str:
        """The mark as it is now. Raises PortError."""

    @abstractmethod
    def write(self, value: Secret) -> str:
        """Write over what is there, and never create; returns the new mark. Raises PortError."""

    def read(self) -> Held:
        """See `ports.Store`. No value, only the mark."""
        return Held(None, self.mark())

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`. Nothing is ever pending here."""

    def left(self, incident: str) -> Left:
        """See `ports.Store`. Nothing of ours is ever here."""
        return Left()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. Always ""."""
        return ""

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`. There is no compare-and-set: the mark is read right before and right after."""
        before = self.mark()
        if before != expected:
            raise Conflict(f"{self.ref} was changed by somebody else: its mark is {before}, {expected or 'none'} was expected")
        written = self.write(new)
        after = self.mark()
        if after != written:
            raise Conflict(f"{self.ref} was changed by somebody else right after us: its mark is {after}, ours was {written}")
        return after

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise Rejected(f"{self.ref} cannot be read, so nothing tells whether it still holds the new key: write the old one again")

    def discard(self, incident: str) -> None:
        """See `ports.Store`. Nothing of ours is ever here."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise Rejected(f"{self.ref} cannot be read, so it can keep nothing for us")

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`. Always None."""
        return None
