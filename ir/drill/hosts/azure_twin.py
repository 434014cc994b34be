"""A stand-in of a vault of Azure Key Vault: secrets and versions, by Microsoft's description of the API and documentation.

A version never changes; the newest is current, and refused when it is disabled (403 `SecretDisabled`). Versions are listed in the order of
their ids. A deleted secret is kept, and its name with it, until it is purged. Rights are data actions of roles, 403 without.
"""

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.server import Call, HostTwin, Refusal

_PAGE = 25
_CHALLENGE = 'Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"'
_CODES = {400: "BadParameter", 401: "Unauthorized", 403: "Forbidden", 404: "SecretNotFound", 409: "Conflict", 429: "Throttled"}


@dataclass
class VaultVersion:
    """One version of a secret."""

    id: str
    value: str
    attributes: Json
    more: Json


@dataclass
class VaultSecret:
    """A secret; a deleted one can be purged after so many more looks at it."""

    name: str
    versions: list[VaultVersion] = field(default_factory=list)
    deleting: int = 0


class AzureTwin(HostTwin):
    """One vault.

    Attributes:
        vault: its name.
        secrets, deleted: name in lower case → what is held.
        level: what can be done with a deleted secret, in Azure's words.
        slow: looks that a deletion or a recovery takes.
        services: a drill's service → secret and field.
    """

    name = "azure-kv"

    def __init__(self, vault: str = "shop") -> None:
        super().__init__()
        self.vault = vault
        self.secrets: dict[str, VaultSecret] = {}
        self.deleted: dict[str, VaultSecret] = {}
        self.level, self.slow = "Recoverable+Purgeable", 1
        self.services: dict[str, tuple[str, str]] = {}

    def put(self, name: str, value: str, **more: Any) -> VaultVersion:
        """A version, as somebody adds it with `az`; `more`: tags, contentType, attributes."""
        with self.lock:
            now, attributes = int(time.time()), more.pop("attributes", {})
            made = VaultVersion(secrets.token_hex(16), value, {"enabled": True, **attributes, "created": now, "updated": now}, more)
            self.secrets.setdefault(name.lower(), VaultSecret(name)).versions.append(made)
            return made

    def value(self, name: str) -> str:
        """What the newest version holds."""
        with self.lock:
            return self.secrets[name.lower()].versions[-1].value

    def runtime(self, name: str) -> str:
        """See `HostTwin`: a service that reads the newest version again and again."""
        secret, field_ = self.services[name]
        return str(json.loads(self.value(secret))[field_])

    def refused(self, status: int, inner: str = "") -> Refusal:
        """See `HostTwin`."""
        error: Json = {"code": _CODES.get(status, "InternalServerError"), "message": "refused"}
        headers = {"WWW-Authenticate": _CHALLENGE} if status == 401 else {}
        return Refusal(status, {"error": {**error, **({"innererror": {"code": inner}} if inner else {})}}, headers)

    def carries(self, call: Call) -> bool:
        """See `HostTwin`."""
        return call.method == "PUT" and call.path[0] == "secrets"

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        rights, path = self.login(call), call.path
        if "api-version" not in call.query:
            raise self.refused(400)
        name = path[1].lower() if len(path) > 1 else ""
        if path[0] == "deletedsecrets" and name:
            return self._deleted(call, rights, name)
        if path[0] != "secrets":
            raise self.refused(404)
        if not name:
            self._needs(rights, "readMetadata/action")
            return 200, self._page(call, [self._row(held, held.versions[-1], versioned=False) for held in self.secrets.values()])
        if call.method == "PUT":
            self._needs(rights, "setSecret/action")
            if name in self.deleted:
                raise self.refused(409, "ObjectIsDeletedButRecoverable")
            return 200, self._bundle(self.secrets[name], self.put(path[1], **call.body)) if name in self.secrets else self._made(call)
        return self._found(call, rights, name)

    def _found(self, call: Call, rights: frozenset[str], name: str) -> tuple[int, Any]:
        listed = call.path[2:] == ("versions",)
        self._needs(rights, "delete" if call.method == "DELETE" else "readMetadata/action" if listed else "getSecret/action")
        held = self.secrets.get(name)
        if held is None:
            raise self.refused(404)
        if call.method == "DELETE":
            del self.secrets[name]
            held.deleting = self.slow
            if self.level != "Purgeable":
                self.deleted[name] = held
            return 200, {**self._row(held, held.versions[-1]), "recoveryId": f"{self._id}/deletedsecrets/{held.name}"}
        if listed:
            return 200, self._page(call, [self._row(held, one) for one in sorted(held.versions, key=lambda one: one.id)])
        found = [one for one in held.versions if not call.path[2:] or one.id == call.path[2]]
        if not found:
            raise self.refused(404)
        if not found[-1].attributes["enabled"]:
            raise self.refused(403, "SecretDisabled")
        return 200, self._bundle(held, found[-1])

    def _deleted(self, call: Call, rights: frozenset[str], name: str) -> tuple[int, Any]:
        self._needs(rights, {"DELETE": "purge/action", "POST": "recover/action"}.get(call.method, "readMetadata/action"))
        held = self.deleted.get(name)
        if held is None:
            raise self.refused(404)
        if held.deleting:
            held.deleting -= 1
            raise self.refused(404) if call.method == "GET" else self.refused(409, "ObjectIsBeingDeleted")
        if call.method == "GET":
            return 200, {**self._row(held, held.versions[-1]), "recoveryId": f"{self._id}/deletedsecrets/{held.name}"}
        if call.method == "DELETE":
            if "Purgeable" not in self.level:
                raise self.refused(403)
            del self.deleted[name]
            return 204, None
        self.secrets[name] = self.deleted.pop(name)
        return 200, self._row(held, held.versions[-1])

    def _made(self, call: Call) -> Json:
        made = self.put(call.path[1], **call.body)
        return self._bundle(self.secrets[call.path[1].lower()], made)

    @property
    def _id(self) -> str:
        return f"https://{self.vault}.vault.azure.net"

    def _row(self, held: VaultSecret, one: VaultVersion, *, versioned: bool = True) -> Json:
        attributes = {**one.attributes, "recoveryLevel": self.level, "recoverableDays": 0 if self.level == "Purgeable" else 90}
        return {"id": f"{self._id}/secrets/{held.name}" + (f"/{one.id}" if versioned else ""), "attributes": attributes, **one.more}

    def _bundle(self, held: VaultSecret, one: VaultVersion) -> Json:
        return {"value": one.value, **self._row(held, one)}

    def _page(self, call: Call, rows: list[Json]) -> Json:
        start, size = int(call.query.get("$skiptoken") or 0), min(int(call.query.get("maxresults") or _PAGE), _PAGE)
        query = f"api-version={call.query['api-version']}&$skiptoken={start + size}&maxresults={size}"
        more = f"{self._id}:443/{'/'.join(call.path)}?{query}" if start + size < len(rows) else None
        return {"value": rows[start : start + size], "nextLink": more}

    def _needs(self, rights: frozenset[str], right: str) -> None:
        if "*" not in rights and right not in rights:
            raise self.refused(403, "ForbiddenByRbac")
