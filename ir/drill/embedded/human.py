"""The human of a drill: clicks in the twin's Dashboard what the run waits for."""

import re
from collections.abc import Callable
from pathlib import Path

from ir.drill.embedded.stores import write_private
from ir.drill.embedded.stripe_account import Account
from ir.drill.twin import Key

_NAME = re.compile(rb"ir-INC-\d{8}-[0-9a-f]{6}-\d+")
"""The name that the guide gives to the new key."""


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

    def click(self, screen: bytes) -> bool:
        """Do what is left to do for a run that waits, as its `screen` says; False: there is nothing left."""
        twin, leaked = self._account.twin, self._account.leaked
        name = _NAME.search(screen)
        if self._made is None and name:
            self._say("the human clicks Create secret key, names it as told, and puts the value into a private file")
            self._took(twin.create_secret_key(name.group().decode()))
            return True
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
