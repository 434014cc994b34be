"""Custody at a store that can stage nothing beside a value: a document of its own, JSON with one value per role.

It is written without a compare-and-set: an incident has one process at a time, and a lock orders its threads.
"""

import json
import threading
from abc import ABC, abstractmethod
from typing import Any

from ir.adapters.stores import ownership_marks
from ir.core import untrusted_json
from ir.core.errors import Conflict, Unknown
from ir.core.secret import Secret
from ir.ports import STAGED, Left, Pending

_lock = threading.Lock()


class KeptApart(ABC):
    """The documents of all incidents of one place; each call raises as its store's do."""

    @abstractmethod
    def path(self, incident: str) -> str:
        """The place of an incident's document, as people call it."""

    @abstractmethod
    def incidents(self) -> tuple[str, ...]:
        """Ids of all incidents that have something here."""

    @abstractmethod
    def load(self, incident: str) -> tuple[str, str] | None:
        """Its version and text, None when there is none."""

    @abstractmethod
    def save(self, incident: str, text: str) -> None:
        """Write it, or make it."""

    @abstractmethod
    def discard(self, incident: str) -> None:
        """Delete it with its history, and see it gone; already gone is fine."""

    def get(self, incident: str, role: str) -> Secret | None:
        """The value of a role."""
        text = self._roles(incident)[1].get("roles", {}).get(role, "")
        return Secret(text) if text else None

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        notes = self._roles(incident)[1]
        return Left(tuple(sorted(notes.get("roles", {}))), str(notes.get("owner", "")), ownership_marks.epoch(notes.get("created", "")))

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        for other in self.incidents():
            version, notes = self._roles(other)
            if other != incident and STAGED in notes.get("roles", {}):
                since = ownership_marks.epoch(notes.get("created", ""))
                return Pending(f"{other} of {notes.get('owner', '?')}", since, version, other)
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        version, notes = self._roles(found.incident)
        if STAGED not in notes.get("roles", {}):
            return
        if version != found.version:
            raise Conflict(f"{self.path(found.incident)} is version {version} by now, not what was shown ({found.version})")
        self.put(found.incident, STAGED, None)

    def prove(self, incident: str) -> None:
        """Make the document, without a role, where there is none: the proof that we may."""
        with _lock:
            if self.load(incident) is None:
                self.save(incident, json.dumps({**_fresh(), "roles": {}}))

    def put(self, incident: str, role: str, value: Secret | None) -> None:
        """Set or (None) remove one role; a repetition writes nothing. The document goes with its last role."""
        with _lock:
            _, notes = self._roles(incident)
            roles = dict(notes.get("roles", {}))
            if roles.get(role) == (value.reveal() if value else None):
                return
            roles.pop(role, None)
            if value is not None:
                roles[role] = value.reveal()
            if not roles:
                self.discard(incident)
                return
            self.save(incident, json.dumps({**_fresh(), **notes, "roles": roles}))

    def _roles(self, incident: str) -> tuple[str, dict[str, Any]]:
        """The document's version, "" when there is none, and its roles."""
        found = self.load(incident)
        if found is None:
            return "", {}
        try:
            notes = untrusted_json.loads(found[1])
        except ValueError:
            notes = None
        if not isinstance(notes, dict) or not isinstance(notes.get("roles"), dict):
            raise Unknown(f"{self.path(incident)} does not hold what this tool keeps there")
        return found[0], notes


def _fresh() -> dict[str, str]:
    return {"owner": ownership_marks.owner(), "created": ownership_marks.now()}
