"""An environment variable of this process: read only, for keys that only this tool uses (a review key, an app key)."""

import os
from dataclasses import replace

from ir.core.errors import Denied, Missing, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Held, Left, Pending, Permission, Store


class EnvStore(Store):
    """One variable.

    Args:
        ref: `env://NAME`.

    A version is the fingerprint of the value.
    """

    def __init__(self, ref: Reference) -> None:
        self.ref = ref

    def read(self) -> Held:
        """See `ports.Store`."""
        text = os.environ.get(self.ref.path)
        if text is None:
            raise Missing(f"the environment variable {self.ref.path} is not set")
        if any("\udc80" <= char <= "\udcff" for char in text):
            raise Rejected(f"the environment variable {self.ref.path} is not text")
        held = Held.of(text, "")
        return replace(held, version=held.value.fingerprint if held.value else "")

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. Always Denied: what a process writes there, no other process sees."""
        raise Denied(f"{self.ref} can only be read", next_step="list the place that the variable is filled from")

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`. Nothing is ever pending here."""

    def left(self, incident: str) -> Left:
        """See `ports.Store`. Nothing of ours is ever here."""
        return Left()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def discard(self, incident: str) -> None:
        """See `ports.Store`. Nothing of ours is ever here."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`. Always None."""
        return None

    def _read_only(self) -> Rejected:
        return Rejected(f"{self.ref} can only be read")
