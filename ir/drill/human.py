"""The human of a drill: clicks in the twin's Dashboard what the run waits for."""

from collections.abc import Callable
from pathlib import Path

from ir.drill.account import Account
from ir.drill.shelves import write_private
from ir.drill.twin import Key


class Human:
    """One person, one key file.

    Args:
        account: whose Dashboard it is.
        file: where a new key is put, for its owner only.
        say: what they do, for the screen.
    """

    def __init__(self, account: Account, file: Path, say: Callable[[str], None]) -> None:
        self._account, self._file, self._say = account, file, say
        self._made: Key | None = None
        self._killed = False

    @property
    def key_source(self) -> tuple[str, ...]:
        """Options that hand the new key over; none before there is one."""
        return ("--new-key-from", f"file:{self._file}") if self._made else ()

    def create(self) -> None:
        """Create secret key, value to a private file."""
        self._say("the human creates a second secret key in the Dashboard and puts it into a file that only they can read")
        self._took(self._account.twin.create_secret_key("payments, new"))

    def click(self) -> bool:
        """Do what is left to do for a run that waits; False: there is nothing left."""
        twin, leaked = self._account.twin, self._account.leaked
        if self._made is None:
            self._say("the human clicks Rotate key, Expiration Now, in the row of the leaked key")
            self._took(twin.rotate_in_dashboard(leaked))
            self._killed = True
            return True
        if self._killed or not twin.is_alive(leaked):
            return False
        self._say("the human clicks Expire key in the row of the leaked key")
        twin.expire_in_dashboard(leaked)
        self._killed = True
        return True

    def _took(self, key: Key) -> None:
        self._made = key
        write_private(self._file, key.token.reveal() + "\n")
