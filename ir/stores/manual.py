"""A human sets it: a hosting platform's setting, a CI secret. What it holds cannot be read; the services are the proof."""

from ir.errors import Rejected, Waiting
from ir.ports import Held, Operator, Pending, Permission, Store
from ir.reference import Reference
from ir.secret import Secret

TOLD = "told"
"""As the expected version: a human was told what to set, and the run was resumed since."""


class ManualStore(Store):
    """`manual://NAME`.

    Args:
        operator: who is told what to set, and says when it is done.
    """

    guided = True
    custodian = False

    def __init__(self, ref: Reference, *, operator: Operator) -> None:
        self.ref, self._operator = ref, operator

    def read(self) -> Held:
        """Unknown: nobody can read it."""
        return Held(None, "")

    def check_write(self, incident: str) -> Permission:
        """Unknown."""
        return Permission(False, "a human sets it")

    def pending(self, incident: str) -> Pending | None:
        """Unknown."""
        return None

    def stage(self, incident: str, new: Secret) -> str:
        """Nothing can be staged."""
        return ""

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """Ask for it, and for the word that it is done.

        Raises Waiting when it is not done, or without a terminal the first time; `expected` is `TOLD` from then on.
        """
        return self._set(f"Set the new key (fingerprint {new.fingerprint}) in {self.ref.path}", new, told=expected == TOLD)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """As `promote`, with the old key."""
        return self._set(f"Set the OLD key (fingerprint {old.fingerprint}) again in {self.ref.path}", old, told=False)

    def discard(self, incident: str) -> None:
        """Nothing was kept."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """Raises Rejected."""
        raise Rejected(f"{self.ref} can hold nothing for us")

    def fetch(self, incident: str, role: str) -> Secret | None:
        """Nothing was kept."""
        return None

    def _set(self, task: str, value: Secret, *, told: bool) -> str:
        if not self._operator.interactive and not told:
            raise Waiting(task, next_step="then: ir resume --yes")
        self._operator.tell(task + ".")
        if not self._operator.confirm("Is it set and saved?"):
            raise Waiting(task)
        return value.fingerprint
