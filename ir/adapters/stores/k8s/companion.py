"""An incident's custody in a cluster: a Secret `<name>.ir-<incident>` beside the store's own, one key of its data per role."""

import base64
from contextlib import suppress

from ir.adapters.stores import ownership_marks
from ir.adapters.stores.k8s.newest_seen import Secrets
from ir.clients.kubernetes import Cluster, secret_path
from ir.core.errors import Conflict, Denied, Missing
from ir.core.model import Json
from ir.core.secret import Secret, fingerprint
from ir.ports import STAGED, Left, Pending

OF, _INCIDENT, _OWNER, _CREATED = (f"ir-stripe/{word}" for word in ("of", "incident", "owner", "created"))
_TRIES = 4


class Companion:
    """The Secrets of all incidents beside one Secret.

    Args:
        cluster: where.
        secrets: of the namespace.
        namespace: of the Secret.
        name: of the Secret.
    """

    def __init__(self, cluster: Cluster, secrets: Secrets, namespace: str, name: str) -> None:
        self._cluster, self._secrets, self._namespace, self._name = cluster, secrets, namespace, name

    def allowed(self) -> bool:
        """Whether our login may make, read, change and delete Secrets here."""
        return all(self._cluster.may(verb, self._namespace, "secrets") for verb in ("create", "get", "patch", "delete"))

    def name(self, incident: str) -> str:
        """The name of an incident's Secret."""
        return f"{self._name}.ir-{incident.lower()}"

    def incidents(self) -> tuple[str, ...]:
        """Ids of all incidents that have something here; none where we may not list."""
        selector = f"labelSelector={OF.replace('/', '%2F')}%3D{fingerprint(self._name)}"
        try:
            rows = self._cluster.names(f"{secret_path(self._namespace)}?{selector}", f"what is kept beside {self._name}")
        except Denied:
            return ()
        return tuple(sorted(str((row.get("annotations") or {}).get(_INCIDENT, "")) for row in rows))

    def get(self, incident: str, role: str) -> Secret | None:
        """The value of a role."""
        text = self._look(incident)[1].get(role)
        return Secret(text) if text else None

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        meta, roles = self._look(incident)
        marks = meta.get("annotations") or {}
        return Left(tuple(sorted(roles)), str(marks.get(_OWNER, "")), ownership_marks.epoch(marks.get(_CREATED, "")))

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        for other in self.incidents():
            meta, roles = self._look(other)
            if other != incident and STAGED in roles:
                marks = meta.get("annotations") or {}
                since = ownership_marks.epoch(marks.get(_CREATED, ""))
                return Pending(f"{other} of {marks.get(_OWNER, '?')}", since, str(meta.get("resourceVersion", "")), other)
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        meta, roles = self._look(found.incident)
        if STAGED not in roles:
            return
        if str(meta.get("resourceVersion")) != found.version:
            raise Conflict(f"{self.name(found.incident)} was changed since it was shown")
        self.put(found.incident, STAGED, None)

    def put(self, incident: str, role: str, value: Secret | None) -> None:
        """Set or (None) remove one role; a repetition writes nothing. The Secret goes with its last role."""
        for _ in range(_TRIES):
            meta, roles = self._look(incident)
            if roles.get(role) == (value.reveal() if value else None):
                return
            if value is None and set(roles) == {role}:
                self.discard(incident)
                return
            coded = base64.b64encode(value.reveal().encode()).decode() if value else None
            with suppress(Conflict):  # another field of the same Secret is handled side by side: look again
                if meta:
                    version = {"resourceVersion": meta["resourceVersion"]}
                    self._secrets.patch(self.name(incident), self.name(incident), {"metadata": version, "data": {role: coded}})
                else:
                    self._create(incident, {role: str(coded)})
                return
        raise Conflict(f"{self.name(incident)} changed {_TRIES} times while we tried to write it")

    def discard(self, incident: str) -> None:
        """Remove all of it and see it gone; already gone is fine."""
        self._secrets.delete(self.name(incident), self.name(incident))

    def _create(self, incident: str, data: dict[str, str]) -> None:
        marks = {_INCIDENT: incident, _OWNER: ownership_marks.owner(), _CREATED: ownership_marks.now()}
        meta = {"name": self.name(incident), "labels": {OF: fingerprint(self._name)}, "annotations": marks}
        body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": data}
        self._secrets.create(self.name(incident), self.name(incident), body)

    def _look(self, incident: str) -> tuple[Json, dict[str, str]]:
        """Its metadata, empty when there is none, and the roles."""
        try:
            found = self._secrets.get(self.name(incident), self.name(incident))
        except Missing:
            return {}, {}
        return found["metadata"], {role: base64.b64decode(text).decode() for role, text in (found.get("data") or {}).items()}
