"""Calls to Vercel's REST API: a project's environment variables, and its deployments.

From the published API description (`tests/worlds/api/vercel.json` has the paths and fields that are used).
"""

import os
from typing import Any

from ir.clients.host_api import HostApi, Login, part
from ir.core.errors import Denied, Missing, Unknown
from ir.core.model import Json
from ir.core.secret import Secret

ADDRESS = "https://api.vercel.com"
_VARIABLE = "VERCEL_TOKEN"


class Project:
    """One project; each call raises as `HostApi.ask`, and Denied for a 404: Vercel says so of what we may not see, too.

    Args:
        name: or id of the project.
        login: what the inventory says of Vercel; without a token there, that of `VERCEL_TOKEN`.
        timeout: seconds per call.
    """

    def __init__(self, name: str, login: Login, timeout: float) -> None:
        self._name, self._team = name, login.team
        self._token = login.token or _from_environment
        self._base, self._timeout = login.api_base or ADDRESS, timeout

    def variables(self) -> tuple[list[Json], int]:
        """All variables that we may see, and how many of production are hidden from us. Values are not asked for."""
        found = self._ask("GET", f"/v10/projects/{part(self._name)}/env", needs="envs")
        rows, pages = found["envs"], found.get("pagination") or {}
        if not isinstance(rows, list) or (isinstance(pages, dict) and pages.get("next")):
            raise Unknown(f"Vercel told not all variables of project {self._name}")
        return [row for row in rows if isinstance(row, dict)], int(found.get("hiddenProductionEnvCount") or 0)

    def integration(self, ident: str) -> str:
        """What an installed integration is called (`stripe`, `supabase`), "" where we may not see it."""
        try:
            found = self._ask("GET", f"/v1/integrations/configuration/{part(ident)}", needs="id")
        except (Denied, Missing):
            return ""
        return str(found.get("slug") or "")

    def write(self, variable: str, value: Secret) -> Json:
        """Give a variable, by its id, another value; its type and targets stay."""
        found: Json = self._ask(
            "PATCH", f"/v9/projects/{part(self._name)}/env/{part(variable)}", {"value": value.reveal()}, needs="updatedAt"
        )
        return found

    def latest(self, target: str) -> Json | None:
        """The newest deployment that serves a target, None without any."""
        query = {"app": self._name, "target": target, "state": "READY", "limit": "1"}
        rows = self._ask("GET", "/v7/deployments", query=query, needs="deployments")["deployments"]
        return self.deployment(str(rows[0]["uid"])) if rows else None

    def deployment(self, ident: str) -> Json:
        """One deployment, with its `readyState`, and whether domains lead to it."""
        found: Json = self._ask("GET", f"/v13/deployments/{part(ident)}", needs="readyState")
        return found

    def deploy(self, source: Json, target: str) -> Json:
        """Build a commit anew, with the variables of this moment; a redeploy of an old deployment might keep its own."""
        kept = {name: source[name] for name in ("type", "repoId", "projectId", "repoUuid", "workspaceUuid", "ref", "sha") if name in source}
        body: Json = {
            "name": self._name,
            "project": self._name,
            "gitSource": kept,
            **({"target": target} if target == "production" else {}),
        }
        found: Json = self._ask("POST", "/v13/deployments", body, query={"forceNew": "1"}, needs="id")
        return found

    def _ask(self, method: str, path: str, body: object = None, *, query: dict[str, str] | None = None, needs: str = "") -> Any:
        team = {"teamId" if self._team.startswith("team_") else "slug": self._team} if self._team else {}
        words = "&".join(f"{name}={part(value)}" for name, value in {**(query or {}), **team}.items())
        about = f"project {self._name}"
        try:
            return self._api().ask(method, f"{path}{'?' if words else ''}{words}", about, body, needs=needs).data
        except Missing:
            pass
        raise Denied(
            f"Vercel shows no {about} to our token: it is not there, or not ours to see", next_step="check the name, `team` and token"
        )

    def _api(self) -> HostApi:
        return HostApi("Vercel", self._base, self._token, timeout=self._timeout)


def _from_environment() -> Secret:
    token = os.environ.get(_VARIABLE, "").strip()
    if not token:
        raise Denied(
            "there is no token for Vercel", next_step=f"set {_VARIABLE}, or under `hosts:` of the inventory `{{name: vercel, token: REF}}`"
        )
    return Secret(token)
