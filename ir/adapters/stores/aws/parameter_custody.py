"""What an incident keeps in Parameter Store: a SecureString `/ir/<incident>/<name>` under the same KMS key, JSON with a value per role.

It stands apart from the parameter's own path, because programs load whole paths. AWS has no compare-and-set there; an incident has one
process at a time, whose threads a lock keeps apart.
"""

import json
import threading
from typing import Any

from ir.adapters.stores import ownership_marks
from ir.adapters.stores.aws.parameters import Parameters
from ir.core import untrusted_json
from ir.core.errors import Conflict, Missing, Unknown
from ir.core.secret import Secret
from ir.ports import STAGED, Left, Pending

_FOLDER = "/ir/"
_lock = threading.Lock()


class ParameterCustody:
    """What lies there for one parameter.

    Args:
        parameters: of its region.
        name: of the parameter.
    """

    def __init__(self, parameters: Parameters, name: str) -> None:
        self._parameters, self._name = parameters, name

    def path(self, incident: str) -> str:
        """Where an incident's lies."""
        return f"{_FOLDER}{incident}/{self._name.lstrip('/')}"

    def incidents(self) -> tuple[str, ...]:
        """Ids of all incidents that have something here."""
        end = f"/{self._name.lstrip('/')}"
        names = [name.removeprefix(_FOLDER) for name in self._parameters.names(f"{_FOLDER}INC-") if name.endswith(end)]
        return tuple(sorted(incident for name in names if "/" not in (incident := name.removesuffix(end))))

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
            number, notes = self._roles(other)
            if other != incident and STAGED in notes.get("roles", {}):
                since = ownership_marks.epoch(notes.get("created", ""))
                return Pending(f"{other} of {notes.get('owner', '?')}", since, str(number), other)
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        number, notes = self._roles(found.incident)
        if STAGED not in notes.get("roles", {}):
            return
        if str(number) != found.version:
            raise Conflict(f"{self.path(found.incident)} is version {number} by now, not what was shown ({found.version})")
        self.put(found.incident, STAGED, None)

    def put(self, incident: str, role: str, value: Secret | None) -> None:
        """Set or (None) take away one role; a repetition writes nothing. The last role takes the parameter along."""
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
            fresh = {"owner": ownership_marks.owner(), "created": ownership_marks.now()}
            self._write(incident, json.dumps({**fresh, **notes, "roles": roles}))

    def discard(self, incident: str) -> None:
        """All of it, with its history; gone already is fine."""
        try:
            self._parameters.delete(self.path(incident))
        except Missing:
            return

    def _write(self, incident: str, text: str) -> None:
        about = self._parameters.about(self._name)
        key = {"KeyId": about["KeyId"]} if about.get("Type") == "SecureString" and about.get("KeyId") else {}
        self._parameters.put(self.path(incident), text, {"Type": "SecureString", **key})

    def _roles(self, incident: str) -> tuple[int, dict[str, Any]]:
        """Its version, 0 when there is none, and what it says."""
        try:
            found = self._parameters.current(self.path(incident))
        except Missing:
            return 0, {}
        try:
            notes = untrusted_json.loads(found.text)
        except ValueError:
            notes = None
        if not isinstance(notes, dict) or not isinstance(notes.get("roles"), dict):
            raise Unknown(f"{self.path(incident)} does not hold what this tool keeps there")
        return found.number, notes
