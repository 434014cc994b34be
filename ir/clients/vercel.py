"""Calls to Vercel's REST API: projects, their environment variables and deployments.

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
_PAGES = 200
"""Of projects, a hundred each, that are asked for."""


class VercelProject:
    """One project. Each call raises as `HostApi.ask`; a 404 is Denied, because Vercel answers so where a login may not look.

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
        """All variables that we may see, and the number of production ones that are hidden from us. Values are not asked for."""
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
        """Give a variable, named by its id, another value; its type and targets stay."""
        found: Json = self._ask(
            "PATCH", f"/v9/projects/{part(self._name)}/env/{part(variable)}", {"value": value.reveal()}, needs="updatedAt"
        )
        return found

    def decrypted(self, variable: str) -> Json:
        """A variable by its id, with its value where Vercel tells it."""
        found: Json = self._ask("GET", f"/v1/projects/{part(self._name)}/env/{part(variable)}", needs="key")
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
        """Build a commit again, with the variables of this moment; a redeploy of an old deployment might keep its own."""
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
        words = _query({**(query or {}), **_team(self._team)})
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


class VercelAccount:
    """All that our login sees; each call raises as `HostApi.ask`.

    Args:
        login: what the inventory says of Vercel; without a token there, that of `VERCEL_TOKEN`.
        timeout: seconds per call.
    """

    def __init__(self, login: Login, timeout: float) -> None:
        self._team = login.team
        self._api = HostApi("Vercel", login.api_base or ADDRESS, login.token or _from_environment, timeout=timeout)

    def projects(self) -> list[str]:
        """Their names. Raises Unknown when there is no end of them."""
        found: list[str] = []
        query = {"limit": "100"}
        for _ in range(_PAGES):
            page = self._page("/v10/projects", "the projects", query, "projects")
            found += [str(row.get("name") or row.get("id") or "") for row in page["projects"] or []]
            after = (page.get("pagination") or {}).get("next")
            if not after or str(after) == query.get("from"):
                return sorted(filter(None, dict.fromkeys(found)))
            query = {**query, "from": str(after)}
        raise Unknown("Vercel tells of no end of the projects")

    def shared(self) -> tuple[list[Json], bool]:
        """Variables that a team shares between projects, and whether these are all."""
        page = self._page("/v1/env", "the shared variables", {}, "data")
        return [row for row in page["data"] or [] if isinstance(row, dict)], not (page.get("pagination") or {}).get("next")

    def _page(self, path: str, about: str, query: dict[str, str], needs: str) -> Json:
        words = _query({**query, **_team(self._team)})
        found: Json = self._api.ask("GET", f"{path}{'?' if words else ''}{words}", about, needs=needs).data
        return found


def _team(name: str) -> dict[str, str]:
    return {"teamId" if name.startswith("team_") else "slug": name} if name else {}


def _query(words: dict[str, str]) -> str:
    return "&".join(f"{name}={part(value)}" for name, value in words.items())


def _from_environment() -> Secret:
    token = os.environ.get(_VARIABLE, "").strip()
    if not token:
        raise Denied(
            "there is no token for Vercel", next_step=f"set {_VARIABLE}, or under `hosts:` of the inventory `{{name: vercel, token: REF}}`"
        )
    return Secret(token)
