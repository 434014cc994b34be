"""Azure Key Vault as others see it: straight into the state of the stand-in."""

import json

from ir.adapters.stores.azure.secret_store import AzureSecretStore
from ir.core.reference import Reference
from ir.drill.hosts.azure_twin import AzureTwin
from tests.worlds.bad_network import Answer, Request
from tests.worlds.secret_manager import SecretManagerWorld


class AzureWorld(SecretManagerWorld[AzureTwin]):
    """See `SecretManagerWorld`."""

    scheme, store = "azure-kv", AzureSecretStore
    reader = frozenset({"getSecret/action", "readMetadata/action"})

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        held = {name: held for name, held in (*self.twin.secrets.items(), *self.twin.deleted.items()) if name.endswith(ref.path)}
        return {name: [(one.id, one.value, dict(one.attributes)) for one in secret.versions] for name, secret in held.items()}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`. What is deleted and can be recovered is a trace, too."""
        names = [held.name for held in (*self.twin.secrets.values(), *self.twin.deleted.values())]
        return [name for name in names if name.endswith(ref.path) and incident in name]

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.method in ("DELETE", "POST", "PUT")

    def refused(self, status: int) -> Answer:
        """See `SecretManagerWorld`."""
        return Answer(status, json.dumps({"error": {"code": "AsTold", "message": "as told"}}).encode())
