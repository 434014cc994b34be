"""Google Secret Manager as others see it: straight into the state of the stand-in."""

import json

from ir.adapters.stores.gcp.secret_store import GcpSecretStore
from ir.core.reference import Reference
from ir.drill.hosts.gcp_twin import GcpTwin
from tests.worlds.bad_network import Answer, Request
from tests.worlds.secret_manager import SecretManagerWorld


class GcpWorld(SecretManagerWorld[GcpTwin]):
    """See `SecretManagerWorld`."""

    scheme, store = "gcp-sm", GcpSecretStore
    reader = frozenset({"secretmanager.versions.access", "secretmanager.secrets.get", "secretmanager.secrets.list"})

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        return {name: list(held.versions) for name, held in self.twin.secrets.items() if name.endswith(ref.path)}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`."""
        return [name for name in self.twin.secrets if name.endswith(ref.path) and incident in name]

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.method == "DELETE" or (request.method == "POST" and "testIamPermissions" not in request.path)

    def refused(self, status: int) -> Answer:
        """See `SecretManagerWorld`."""
        return Answer(status, json.dumps({"error": {"code": status, "message": "as told", "status": "X"}}).encode())
