"""A stand-in of GitHub: secrets of Actions, by its published API description and documentation.

A value comes sealed and is never told; a date of change has whole seconds; 201 makes, 204 changes; what a token may not see is 404.
"""

import base64
import time
from datetime import UTC, datetime
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.server import Call, HostTwin, Refusal


class GithubTwin(HostTwin):
    """Some repositories.

    Attributes:
        secrets: (owner/repo, environment or "", name) → row with the value.
        organisation: names of the organisation's secrets.
        services: a drill's service → where its value is.
    """

    name = "github-actions"

    def __init__(self) -> None:
        from nacl.public import PrivateKey

        super().__init__()
        self._key = PrivateKey.generate()
        self.secrets: dict[tuple[str, str, str], Json] = {}
        self.organisation: list[str] = []
        self.services: dict[str, tuple[str, str, str]] = {}
        self._ahead = 0.0

    def tick(self) -> None:
        """A second passes."""
        self._ahead += 1.0

    def put(self, repo: str, name: str, value: str, environment: str = "") -> None:
        """A secret, as somebody sets it on the page."""
        with self.lock:
            at = (repo, environment, name)
            created = self.secrets.get(at, {}).get("created_at", self._now())
            self.secrets[at] = {"value": value, "created_at": created, "updated_at": self._now()}

    def value(self, repo: str, name: str, environment: str = "") -> str:
        """What a secret holds."""
        with self.lock:
            return str(self.secrets[repo, environment, name]["value"])

    def runtime(self, name: str) -> str:
        """See `HostTwin`: each run gets the secret as it is."""
        return str(self.secrets[self.services[name]]["value"])

    def refused(self, status: int) -> Refusal:
        """See `HostTwin`."""
        return Refusal(status, {"message": "Refused", "status": str(status)})

    def carries(self, call: Call) -> bool:
        """See `HostTwin`. A value comes sealed, so no request may hold one."""
        return False

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        rights, path = self.login(call), call.path
        repo = "/".join(path[1:3])
        if path[0] != "repos" or not any(at[0] == repo for at in self.secrets):
            raise self.refused(404)
        if path[3:] == ("environments",):
            names = sorted({at[1] for at in self.secrets if at[0] == repo and at[1]})
            return 200, {"total_count": len(names), "environments": [{"name": name} for name in names]}
        if path[3:] == ("actions", "organization-secrets"):
            return 200, {"total_count": len(self.organisation), "secrets": [{"name": name} for name in self.organisation]}
        environment = path[4] if path[3] == "environments" else ""
        if path[-1] == "public-key":
            return 200, {"key_id": "568250167242549743", "key": base64.b64encode(bytes(self._key.public_key)).decode()}
        at = (repo, environment, path[-1])
        if call.method == "PUT":
            return self._put(call, at, rights)
        if at not in self.secrets:
            raise self.refused(404)
        row = self.secrets[at]
        return 200, {"name": path[-1], "created_at": row["created_at"], "updated_at": row["updated_at"]}

    def _put(self, call: Call, at: tuple[str, str, str], rights: frozenset[str]) -> tuple[int, Any]:
        from nacl.exceptions import CryptoError
        from nacl.public import SealedBox

        if "*" not in rights:
            raise self.refused(403)
        if set(call.body) != {"encrypted_value", "key_id"}:
            raise self.refused(422)
        try:
            value = SealedBox(self._key).decrypt(base64.b64decode(call.body["encrypted_value"])).decode()
        except (CryptoError, ValueError):
            raise self.refused(422) from None
        there = at in self.secrets
        self.put(at[0], at[2], value, at[1])
        return (204, None) if there else (201, {})

    def _now(self) -> str:
        return datetime.fromtimestamp(int(time.time() + self._ahead), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
