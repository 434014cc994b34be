"""Places with room for one value: they can neither stage nor keep anything, so nothing is left there."""

from ir.core.errors import Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Left, Pending, Store


class KeepsNothing(Store):
    """The half of `ports.Store` that such a place lacks; an adapter adds the reads and writes."""

    ref: Reference

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`. Always None."""
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`. Nothing is ever pending here."""

    def left(self, incident: str) -> Left:
        """See `ports.Store`. Nothing of ours is ever here."""
        return Left()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. Always ""."""
        return ""

    def discard(self, incident: str) -> None:
        """See `ports.Store`. Nothing of ours is ever here."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise Rejected(f"{self.ref} has no place for a second value")

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`. Always None."""
        return None
