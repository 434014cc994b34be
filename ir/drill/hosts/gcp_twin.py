"""A stand-in of Google Secret Manager: secrets and versions, by Google's discovery document and documentation.

A version never changes; the newest is `latest`; a disabled one is 400; rights are per permission, 403 without; a secret that is not there
is 404 to those who may look.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.server import Call, HostTwin, Refusal


@dataclass
class _Held:
    about: Json
    versions: list[bytes] = field(default_factory=list)
    disabled: set[int] = field(default_factory=set)


class GcpTwin(HostTwin):
    """One project.

    Attributes:
        secrets: name → what is held.
        services: a drill's service → secret and field.
    """

    name = "gcp-sm"

    def __init__(self, project: str = "shop") -> None:
        super().__init__()
        self.project = project
        self.secrets: dict[str, _Held] = {}
        self.services: dict[str, tuple[str, str]] = {}

    def put(self, name: str, value: str) -> int:
        """A version, as somebody adds it with gcloud; makes the secret when there is none."""
        with self.lock:
            about = {"name": f"projects/{self.project}/secrets/{name}", "replication": {"automatic": {}}, "labels": {}, "etag": '"1"'}
            held = self.secrets.setdefault(name, _Held(about))
            held.versions.append(value.encode())
            return len(held.versions)

    def value(self, name: str) -> str:
        """What `latest` is."""
        with self.lock:
            return self.secrets[name].versions[-1].decode()

    def runtime(self, name: str) -> str:
        """See `HostTwin`: a service that reads `latest` again and again."""
        secret, field_ = self.services[name]
        return str(json.loads(self.value(secret))[field_])

    def refused(self, status: int) -> Refusal:
        """See `HostTwin`."""
        words = {400: "FAILED_PRECONDITION", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS"}
        code = words.get(status, "RESOURCE_EXHAUSTED" if status == 429 else "INTERNAL")
        return Refusal(status, {"error": {"code": status, "message": "refused", "status": code}})

    def carries(self, call: Call) -> bool:
        """See `HostTwin`."""
        return call.method == "POST" and call.path[-1].endswith(":addVersion")

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        rights, path = self.login(call), call.path
        if path[:4] != ("v1", "projects", self.project, "secrets"):
            raise self.refused(403)
        if len(path) == 4:
            return self._all(call, rights)
        name, _, verb = path[4].partition(":")
        if verb == "testIamPermissions":
            return 200, {"permissions": [one for one in call.body["permissions"] if self._may(rights, one)]}
        needed = {"addVersion": "versions.add", "": "versions.access" if len(path) > 5 else "secrets.get"}[verb]
        needed = "secrets.delete" if call.method == "DELETE" else needed
        if not self._may(rights, f"secretmanager.{needed}"):
            raise self.refused(403)
        if name not in self.secrets:
            raise self.refused(404)
        if call.method == "DELETE":
            del self.secrets[name]
            return 200, {}
        if verb == "addVersion":
            number = self.put(name, base64.b64decode(call.body["payload"]["data"]).decode())
            return 200, {"name": f"projects/1/secrets/{name}/versions/{number}", "state": "ENABLED"}
        return 200, self._access(name, path[6].partition(":")[0]) if len(path) > 5 else self.secrets[name].about

    def _may(self, rights: frozenset[str], right: str) -> bool:
        return "*" in rights or right in rights

    def _all(self, call: Call, rights: frozenset[str]) -> tuple[int, Any]:
        if not self._may(rights, f"secretmanager.secrets.{'create' if call.method == 'POST' else 'list'}"):
            raise self.refused(403)
        if call.method == "POST":
            name = call.query["secretId"]
            if name in self.secrets:
                raise self.refused(409)
            self.secrets[name] = _Held({**call.body, "name": f"projects/{self.project}/secrets/{name}", "etag": '"1"'})
            return 200, self.secrets[name].about
        label, _, value = call.query["filter"].removeprefix("labels.").partition("=")
        rows = [held.about for held in self.secrets.values() if (held.about.get("labels") or {}).get(label) == value]
        return 200, {"secrets": rows, "totalSize": len(rows)} if rows else {}

    def _access(self, name: str, version: str) -> Json:
        held = self.secrets[name]
        number = len(held.versions) if version == "latest" else int(version)
        if not 1 <= number <= len(held.versions):
            raise self.refused(404)
        if number in held.disabled:
            raise self.refused(400)
        data = base64.b64encode(held.versions[number - 1]).decode()
        return {"name": f"projects/1/secrets/{name}/versions/{number}", "payload": {"data": data}}
