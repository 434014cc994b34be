"""A variable in an env file: the file is replaced as a whole, and every other byte of it stays.

Stages and custody are in a file of our own beside it, mode 0600, `<name>.ir-<incident>`.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ir.adapters.stores import ownership_marks
from ir.adapters.stores.env import env_file
from ir.adapters.stores.private_file import Content, PrivateFolder
from ir.core import untrusted_json
from ir.core.errors import Conflict, Missing, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Permission, Store

_TRIES = 6
"""Tries against other writers before we give up."""


class DotenvStore(Store):
    """One variable of one env file.

    Args:
        ref: `dotenv://FILE#VARIABLE`; three slashes make the file's path absolute.
        base: folder that a relative path is relative to: the inventory's.
        timeout: seconds to wait for another process of ours that writes there.

    A version is `<hash of the file>.<fingerprint of the value>`: a later write can tell a neighbour's change from a
    change of the key without any history.
    """

    def __init__(self, ref: Reference, *, base: Path, timeout: float = 10.0) -> None:
        self.ref = ref
        # absolute, so that a change of the working folder does not change the file
        self._path = Path(os.path.abspath(base / ref.path))  # noqa: PTH100 - resolve() would follow a link, which is refused
        self._name, self._timeout = self._path.name, timeout

    def read(self) -> Held:
        """See `ports.Store`."""
        with self._folder() as folder:
            return self._held(folder.read(self._name))

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`."""
        with self._folder() as folder:
            folder.check_replace(self._name, folder.read(self._name).info)
        return Permission(proven=True, said="the folder takes a new file, and owner, group and mode can be kept")

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        stem = f"{self._name}.ir-"
        with self._folder() as folder:
            for name in folder.names():
                other = name.removeprefix(stem)
                if not name.startswith(stem) or other == incident or name.endswith(".tmp"):
                    continue
                try:
                    content = folder.read(name)
                except Missing:
                    continue
                notes = _parsed(content)
                if STAGED in notes.get("roles", {}):
                    since = ownership_marks.epoch(notes.get("created", ""))
                    return Pending(f"{other} of {notes.get('owner', '?')}", since, _hash(content), other)
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        with self._folder() as folder:
            self._note(folder, found.incident, STAGED, None, expected=found.version)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        with self._folder() as folder:
            notes = _notes(folder, f"{self._name}.ir-{incident}")
        return Left(tuple(sorted(notes.get("roles", {}))), str(notes.get("owner", "")), ownership_marks.epoch(notes.get("created", "")))

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        stem = f"{self._name}.ir-"
        with self._folder() as folder:
            return tuple(sorted(n.removeprefix(stem) for n in folder.names() if n.startswith(stem) and not n.endswith(".tmp")))

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        with self._folder() as folder:
            held = self._held(folder.read(self._name))
            if held.value == new:
                return held.version
            self._note(folder, incident, STAGED, new)
        return f"{self._name}.ir-{incident}"

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""

        def may(held: Held) -> None:
            now = held.value.fingerprint if held.value else ""
            if held.version != expected and now != expected.partition(".")[2]:
                raise Conflict(f"somebody else changed {self.ref.field} in {self._path}")

        with self._folder() as folder:
            version = self._switch(folder, incident, new, may)
            with suppress(PortError):  # nothing is staged any more; `discard` finds what stays behind
                self._note(folder, incident, STAGED, None)
        return version

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(held: Held) -> None:
            if held.value != new:
                raise Conflict(f"{self.ref.field} in {self._path} holds neither the old key nor ours")

        with self._folder() as folder:
            return self._switch(folder, incident, old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`."""
        ours = f"{self._name}.ir-{incident}"
        try:
            with self._folder() as folder, folder.lock():
                for name in folder.names():
                    if name == ours or (name.startswith(ours + ".") and name.endswith(".tmp")):
                        folder.remove(name)
        except Missing:
            return

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        with self._folder() as folder:
            self._note(folder, incident, role, secret)
        return f"dotenv://{self._path}.ir-{incident}#{role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        with self._folder() as folder:
            text = _notes(folder, f"{self._name}.ir-{incident}").get("roles", {}).get(role, "")
        return Secret(text) if text else None

    def _folder(self) -> PrivateFolder:
        return PrivateFolder(self._path.parent, self._timeout)

    def _held(self, content: Content) -> Held:
        text, siblings, others = env_file.read(_text(content), self.ref.field, str(self._path))
        held = Held.of(text, "", siblings, others)
        return replace(held, version=f"{_hash(content)}.{held.value.fingerprint if held.value else ''}")

    def _switch(self, folder: PrivateFolder, incident: str, wanted: Secret, may: Callable[[Held], None]) -> str:
        """Write `wanted`, merged into the file's content at that moment; `may` raises if that is not allowed."""
        with folder.lock():
            for _ in range(_TRIES):
                content = folder.read(self._name)
                held = self._held(content)
                if held.value == wanted:
                    return held.version
                may(held)
                folder.check_replace(self._name, content.info)
                text = env_file.write(_text(content), self.ref.field, wanted, str(self._path))
                data = text.encode("utf-8", errors="surrogateescape")
                if folder.replace(self._name, data, f"{self._name}.ir-{incident}.new.tmp", content):
                    break
            else:
                raise Conflict(f"{self._path} changed {_TRIES} times while we tried to write it")
            back = self._held(folder.read(self._name))
        if back.value != wanted:
            raise Conflict(f"somebody else changed {self.ref.field} in {self._path} right after us")
        return back.version

    def _note(self, folder: PrivateFolder, incident: str, role: str, secret: Secret | None, *, expected: str = "") -> None:
        """Set or (None) remove one role in our file beside; a repetition writes nothing. `expected`: hash that it must have."""
        name = f"{self._name}.ir-{incident}"
        with folder.lock():
            try:
                before: Content | None = folder.read(name)
            except Missing:
                before = None
            known = _parsed(before) if before else {}
            roles = dict(known.get("roles", {}))
            if (roles.pop(role, None) or None) == (secret.reveal() if secret else None):
                return
            if expected and before is not None and _hash(before) != expected:
                raise Conflict(f"{self._path.parent / name} is no longer what was shown")
            if secret is not None:
                roles[role] = secret.reveal()
            if not roles:
                folder.remove(name)
                return
            fresh = {"incident": incident, "owner": ownership_marks.owner(), "created": ownership_marks.now()}
            text = json.dumps({**fresh, **known, "roles": roles})
            if not folder.replace(name, text.encode(), f"{name}.note.tmp", before):
                raise Conflict(f"{self._path.parent / name} changed while we wrote it")


def _text(content: Content) -> str:
    return content.data.decode("utf-8", errors="surrogateescape")


def _hash(content: Content) -> str:
    return hashlib.sha256(content.data).hexdigest()[:16]


def _notes(folder: PrivateFolder, name: str) -> dict[str, Any]:
    try:
        return _parsed(folder.read(name))
    except Missing:
        return {}


def _parsed(content: Content) -> dict[str, Any]:
    try:
        found = untrusted_json.loads(content.data)
    except ValueError:
        found = None
    if not isinstance(found, dict):  # outside of the handler: the parser's error holds the text
        raise Rejected("a file of ours beside the env file is torn", next_step="look at it, then remove it")
    return found
