"""An incident's custody in Vault: a secret beside the store's own, `<path>.ir-<incident>`, one field per role.

Its custom metadata says `incident`, `owner`, `created` and `state` (`custody` | `staged` | `promoted`), so that a login without a
right to values can still tell whose it is and whether it is unfinished.
"""

import time
from contextlib import suppress

from ir.adapters.stores import ownership_marks
from ir.adapters.stores.old_news import awaited
from ir.adapters.stores.vault.kv import Found, Kv
from ir.core.errors import Conflict, Denied, Missing, PortError
from ir.core.secret import Secret
from ir.ports import STAGED, Pending

_TRIES = 6
_KEPT = 86400.0
"""Seconds for which custody has to stay."""
NOTHING = Found(0, {})
"""Passed to `put` as seen when nothing was there."""
BEFORE = "before "
"""The beginning of field names that note a fingerprint and hold no key."""


class Sibling:
    """The secret beside `path` that belongs to one incident; everything in it is ours."""

    def __init__(self, kv: Kv, path: str, incident: str) -> None:
        self._kv, self._beside, self._incident = kv, path, incident
        self._about: dict[str, str] | None = None  # the metadata, once we have read or written it
        self._wrote: Found | None = None  # our last write, and so probably the present content
        self._removed = 0  # the last version that we removed, until something is written again
        self.path = f"{path}.ir-{incident}"

    def look(self) -> Found | None:
        """All roles; None when there is nothing. A read older than our last write or removal is out of date."""

        def is_old(found: Found | None) -> bool:
            if self._wrote is not None:
                return found is None or found.version < self._wrote.version
            return found is not None and found.version <= self._removed

        return awaited(lambda: self._kv.perhaps(self.path), is_old, f"what is kept beside {self._beside}")

    def seen(self) -> Found | None:
        """All roles, `NOTHING` where there is nothing; None when we may not look here, and so have never written.

        Raises:
            Denied: nor may we read the secret beside it: it is not this place that is closed, our login has ended.
        """
        try:
            return self._wrote or self.look() or NOTHING
        except Denied:
            self._kv.perhaps(self._beside)
            return None

    def get(self, role: str) -> str:
        """The value under a role, "" for none."""
        found = self.look()
        return str(found.data.get(role) or "") if found else ""

    def put(self, roles: dict[str, str], *, seen: Found | None = None) -> int:
        """Set roles, leaving others alone; a repetition writes nothing. Returns the version.

        It assumes that the content is as seen before or last written: if not, the write is refused and we look.
        """
        for attempt in range(_TRIES):
            if attempt > 1:
                time.sleep(0.05 * 2**attempt)  # the read may be out of date: the write itself finds out
            found = self._kv.perhaps(self.path) or NOTHING if attempt else seen or self._wrote or NOTHING
            if found.version and all(found.data.get(role) == value for role, value in roles.items()):
                if found is self._wrote:
                    continue  # to report its presence, we have to look
                return found.version
            with suppress(Conflict):  # another field of the same secret, side by side
                self._wrote = written = self._kv.write(self.path, {**found.data, **roles}, found.version)
                version, self._removed = written.version, 0
                if written.until and written.until - time.time() < _KEPT:
                    self._refuse_place()
                if not found.version:
                    self._about = {}
                if STAGED in roles:
                    self.mark("staged")
                elif not found.version:
                    self.mark("custody")
                return version
        raise Conflict(f"what we keep beside the secret changed {_TRIES} times while we tried to write it")

    def _refuse_place(self) -> None:
        """Refuse a mount with a timer. Custody has to outlive the incident, and a timer of the whole mount cannot be lifted from it."""
        self.remove()
        raise Denied(f"what is written beside {self._beside} deletes itself within a day (`delete_version_after` of the mount)")

    def mark(self, state: str) -> None:
        """Write the state into the metadata, if we may and it exists. It is a hint for people, so a failure does not count."""
        with suppress(PortError):
            known = self.about()
            if known.get("state") == state:
                return
            ours = {"incident": self._incident, "owner": ownership_marks.owner(), "created": ownership_marks.now(), **known, "state": state}
            self._kv.describe(self.path, ours)
            self._about = ours

    def drop(self, role: str, expected: str) -> None:
        """Remove one role, if nothing was written here since version `expected`; all of it goes with the last role."""
        found = self.look()
        if found is None or role not in found.data:
            return
        if str(found.version) != expected:
            raise Conflict(f"what is at {self.path} is version {found.version} by now, not what was shown ({expected or 'none'})")
        self._wrote = None
        rest = {name: value for name, value in found.data.items() if name != role}
        self._kv.write(self.path, rest, found.version)
        if all(name.startswith(BEFORE) for name in rest):
            self.remove()
        else:
            self.mark("custody")

    def about(self) -> dict[str, str]:
        """The metadata, read once; empty when we may not look."""
        if self._about is None:
            self._about = self._described()
        return self._about

    def _described(self) -> dict[str, str]:
        try:
            return dict(self._kv.metadata(self.path).get("custom_metadata") or {})
        except Denied:
            return {}

    def remove(self) -> None:
        """Destroy it with all its versions; free to repeat."""
        last = self._wrote.version if self._wrote else 0
        self._about = self._wrote = None
        try:
            self._kv.remove(self.path)
            self._removed = max(self._removed, last)
        except Denied:
            if self.seen() not in (None, NOTHING):
                raise


def as_secret(text: str) -> Secret | None:
    """A role's value as a secret; None for nothing."""
    return Secret(text) if text else None


def beside(kv: Kv, path: str) -> tuple[str, ...]:
    """Incidents with a secret beside `path`, by name. Raises Denied when we may not list."""
    stem = f"{path.rpartition('/')[2]}.ir-"
    return tuple(sorted(name.removeprefix(stem) for name in kv.beside(path) if name.startswith(stem)))


def unfinished(kv: Kv, path: str, incident: str) -> Pending | None:
    """The stage of an incident that neither ended nor became current; None when there is none."""
    try:
        about = kv.metadata(f"{path}.ir-{incident}")
    except Missing:
        return None
    except Denied:
        about = {}
    custom = about.get("custom_metadata") or {}
    if custom.get("state") in ("custody", "promoted"):
        return None
    owner = f"{incident} of {custom['owner']}" if custom.get("owner") else incident
    return Pending(owner, ownership_marks.epoch(custom.get("created", "")), str(about.get("current_version", "")), incident)
