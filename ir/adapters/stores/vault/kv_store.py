"""Vault or OpenBao, KV version 2: one field of one secret.

Every write names the version that it replaces (check-and-set); a neighbour's change in between is merged and tried again.
Stages and custody are in a secret beside it: see `sibling`.
"""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace

from ir.adapters.stores import ownership_marks, value_field
from ir.adapters.stores.old_news import awaited, settled
from ir.adapters.stores.vault.calls import needed
from ir.adapters.stores.vault.kv import Found, Kv
from ir.adapters.stores.vault.search import kept_by
from ir.adapters.stores.vault.sibling import BEFORE, Sibling, as_secret, beside, unfinished
from ir.core.concurrency import both
from ir.core.errors import Conflict, Denied, Missing, PortError
from ir.core.ownership import Owner, marked
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Permission, Store

_TRIES = 6
"""Tries against other writers before we give up."""


class VaultStore(Store):
    """One secret of one KV version 2 mount.

    Args:
        ref: `vault://MOUNT/PATH#FIELD`.
        plain: see `client.settings`.
        timeout: seconds per call.

    Address, login and TLS are those of Vault's CLI: see `client.settings`. A version is KV's version number.
    """

    def __init__(self, ref: Reference, *, plain: Collection[str] = (), timeout: float = 10.0) -> None:
        self.ref = ref
        self._kv = Kv(ref.host, timeout, plain)
        self._siblings: dict[str, Sibling] = {}
        self._wrote = False
        self._newest = 0  # the newest version that we have seen: a read of an older one is out of date

    def read(self) -> Held:
        """See `ports.Store`."""
        return self._held(self._current())

    def stamp(self) -> str:
        """See `ports.Store`. Numbers begin again at 1 where a secret was removed and made again, so its time counts, too."""
        about = self._kv.metadata(self.ref.path)
        number = int(about["current_version"])
        made = (about.get("versions") or {}).get(str(number)) or {}
        gone = not made or made.get("deletion_time") or made.get("destroyed")
        return "" if gone else _stamp(number, str(made.get("created_time", "")))

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. Asks Vault for our capabilities on the secret and beside it."""
        here = self.ref.path
        own, kept = needed(here, incident, beside=False), needed(here, incident, beside=True)
        (current, may), versions = both(
            lambda: both(self._current, lambda: self._may([*own, *kept])),
            lambda: self._kv.most_versions(here),
        )
        if not may:
            return Permission(proven=False, said="Vault does not let this token ask for its own capabilities")
        if not all(_allows(may[path], *rights) for path, rights in own.items()):
            rule = f'path "{self.ref.host}/data/{here}" {{ capabilities = ["read", "update"] }}'
            raise Denied(f"the token's policy does not allow `update` on {self.ref.object}", next_step=f"add to its policy: {rule}")
        said = "Vault says that our token may write it"
        if not all(_allows(may[path], *rights) for path, rights in kept.items()):
            said += (
                "; not beside it, so nothing can be staged or kept there: for that, allow create, read, update on "
                f"`{self.ref.host}/data/{here}.ir-*` and create, read, update, delete on `{self.ref.host}/metadata/{here}.ir-*`"
            )
        if current.until:
            said += "; its versions delete themselves (`delete_version_after`): the new one is kept from that where its secret says so"
        if versions == 1:
            said += "; only one version is kept there, so Vault has no history to go back to"
        return Permission(proven=True, said=said)

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`."""
        return marked(kept_by(self._kv, self.ref.path))

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`: another incident's stage beside the secret. A token that may not list cannot tell."""
        others = (name for name in self.incidents() if name != incident)
        return next((found for name in others if (found := unfinished(self._kv, self.ref.path, name)) is not None), None)

    def drop(self, found: Pending) -> None:
        """See `ports.Store`. A sibling without custody is destroyed as a whole."""
        self._sibling(found.incident).drop(STAGED, found.version)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        sibling = self._sibling(incident)
        found = sibling.look()
        if found is None:
            return Left()
        about = sibling.about()
        roles = sorted(role for role in found.data if not role.startswith(BEFORE))
        return Left(tuple(roles), about.get("owner", ""), ownership_marks.epoch(about.get("created", "")))

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`. A token that may not list cannot tell."""
        try:
            return beside(self._kv, self.ref.path)
        except Denied:
            return ()

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. "" when the token may not write beside the secret."""
        sibling = self._sibling(incident)
        current, beside = both(self._current, sibling.seen)
        held = self._value(current)
        if held == new:
            return str(current.version)
        if beside is None:
            return ""
        roles = {STAGED: new.reveal()}
        if beside.data.get(STAGED) != new.reveal():
            roles[self._note(current.version)] = held.fingerprint if held else ""
        try:
            return str(sibling.put(roles, seen=beside))
        except Denied:
            self._current()  # or our login has ended, which is another matter
            return ""

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""
        self._newest = max(self._newest, int(expected)) if expected.isdigit() else self._newest

        def may(current: Found) -> None:
            if str(current.version) == expected:
                return
            now = self._value(current)
            if (now.fingerprint if now else "") != self._print_at(expected, incident):
                said = f"version {current.version} is current, {expected or 'none'} was expected"
                raise Conflict(f"somebody else changed the key in {self.ref}: {said}")

        return self._switch(new, may, lambda: self._sibling(incident).mark("promoted"))

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(current: Found) -> None:
            if self._value(current) != new:
                raise Conflict(f"{self.ref} holds neither the old key nor ours: version {current.version} is somebody else's")

        settled(self._current, lambda current: self._value(current) == old, knows=self._wrote)
        return self._switch(old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`. All versions beside the secret are destroyed."""
        self._sibling(incident).remove()

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        sibling = self._sibling(incident)
        sibling.put({role: secret.reveal()})
        return f"vault://{self.ref.host}/{sibling.path}#{role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        return as_secret(self._sibling(incident).get(role))

    def _sibling(self, incident: str) -> Sibling:
        return self._siblings.setdefault(incident, Sibling(self._kv, self.ref.path, incident))

    def _may(self, paths: list[str]) -> dict[str, set[str]]:
        """Our capabilities; empty when we may not ask."""
        try:
            return self._kv.capabilities(paths)
        except Denied:
            return {}

    def _switch(self, wanted: Secret, may: Callable[[Found], None], then: Callable[[], None] = lambda: None) -> str:
        """Make `wanted` current, merged into the value that is current at that moment.

        `may` raises if that is not allowed, `then` notes the write.
        """
        for _ in range(_TRIES):
            current = self._current()
            if self._value(current) == wanted:
                then()
                return str(current.version)
            may(current)
            text = value_field.write(json.dumps(current.data), self.ref.field, wanted, str(self.ref))
            try:
                written = self._kv.write(self.ref.path, json.loads(text), current.version)
            except Conflict:
                self._newest = max(self._newest, current.version + 1)
                continue  # another writer was faster, or our read was out of date: look again
            self._newest, self._wrote = max(self._newest, written.version), True
            if written.until:
                with suppress(PortError):  # what is left of the timer is told by `read`
                    self._kv.keep_for_good(self.ref.path, written.version)
            now, _ = both(self._current, then)
            if self._value(now) != wanted:
                raise Conflict(f"somebody else changed the key in {self.ref} right after us: version {now.version}")
            return str(now.version)
        raise Conflict(f"{self.ref} changed {_TRIES} times while we tried to write it")

    def _print_at(self, version: str, incident: str) -> str | None:
        """Fingerprint of the field's value in an earlier version; the sibling has it when that version is gone."""
        if version.isdigit():
            try:
                value = self._value(self._kv.read(self.ref.path, int(version)))
            except Missing:
                pass
            else:
                return value.fingerprint if value else ""
        noted = self._sibling(incident).get(self._note(version))
        old = None if noted else self.fetch(incident, "old")
        return old.fingerprint if old else noted or None

    def _note(self, version: str | int) -> str:
        """The name under which the sibling notes our field's fingerprint in a version."""
        return f"{BEFORE}{version} {self.ref.field}"

    def _current(self) -> Found:
        try:
            found = awaited(lambda: self._kv.read(self.ref.path), lambda found: found.version < self._newest, str(self.ref))
        except (Missing, Denied):
            self._kv.explain(self.ref)
            raise
        self._newest = found.version
        return found

    def _held(self, found: Found) -> Held:
        held = value_field.read(json.dumps(found.data), self.ref.field, str(found.version), str(self.ref))
        return replace(held, until=found.until, stamp=_stamp(found.version, found.made))

    def _value(self, found: Found) -> Secret | None:
        return self._held(found).value


def _stamp(number: int, made: str) -> str:
    return f"{number} of {made}" if made else ""


def _allows(has: set[str], *needed: str) -> bool:
    return "root" in has or has.issuperset(needed)
