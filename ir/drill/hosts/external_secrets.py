"""What External Secrets adds to a cluster: SecretStores, and ExternalSecrets that write a key of a Secret. From its docs, 2.8."""

import copy
from abc import abstractmethod
from datetime import UTC, datetime
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.server import Call, HostTwin


class ExternalSecrets(HostTwin):
    """That part of a cluster.

    Attributes:
        external: (namespace, name) → ExternalSecret. outside: what its own store holds, and the Secret and key that it writes.
        stores: SecretStores and ClusterSecretStores (namespace ""): their `provider`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.external: dict[tuple[str, str], Json] = {}
        self.outside: dict[tuple[str, str], tuple[str, str, str]] = {}
        self.stores: dict[tuple[str, str], Json] = {}

    @abstractmethod
    def put_secret(self, namespace: str, name: str, data: dict[str, str], **more: Any) -> None:
        """Make or replace a Secret."""

    def add_external(self, namespace: str, name: str, secret: str, key: str, value: str, **spec: Any) -> None:
        """An ExternalSecret that writes a key of a Secret from a store outside."""
        body = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name, "annotations": {}}}
        status = {"refreshTime": now(), "conditions": [{"type": "Ready", "status": "True"}]}
        with self.lock:
            self.external[namespace, name] = {**body, "spec": {"refreshInterval": "1h", **spec}, "status": status}
            self.outside[namespace, name] = (secret, key, value)

    def secret_store(self, call: Call, namespace: str, name: str) -> tuple[int, Any]:
        """A SecretStore, read."""
        if call.method != "GET" or (namespace, name) not in self.stores:
            raise self.refused(404)
        return 200, {"kind": "SecretStore", "metadata": {"name": name}, "spec": {"provider": self.stores[namespace, name]}}

    def external_secret(self, call: Call, namespace: str, name: str) -> tuple[int, Any]:
        """An ExternalSecret, read or told to read its store again."""
        row = self.external.get((namespace, name))
        if row is None:
            raise self.refused(404)
        if call.method == "PATCH":
            self.external[namespace, name] = row = merged(row, call.body)
            spec = row["spec"]
            if spec["refreshInterval"] not in ("0", "0s") and spec.get("refreshPolicy") != "CreatedOnce":
                secret, key, value = self.outside[namespace, name]
                row["status"]["refreshTime"] = now()
                if value:
                    owner = {"ownerReferences": [{"kind": "ExternalSecret", "name": name}]}
                    self.put_secret(namespace, secret, {key: value}, metadata=owner)
                row["status"]["conditions"] = [{"type": "Ready", "status": "True" if value else "False", "reason": "SecretSyncedError"}]
        return 200, row


def paged(call: Call, rows: list[Json]) -> Json:
    """A list in pages of `limit`; `continue` is where the last one ended."""
    start = int(call.query.get("continue") or 0)
    end = start + int(call.query.get("limit") or len(rows))
    return {"kind": "List", "metadata": {"continue": str(end)} if end < len(rows) else {}, "items": rows[start:end]}


def merged(into: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    found = dict(into) if isinstance(into, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def now() -> str:
    """A time as clusters write it."""
    return datetime.now(UTC).isoformat()
