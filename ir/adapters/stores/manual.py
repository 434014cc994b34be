"""A place that only a person can write: a hosting platform's setting, a CI secret. Only its services show its content."""

from ir.adapters.stores.keeps_nothing import KeepsNothing
from ir.core.errors import Waiting
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Held, Operator, Permission


class ManualStore(KeepsNothing):
    """One setting.

    Args:
        ref: `manual://NAME`.
        operator: the person who sets it.

    A version is the fingerprint of what the human says was set. `--yes` cannot have set anything, so the human is asked
    for a word, not for a yes.
    """

    def __init__(self, ref: Reference, *, operator: Operator) -> None:
        self.ref = ref
        self._operator = operator

    def read(self) -> Held:
        """See `ports.Store`. Unknown always: only the services can prove it."""
        return Held(None, "")

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`."""
        return Permission(proven=False, said="a human sets it")

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """Tell the operator what to set where, and wait for the confirmation. Raises Waiting without a terminal, or when it is not done."""
        return self._ask(new, "the replacement key", "Take it from the Dashboard's dialog or from a store that holds it already.")

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """As `promote`, with the old key."""
        return self._ask(old, "the old key again", "Take it from a store that holds it, or from the setting's own history.")

    def _ask(self, value: Secret, what: str, where_from: str) -> str:
        name = f"{self.ref.path}{' ' + self.ref.field if self.ref.field else ''}"
        text = f"Set `{name}` to {what} (fingerprint {value.fingerprint}). {where_from}"
        # the end of a key is for the screen only: no error and no return value holds it
        self._operator.tell(f"{text} It ends in …{value.reveal()[-4:]}.")
        later = Waiting(text, safe="nothing was changed there by us", next_step="set it, then `ir resume` on a terminal")
        if not self._operator.interactive:
            raise later
        answer = self._operator.ask(f"Is `{name}` set? Type `done` when it is, anything else for later:")
        if answer.strip().lower() != "done":
            raise later
        return value.fingerprint
