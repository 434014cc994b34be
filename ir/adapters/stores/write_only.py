"""Stores whose host never tells a value: such a store can neither stage nor keep anything, and an undo is another write.

An adapter gives the mark of the last change and the write; `actions.unread` is the order in which they are used.
"""

from abc import abstractmethod

from ir.adapters.stores.keeps_nothing import KeepsNothing
from ir.core.errors import Conflict, Rejected, Unknown
from ir.core.secret import Secret
from ir.ports import Held


class WriteOnlyStore(KeepsNothing):
    """One place; a version is the host's own mark of its last change."""

    @abstractmethod
    def mark(self) -> str:
        """The mark as it is now. Raises PortError."""

    @abstractmethod
    def write(self, value: Secret) -> str:
        """Write over what is there, and never create; returns the new mark. Raises PortError."""

    def read(self) -> Held:
        """See `ports.Store`. No value, only the mark."""
        return Held(None, self.mark())

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`. There is no compare-and-set: the mark is read right before and right after."""
        before = self.mark()
        if before != expected:
            raise Conflict(f"{self.ref} was changed by somebody else: its mark is {before}, {expected or 'none'} was expected")
        written = self.write(new)
        after = self.mark()
        if after != written:
            raise Conflict(f"{self.ref} was changed by somebody else right after us: its mark is {after}, ours was {written}")
        if after == before:
            raise Unknown(f"the write of {self.ref} was answered, and its mark is as it was before: it may not have happened")
        return after

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise Rejected(f"{self.ref} cannot be read, so nothing tells whether it still holds the new key: write the old one again")
