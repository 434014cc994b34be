"""An environment variable of this process: read only, for keys that only this tool uses (a review key, an app key)."""

import os
from dataclasses import replace

from ir.adapters.stores.keeps_nothing import KeepsNothing
from ir.core.errors import Denied, Missing, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Held, Permission


class EnvStore(KeepsNothing):
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
        """See `ports.Store`. Always Denied: another process does not see what this one writes there."""
        raise Denied(f"{self.ref} can only be read", next_step="list the place that the variable is filled from")

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise self._read_only()

    def _read_only(self) -> Rejected:
        return Rejected(f"{self.ref} can only be read")
