"""CyberArk Conjur: a variable, or a JSON field of one.

Stages and custody are in a companion variable `<id>-ir`, which a policy must create first; without it this
store cannot stage and holds no custody. Tested against a stateful stand-in and with CyberArk's own SDK as second client.
"""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from ir.adapters.stores import ownership_marks, value_field
from ir.adapters.stores.conjur.client import parsed
from ir.adapters.stores.conjur.variable import KEPT, Text, Variable
from ir.adapters.stores.old_news import settled
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Permission, Store


class ConjurStore(Store):
    """One variable.

    Args:
        ref: `conjur://ACCOUNT/ID`, with `#FIELD` if the variable holds JSON.
        plain: see `client.settings`.
        timeout: seconds per call.

    Address and login: see `client.settings`. A version is Conjur's version number, 0 before the first value.
    """

    def __init__(self, ref: Reference, *, plain: Collection[str] = (), timeout: float = 10.0) -> None:
        self.ref = ref
        self._variable = Variable(ref.host, ref.path, timeout, plain)
        self._companion = Variable(ref.host, f"{ref.path}-ir", timeout, plain)
        self._has_companion: bool | None = None

    @property
    def custodian(self) -> bool:
        """Whether the companion variable exists and is ours to use; asked once, and assumed while Conjur is silent."""
        if self._has_companion is None:
            try:
                self._has_companion = self._companion.may("update") and self._companion.may("execute")
            except PortError:
                return True
        return self._has_companion

    def read(self) -> Held:
        """See `ports.Store`."""
        return self._held(self._variable.latest())

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`."""
        self._variable.latest()
        if not self._variable.may("update"):
            raise Denied(f"our role has no privilege `update` on {self.ref.object}", next_step=_permit(self.ref.path))
        if self.custodian:
            return Permission(proven=True, said="Conjur says that our role may write it and its companion")
        return Permission(
            proven=True, said=f"Conjur says that our role may write it; nothing can be staged or kept there. {self._recipe()}"
        )

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        try:
            kept = self._companion.latest()
        except (Missing, Denied):
            return None
        for other, notes in parsed(kept.text).items():
            if other != incident and isinstance(notes, dict) and STAGED in notes.get("roles", {}):
                since = ownership_marks.epoch(notes.get("created", ""))
                return Pending(f"{other} of {notes.get('owner', '?')}", since, str(kept.version), other)
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`. Conjur keeps the value in the companion's history until an incident is discarded there."""

        def merge(current: Text) -> str:
            known = parsed(current.text)
            notes: dict[str, Any] = known.get(found.incident) or {}
            if STAGED not in notes.get("roles", {}):
                return current.text or "{}"
            if str(current.version) != found.version:
                raise Conflict(f"{self._companion.name} is version {current.version} by now, not what was shown ({found.version})")
            roles = {role: text for role, text in notes["roles"].items() if role != STAGED}
            rest = {name: value for name, value in known.items() if name != found.incident}
            return json.dumps({**rest, **({found.incident: {**notes, "roles": roles}} if roles else {}), "swept": 0})

        self._companion.exchange(merge)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        try:
            notes = parsed(self._companion.latest().text).get(incident) or {}
        except Missing:
            return Left()
        return Left(tuple(sorted(notes.get("roles", {}))), str(notes.get("owner", "")), ownership_marks.epoch(notes.get("created", "")))

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        try:
            known = parsed(self._companion.latest().text)
        except (Missing, Denied):
            return ()
        return tuple(sorted(name for name, notes in known.items() if isinstance(notes, dict) and notes.get("roles")))

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`. "" without a companion variable."""
        current = self._variable.latest()
        if self._held(current).value == new:
            return str(current.version)
        if not self.custodian:
            return ""
        return f"{self._companion.name} {self._note(incident, STAGED, new)}"

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""

        def may(current: Text) -> None:
            if str(current.version) != expected and self._value(current) != self._value_at(expected, incident):
                said = f"version {current.version} is current, {expected or 'none'} was expected"
                raise Conflict(f"somebody else changed the key in {self.ref}: {said}")

        version = self._switch(new, may)
        if self.custodian:
            with suppress(PortError):  # nothing is staged any more; `discard` finds what stays behind
                self._note(incident, STAGED, None)
        return version

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(current: Text) -> None:
            if self._value(current) != new:
                raise Conflict(f"{self.ref} holds neither the old key nor ours: version {current.version} is somebody else's")

        settled(self._variable.latest, lambda current: self._value(current) == old, knows=self._variable.wrote)
        return self._switch(old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`. Conjur cannot delete a version, so new writes push the companion's history out."""
        try:
            known = parsed(self._companion.latest().text)
        except Missing:
            return
        if incident not in known and known.get("swept", KEPT) == KEPT:
            return
        alone = set(known) <= {incident, "swept"}
        for number in range(1, KEPT + 1):
            if alone and number > 1:
                self._companion.put(json.dumps({"swept": number}))
            else:  # another incident may write there at this moment
                self._companion.exchange(partial(_without, incident, number))

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        if not self.custodian:
            raise Rejected(f"{self.ref} has no companion variable to keep a key in", next_step=self._recipe())
        self._note(incident, role, secret)
        return f"conjur://{self.ref.host}/{self._companion.name} ({incident}, {role})"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        try:
            known = parsed(self._companion.latest().text)
        except Missing:
            return None
        text = known.get(incident, {}).get("roles", {}).get(role, "")
        return Secret(text) if text else None

    def _switch(self, wanted: Secret, may: Callable[[Text], None]) -> str:
        """Write `wanted`, merged into the value that is current at that moment; `may` raises if that is not allowed."""

        def merge(current: Text) -> str:
            if self._value(current) == wanted:
                return current.text
            may(current)
            return value_field.write(current.text or ("{}" if self.ref.field else ""), self.ref.field, wanted, str(self.ref))

        version = self._variable.exchange(merge)
        now = self._variable.latest()
        if self._value(now) != wanted:
            raise Conflict(f"somebody else changed the key in {self.ref} right after us: version {now.version}, ours was {version}")
        return str(now.version)

    def _note(self, incident: str, role: str, secret: Secret | None) -> int:
        """Set or (None) remove one of our roles in the companion; a repetition writes nothing. Returns its version."""

        def merge(current: Text) -> str:
            known = parsed(current.text)
            fresh = {"owner": ownership_marks.owner(), "created": ownership_marks.now(), "roles": {}}
            notes: dict[str, Any] = known.get(incident) or fresh
            roles = dict(notes["roles"])
            if roles.get(role) == (secret.reveal() if secret else None):
                return current.text or "{}"
            roles.pop(role, None)
            if secret is not None:
                roles[role] = secret.reveal()
            # a version was written since the last sweep, so the sweep starts again
            return json.dumps({**known, incident: {**notes, "roles": roles}, "swept": 0})

        return self._companion.exchange(merge)

    def _value_at(self, version: str, incident: str) -> Secret | None:
        """The field's value in an earlier version; custody has it when the version itself is gone."""
        if version.isdigit() and version != "0":
            try:
                return self._value(self._variable.at(int(version)))
            except Missing:
                pass
        elif version == "0":
            return None
        return self.fetch(incident, "old")

    def _held(self, found: Text) -> Held:
        if not found.text:
            return Held(None, str(found.version))
        return value_field.read(found.text, self.ref.field, str(found.version), str(self.ref))

    def _value(self, found: Text) -> Secret | None:
        return self._held(found).value

    def _recipe(self) -> str:
        branch, _, leaf = self._companion.name.rpartition("/")
        return f"Load into the policy branch `{branch or 'root'}`: `- !variable {leaf}`, and {_permit(leaf)}"


def _without(incident: str, number: int, current: Text) -> str:
    known = parsed(current.text)
    known.pop(incident, None)
    return json.dumps({**known, "swept": number})


def _permit(variable: str) -> str:
    return f"permit our role [read, execute, update] on `!variable {variable}`"
