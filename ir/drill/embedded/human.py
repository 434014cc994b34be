"""The person of a drill: clicks in the twin's Dashboard what the run waits for, and may slip with the value that is shown once."""

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from ir.drill.embedded.stores import write_private
from ir.drill.embedded.stripe_account import Account
from ir.drill.twin import Key

_NAME = re.compile(rb"ir-INC-\d{8}-[0-9a-f]{6}-\d+")
"""The name that the guide gives to the new key."""
_VALUE_WANTED = b"The value of the key that its rotation made is needed."
"""What a run says that saw the rotation and was given no value."""


class Slip(StrEnum):
    """What a person does with the value of a rotation."""

    NONE = "hands it over"
    LOST = "closes the dialog before it is copied"
    MISTAKEN = "copies the old key instead"


def slip_of(seed: int) -> Slip:
    """Follows from the seed of a drill."""
    return tuple(Slip)[seed % len(Slip)]


class Human:
    """One person, one key file.

    Args:
        account: whose Dashboard it is.
        file: where a new key is put, for its owner only.
        say: what they do, for the screen.
        slip: with the value of a rotation; the way that the run names then leads out of it.
    """

    def __init__(self, account: Account, file: Path, say: Callable[[str], None], slip: Slip = Slip.NONE) -> None:
        self._account, self._file, self._say, self._slip = account, file, say, slip
        self._made: Key | None = None
        self._killed = self._written = False

    @property
    def key_source(self) -> tuple[str, ...]:
        """Options that hand the new key over; none before there is one."""
        return ("--new-key-from", f"file:{self._file}") if self._written else ()

    def click(self, screen: bytes) -> bool:
        """Do what is left to do for a run that waits, as its `screen` says; False: there is nothing left."""
        twin, leaked = self._account.twin, self._account.leaked
        name = _NAME.search(screen)
        if self._made is None and name and _VALUE_WANTED not in screen:
            self._say("the human clicks Create secret key, names it as told, and puts the value into a private file")
            self._made = twin.create_secret_key(name.group().decode())
            self._writes(self._made)
            return True
        if self._made is None:
            self._rotates(leaked)
            return True
        if _VALUE_WANTED in screen:
            self._makes_good()
            return True
        if self._killed or not twin.is_alive(leaked):
            return False
        self._say("the human clicks Expire key in the row of the leaked key")
        twin.expire_in_dashboard(leaked)
        self._killed = True
        return True

    def _rotates(self, leaked: Key) -> None:
        self._say(f"the human clicks Rotate key, Expiration Now, in the row of the leaked key, and {self._slip}")
        self._made, self._killed = self._account.twin.rotate_in_dashboard(leaked), True
        if self._slip is Slip.NONE:
            self._writes(self._made)
        elif self._slip is Slip.MISTAKEN:
            self._writes(leaked)

    def _makes_good(self) -> None:
        """The dialog is still open, or the row of the lost key is rotated once more, as the run says."""
        assert self._made is not None  # noqa: S101 - a value is asked for once there was a rotation
        if self._slip is Slip.LOST:
            self._say("the human clicks Rotate key, Expiration Now, in the row of the key whose value is lost")
            self._made, self._slip = self._account.twin.rotate_in_dashboard(self._made), Slip.NONE
        self._say("the human puts the value of the new key into a private file")
        self._writes(self._made)

    def _writes(self, key: Key) -> None:
        self._written = True
        write_private(self._file, key.token.reveal() + "\n")
