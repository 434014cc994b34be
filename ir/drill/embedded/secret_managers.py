"""Secret managers of clouds, as hosts of a drill: services read the newest version there by themselves."""

import json
from dataclasses import dataclass

from ir.core.model import Json
from ir.drill.hosts.azure_twin import AzureTwin
from ir.drill.hosts.gcp_twin import GcpTwin
from ir.drill.hosts.server import TOKEN


@dataclass
class GcpShelf:
    """A JSON secret of Google Secret Manager; services read `latest` again and again."""

    twin: GcpTwin
    name: str = "stripe"
    beside: str = "not-a-stripe-key"

    @property
    def ref(self) -> str:
        """See `Hosted`."""
        return f"gcp-sm://{self.twin.project}/{self.name}#api_key"

    @property
    def row(self) -> Json:
        """See `Hosted`."""
        return {"name": "gcp-sm", "api_base": self.twin.address, "token": f"env://{TOKEN}"}

    def reload(self, service: str) -> Json:
        """See `Hosted`."""
        return {"polls": "1s"}

    def deploy(self, service: str) -> None:
        """See `Hosted`."""
        self.twin.services[service] = (self.name, "api_key")

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        self.twin.put(self.name, json.dumps({"api_key": key, "db_password": self.beside}))

    def key(self) -> str:
        """See `Shelf`."""
        return str(json.loads(self.twin.value(self.name))["api_key"])

    def disturbed(self) -> str:
        """See `Shelf`. What was kept for the incident is gone, too."""
        now = json.loads(self.twin.value(self.name))
        changed = [] if now == {"api_key": now["api_key"], "db_password": self.beside} else ["db_password was changed"]
        return ", ".join([*changed, *(f"{name} is left" for name in self.twin.secrets if name != self.name)])


@dataclass
class AzureShelf:
    """A JSON secret of Azure Key Vault; services read its newest version again and again."""

    twin: AzureTwin
    name: str = "stripe"
    beside: str = "not-a-stripe-key"
    tags: tuple[tuple[str, str], ...] = (("team", "payments"),)

    @property
    def ref(self) -> str:
        """See `Hosted`."""
        return f"azure-kv://{self.twin.vault}/{self.name}#api_key"

    @property
    def row(self) -> Json:
        """See `Hosted`."""
        return {"name": "azure-kv", "api_base": self.twin.address, "token": f"env://{TOKEN}"}

    def reload(self, service: str) -> Json:
        """See `Hosted`."""
        return {"polls": "1s"}

    def deploy(self, service: str) -> None:
        """See `Hosted`."""
        self.twin.services[service] = (self.name, "api_key")

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        self.twin.put(self.name, json.dumps({"api_key": key, "db_password": self.beside}), tags=dict(self.tags))

    def key(self) -> str:
        """See `Shelf`."""
        return str(json.loads(self.twin.value(self.name))["api_key"])

    def disturbed(self) -> str:
        """See `Shelf`. What was kept for the incident is gone, too, and cannot be recovered."""
        now, secret = json.loads(self.twin.value(self.name)), self.twin.secrets[self.name]
        changed = [] if now == {"api_key": now["api_key"], "db_password": self.beside} else ["db_password was changed"]
        changed += [] if secret.versions[-1].more.get("tags") == dict(self.tags) else ["its tags were changed"]
        return ", ".join([*changed, *(f"{name} is left" for name in (*self.twin.secrets, *self.twin.deleted) if name != self.name)])
