"""A person's clicks on the keys page: each form becomes a click in the twin's Dashboard, and is noted for the score."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ir.core.secret import key_shaped
from ir.drill.twin import Key, Kind, StripeTwin
from ir.drill.twin.permissions import ACCEPTED

EXPIRATIONS = {
    "now": ("Now", 0.0),
    "1h": ("in 1 hour", 3_600.0),
    "24h": ("in 24 hours", 86_400.0),
    "3d": ("in 3 days", 3 * 86_400.0),
    "7d": ("in 7 days", 7 * 86_400.0),
}
"""The Expiration of a rotation: value → words, and seconds."""
RESOURCES = tuple(sorted({name.rpartition("_")[0] for name in ACCEPTED}))
"""What a restricted key may be given None, Read or Write for."""
_LONGEST_NAME, _LONGEST_NOTE, _MOST_NETWORKS = 100, 500, 20

Fields = Mapping[str, str]


class Refused(Exception):
    """The form cannot be taken; the text says why, and repeats nothing of it."""


class Did(StrEnum):
    """The kinds of clicks."""

    CREATED = "created"
    ROTATED = "rotated"
    EXPIRED = "expired"
    EDITED = "edited"
    POLICY = "access policy"
    PASTED = "pasted a key into a form"


@dataclass(frozen=True)
class Click:
    """One click.

    Attributes:
        at: epoch seconds of the twin's clock.
        key: id of the key in whose row it was, or that it made.
        made: id of the key that a rotation made.
        how: the words of the expiration, or the addresses of the policy.
        in_use: stores that held the key at that moment.
    """

    at: float
    did: Did
    key: str = ""
    name: str = ""
    made: str = ""
    how: str = ""
    in_use: tuple[str, ...] = ()


class Clicks:
    """One person's clicks.

    Args:
        twin: whose Dashboard it is.
        holders: which stores hold a key now, by its value.
    """

    def __init__(self, twin: StripeTwin, holders: Callable[[str], tuple[str, ...]]) -> None:
        self._twin, self._holders = twin, holders
        self.all: list[Click] = []

    def create(self, fields: Fields) -> Key:
        """Create secret key, or Create restricted key. Raises Refused."""
        name, note = self._named(fields)
        if fields.get("kind") == "restricted":
            wanted = _permissions(fields)
            if not wanted:
                raise Refused("Choose Read or Write for at least one resource.")
            key = self._twin.create_restricted_key(wanted, name)
        else:
            key = self._twin.create_secret_key(name)
        if note:
            self._twin.edit_key(key, key.name, note)
        self._note(Did.CREATED, key)
        return key

    def rotate(self, which: str, fields: Fields) -> Key:
        """Rotate key; returns the new one. Raises Refused."""
        key, in_use = self._row(which)
        words, seconds = EXPIRATIONS.get(fields.get("expiration", ""), ("", -1.0))
        if seconds < 0:
            raise Refused("Choose an Expiration.")
        made = self._twin.rotate_in_dashboard(key, seconds)
        self._note(Did.ROTATED, key, made=made.id, how=words, in_use=in_use)
        return made

    def expire(self, which: str) -> None:
        """Expire key. Raises Refused."""
        key, in_use = self._row(which)
        if key.kind is Kind.PUBLISHABLE:
            raise Refused("Publishable keys cannot be expired, only rotated.")
        self._twin.expire_in_dashboard(key)
        self._note(Did.EXPIRED, key, in_use=in_use)

    def edit(self, which: str, fields: Fields) -> None:
        """Edit key: name, note, and a restricted key's permissions. Raises Refused."""
        key, _ = self._row(which)
        name, note = self._named(fields)
        wanted = _permissions(fields) if key.kind is Kind.RESTRICTED else ()
        self._twin.edit_key(key, name or key.name, note)
        if wanted and frozenset(wanted) != key.written:
            self._twin.set_permissions(key, wanted)
        self._note(Did.EDITED, key)

    def attach_policy(self, which: str, fields: Fields) -> None:
        """Manage access policy: only these addresses; none given takes the policy away. Raises Refused."""
        key, in_use = self._row(which)
        networks = self._networks(fields.get("addresses", ""))
        self._twin.attach_access_policy(key, networks)
        self._note(Did.POLICY, key, how=", ".join(networks) or "none", in_use=in_use)

    def key(self, which: str) -> Key:
        """A key of the page. Raises Refused."""
        try:
            key = self._twin.key(which)
        except KeyError:
            raise Refused("There is no such key.") from None
        if which != key.id or key.account != self._twin.account:
            raise Refused("There is no such key.")
        return key

    def pasted(self) -> None:
        """A key was typed where none belongs."""
        self.all.append(Click(self._twin.now, Did.PASTED))

    def _row(self, which: str) -> tuple[Key, tuple[str, ...]]:
        key = self.key(which)
        if not key.active(self._twin.now):
            raise Refused("This key has expired already.")
        return key, self._holders(key.token.reveal())

    def _named(self, fields: Fields) -> tuple[str, str]:
        name, note = (self._plain(fields.get(field, "")) for field in ("name", "note"))
        if len(name) > _LONGEST_NAME or len(note) > _LONGEST_NOTE:
            raise Refused(f"A name has at most {_LONGEST_NAME} characters, a note {_LONGEST_NOTE}.")
        return name, note

    def _networks(self, text: str) -> tuple[str, ...]:
        words = self._plain(text).replace(",", " ").split()
        if len(words) > _MOST_NETWORKS:
            raise Refused(f"At most {_MOST_NETWORKS} addresses.")
        try:
            return tuple(str(ipaddress.IPv4Network(word, strict=False)).removesuffix("/32") for word in words)
        except ValueError:
            raise Refused("An IP address is like 203.0.113.7, a network like 203.0.113.0/28.") from None

    def _plain(self, text: str) -> str:
        """A key does not belong here, a real one least of all: it is refused, and not kept."""
        if key_shaped(text):
            self.pasted()
            raise Refused("That looks like a key. It was not kept. No form of this page takes a key: paste it where `ir` asks for it.")
        return " ".join(text.split())

    def _note(self, did: Did, key: Key, *, made: str = "", how: str = "", in_use: tuple[str, ...] = ()) -> None:
        self.all.append(Click(self._twin.now, did, key.id, key.name, made, how, in_use))


def _permissions(fields: Fields) -> tuple[str, ...]:
    asked = (f"{resource}_{fields.get(f'permission_{resource}', 'none')}" for resource in RESOURCES)
    return tuple(name for name in asked if name in ACCEPTED)
