"""What an incident keeps in Vault: a secret beside the store's own, `<path>.ir-<incident>`, a field per role.

Its custom metadata says `incident`, `owner`, `created` and `state` (`custody` | `staged` | `promoted`), so that who may
see no value can still tell whose it is and whether it is unfinished.
"""

from contextlib import suppress

from ir.errors import Conflict, Denied, Missing
from ir.secret import Secret
from ir.stores import marks
from ir.stores.vault_kv import Kv

_TRIES = 6


class Sibling:
    """The secret beside `path` that belongs to one incident; everything in it is ours."""

    def __init__(self, kv: Kv, path: str, incident: str) -> None:
        self._kv, self._incident = kv, incident
        self.path = f"{path}.ir-{incident}"

    def get(self, role: str) -> str:
        """What is under a role, "" for nothing."""
        found = self._kv.perhaps(self.path)
        return str(found.data.get(role) or "") if found else ""

    def put(self, roles: dict[str, str]) -> int:
        """Set roles, leaving others alone; a repetition writes nothing. Returns the version."""
        for _ in range(_TRIES):
            found = self._kv.perhaps(self.path)
            data = found.data if found else {}
            if found and all(data.get(role) == value for role, value in roles.items()):
                return found.version
            with suppress(Conflict):  # Another field of the same secret, side by side.
                version = self._kv.write(self.path, {**data, **roles}, found.version if found else 0)
                if marks.STAGED in roles:
                    self.mark("staged")
                elif found is None:
                    self.mark("custody")
                return version
        raise Conflict(f"what we keep beside the secret changed {_TRIES} times while we tried to write it")

    def mark(self, state: str) -> None:
        """Say in the metadata what state it is in, if we may and it is there."""
        with suppress(Denied, Missing):
            try:
                known = dict(self._kv.metadata(self.path).get("custom_metadata") or {})
            except Denied:
                known = {}
            ours = {"incident": self._incident, "owner": marks.owner(), "created": marks.now(), **known, "state": state}
            self._kv.describe(self.path, ours)

    def remove(self) -> None:
        """Destroy it with all its versions; free to repeat."""
        try:
            self._kv.remove(self.path)
        except Denied:
            try:
                there = self._kv.perhaps(self.path) is not None
            except Denied:
                there = False  # We may not even read there, so nothing was ever written by us.
            if there:
                raise


def as_secret(text: str) -> Secret | None:
    """A role's value as a secret; None for nothing."""
    return Secret(text) if text else None
