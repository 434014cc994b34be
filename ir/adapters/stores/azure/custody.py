"""An incident's custody in Azure Key Vault: a secret `ir-<incident>-<name>` in the vault of the store's own.

Most vaults keep a deleted secret for some days. So it is purged, where the vault and our rights allow that, and brought back where the
incident needs its name again.
"""

import time
from contextlib import suppress

from ir.adapters.stores.kept_apart import KeptApart
from ir.adapters.stores.old_news import awaited
from ir.clients.azure_vault import AzureVault, called
from ir.core.errors import Conflict, Denied, Missing
from ir.core.secret import fingerprint

OF, _INCIDENT = "ir-stripe-of", "ir-stripe-incident"
_LONGEST = 127


class AzureCustody(KeptApart):
    """The custody of one secret.

    Args:
        vault: of the secret.
        name: of the secret.
    """

    def __init__(self, vault: AzureVault, name: str) -> None:
        self._vault, self._name = vault, name
        self._written: dict[str, str] = {}

    def path(self, incident: str) -> str:
        """See `KeptApart`."""
        name = f"ir-{incident}-{self._name}"
        return name if len(name) <= _LONGEST else f"ir-{incident}-{fingerprint(self._name)}"

    def incidents(self) -> tuple[str, ...]:
        """See `KeptApart`."""
        marks = [row.get("tags") or {} for row in self._vault.secrets()]
        return tuple(sorted(str(tags.get(_INCIDENT, "")) for tags in marks if tags.get(OF) == fingerprint(self._name)))

    def load(self, incident: str) -> tuple[str, str] | None:
        """See `KeptApart`. Our last write is read by its version, so that an older one cannot be taken for it."""
        try:
            found = self._vault.get(self.path(incident), self._written.get(incident, ""))
        except Missing:
            return None
        return called(found)[1], found["value"]

    def save(self, incident: str, text: str) -> None:
        """See `KeptApart`."""
        name = self.path(incident)
        tags = {OF: fingerprint(self._name), _INCIDENT: incident, "ir-stripe-created": str(int(time.time()))}
        body = {"value": text, "tags": tags, "contentType": "application/json"}
        try:
            made = self._vault.set(name, body)
        except Conflict:  # one that was deleted has this name
            self._recover(name)
            made = self._vault.set(name, body)
        self._written[incident] = called(made)[1]

    def discard(self, incident: str) -> None:
        """See `KeptApart`."""
        name = self.path(incident)
        self._written.pop(incident, None)
        with suppress(Missing):
            self._vault.delete(name)
        awaited(lambda: self._there(name), bool, name)
        awaited(lambda: self._to_purge(name), bool, name)

    def _recover(self, name: str) -> None:
        with suppress(Missing):
            self._vault.recover(name)
        awaited(lambda: not self._there(name), bool, name)

    def _there(self, name: str) -> bool:
        try:
            self._vault.get(name)
        except Missing:
            return False
        return True

    def _to_purge(self, name: str) -> bool:
        """Purge it; whether it may still be there. What our login may not purge, as `check_write` has said, stays for some days."""
        try:
            self._vault.purge(name)
        except Missing:
            return False
        except Conflict:
            return True  # it is still being deleted
        except Denied:
            with suppress(Missing):
                self._vault.deleted(name)  # Denied once more: it is the login that has ended, no refusal to purge
            return False
        return True
