"""An environment variable: read only, for keys that a machine is given at start (a review key, an app key)."""

import os

from ir.errors import Missing, Rejected
from ir.ports import Held, Pending, Permission, Store
from ir.reference import Reference
from ir.secret import Secret


class EnvStore(Store):
    """`env://NAME`."""

    guided = False
    custodian = False

    def __init__(self, ref: Reference) -> None:
        self.ref = ref

    def read(self) -> Held:
        """See `ports.Store`."""
        value = os.environ.get(self.ref.path, "")
        if not value:
            raise Missing(f"the environment has no {self.ref.path}")
        found = Secret(value)
        return Held(found, found.fingerprint)

    def check_write(self, incident: str) -> Permission:
        """Raises Rejected: a process cannot change the environment of another."""
        raise self._refusal()

    def pending(self, incident: str) -> Pending | None:
        """Nothing can be staged here."""
        return None

    def stage(self, incident: str, new: Secret) -> str:
        """Raises Rejected."""
        raise self._refusal()

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """Raises Rejected."""
        raise self._refusal()

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """Raises Rejected."""
        raise self._refusal()

    def discard(self, incident: str) -> None:
        """Nothing was kept."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """Raises Rejected."""
        raise self._refusal()

    def fetch(self, incident: str, role: str) -> Secret | None:
        """Nothing was kept."""
        return None

    def _refusal(self) -> Rejected:
        return Rejected(
            f"{self.ref} is read only", next_step="list where the variable comes from: a file, a secret store, or manual://NAME"
        )
