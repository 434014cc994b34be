"""A place that only a human can write: a hosting platform's setting, a CI secret. What is there, only its services show."""

from ir.core.errors import Rejected, Waiting
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Held, Left, Operator, Pending, Permission, Store


class ManualStore(Store):
    """One setting.

    Args:
        ref: `manual://NAME`.
        operator: who sets it.

    A version is the fingerprint of what the human says was set. `--yes` cannot have set anything, so the human is asked
    for a word, not for a yes.
    """

    def __init__(self, ref: Reference, *, operator: Operator) -> None:
        self.ref = ref
        self._operator = operator

    def read(self) -> Held:
        """See `ports.Store`. Nobody can tell: the proof comes from the services."""
        return Held(None, "")

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`."""
        return Permission(proven=False, said="a human sets it")

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
        """Tell the operator what to set where, and wait for the word. Raises Waiting when nobody is there or says so."""
        return self._ask(new, "the replacement key", "Take it from the Dashboard's dialog or from a store that holds it already.")

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """As `promote`, with the old key."""
        return self._ask(old, "the old key again", "Take it from a store that holds it, or from the setting's own history.")

    def discard(self, incident: str) -> None:
        """See `ports.Store`. Nothing of ours is ever here."""

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`. Always Rejected."""
        raise Rejected(f"{self.ref} cannot be read, so it can keep nothing for us")

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`. Always None."""
        return None

    def _ask(self, value: Secret, what: str, where_from: str) -> str:
        name = f"{self.ref.path}{' ' + self.ref.field if self.ref.field else ''}"
        text = f"Set `{name}` to {what} (fingerprint {value.fingerprint}). {where_from}"
        # The end of a key is for the eyes only: it never stands in what is raised or returned.
        self._operator.tell(f"{text} It ends in …{value.reveal()[-4:]}.")
        later = Waiting(text, safe="nothing was changed there by us", next_step="set it, then `ir resume` on a terminal")
        if not self._operator.interactive:
            raise later
        answer = self._operator.ask(f"Is `{name}` set? Type `done` when it is, anything else for later:")
        if answer.strip().lower() != "done":
            raise later
        return value.fingerprint
