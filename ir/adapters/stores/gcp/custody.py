"""An incident's custody in Google Secret Manager: a secret `ir-<incident>-<name>` with the replication of the store's own."""

import time

from ir.adapters.stores.kept_apart import KeptApart
from ir.adapters.stores.old_news import awaited
from ir.clients.gcp_secrets import GcpProject
from ir.core.errors import Conflict, Missing, Unknown
from ir.core.secret import fingerprint

OF, _INCIDENT = "ir-stripe-of", "ir-stripe-incident"


class GcpCustody(KeptApart):
    """The custody of one secret.

    Args:
        project: of the secret.
        name: of the secret.
    """

    def __init__(self, project: GcpProject, name: str) -> None:
        self._project, self._name = project, name
        self._written: dict[str, int] = {}

    def path(self, incident: str) -> str:
        """See `KeptApart`."""
        return f"ir-{incident}-{self._name}"

    def incidents(self) -> tuple[str, ...]:
        """See `KeptApart`."""
        rows = self._project.names(OF, fingerprint(self._name))
        return tuple(sorted(str((row.get("annotations") or {}).get(_INCIDENT, "")) for row in rows))

    def load(self, incident: str) -> tuple[str, str] | None:
        """See `KeptApart`. Our last write is read by its number, which is always up to date."""
        number = self._written.get(incident)
        try:
            found, data = self._project.access(self.path(incident), str(number) if number else "latest")
        except Missing:
            return None
        try:
            return str(found), data.decode()
        except ValueError:
            raise Unknown(f"{self.path(incident)} does not hold what this tool keeps there") from None

    def save(self, incident: str, text: str) -> None:
        """See `KeptApart`."""
        name = self.path(incident)
        try:
            self._written[incident] = self._project.add(name, text.encode())
        except Missing:
            self._make(incident)
            self._written[incident] = self._project.add(name, text.encode())

    def discard(self, incident: str) -> None:
        """See `KeptApart`."""
        self._written.pop(incident, None)
        try:
            self._project.delete(self.path(incident))
        except Missing:
            return
        awaited(lambda: self._there(incident), bool, self.path(incident))

    def _there(self, incident: str) -> bool:
        try:
            self._project.about(self.path(incident))
        except Missing:
            return False
        return True

    def _make(self, incident: str) -> None:
        marks = {"labels": {OF: fingerprint(self._name)}, "annotations": {_INCIDENT: incident, "ir-stripe-created": str(int(time.time()))}}
        replication = self._project.about(self._name).get("replication") or {"automatic": {}}
        try:
            self._project.create(self.path(incident), {"replication": _asked(replication), **marks})
        except Conflict:
            return  # an earlier try made it, and its answer was lost


def _asked(replication: object) -> object:
    """The replication in the form of a request: without the fields that Google adds to its answer."""
    if isinstance(replication, dict):
        return {name: _asked(value) for name, value in replication.items() if name != "customerManagedEncryptionStatus"}
    return [_asked(row) for row in replication] if isinstance(replication, list) else replication
