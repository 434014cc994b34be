"""A stand-in of Vercel: environment variables and deployments, by its published API description and documentation.

A Secret is never told; a change of a value moves `updatedAt` (milliseconds); a deployment keeps the variables that it was built with, a
redeploy of an old one its snapshot; what a token may not see is 404.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.server import Call, HostTwin, Refusal


@dataclass
class _Deployment:
    row: Json
    variables: dict[str, str]
    ready_at: float
    state: str = "QUEUED"


@dataclass
class _Project:
    variables: list[Json] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    deployments: list[_Deployment] = field(default_factory=list)


class VercelTwin(HostTwin):
    """One team.

    Attributes:
        services: a drill's service → project and variable.
        builds: seconds that a build takes. fails: the next builds end as ERROR. hidden: variables that tokens may not see.
    """

    name = "vercel"

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, _Project] = {}
        self.builds, self.fails, self.hidden = 0.0, False, 0
        self.services: dict[str, tuple[str, str]] = {}
        self._last = 0

    # ── what tests and drills do ──

    def put(self, project: str, name: str, value: str, *, type: str = "sensitive", target: tuple[str, ...] = ("production",)) -> str:  # noqa: A002 - the API's name
        """A variable, as somebody sets it on the page; returns its id."""
        with self.lock:
            found = self.projects.setdefault(project, _Project())
            row = next((one for one in found.variables if one["key"] == name and set(one["target"]) & set(target)), None)
            if row is None:
                row = {"id": f"env_{secrets.token_hex(8)}", "key": name, "createdAt": self._now()}
                found.variables.append(row)
            visible = "config" if type == "plain" else "secret"
            row |= {"type": type, "visibility": visible, "target": list(target), "updatedAt": self._now(), "updatedBy": "user_colleague"}
            found.values[row["id"]] = value
            return str(row["id"])

    def value(self, project: str, name: str, target: str = "production") -> str:
        """What a variable holds."""
        with self.lock:
            return self._environment(project, target)[name]

    def deployed(self, project: str, *, git: bool = True) -> None:
        """A first deployment that serves production."""
        with self.lock:
            source = {"type": "github", "repoId": 1, "ref": "main", "sha": "0" * 40}
            self._build(project, {"gitSource": source} if git else {}, self._environment(project, "production"), at_once=True)

    def serves(self, project: str, name: str) -> str:
        """What the deployment that serves production has in its environment."""
        with self.lock:
            ready = [one for one in self.projects[project].deployments if self._state(one) == "READY"]
            return ready[-1].variables[name]

    def runtime(self, name: str) -> str:
        """See `HostTwin`."""
        return self.serves(*self.services[name])

    # ── HTTP ──

    def refused(self, status: int) -> Refusal:
        """See `HostTwin`."""
        codes = {401: "invalid_token", 403: "forbidden", 404: "not_found", 409: "conflict", 429: "rate_limited"}
        return Refusal(status, {"error": {"code": codes.get(status, "internal_server_error"), "message": "refused"}})

    def carries(self, call: Call) -> bool:
        """See `HostTwin`."""
        return call.method == "PATCH" and "env" in call.path

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        rights = self.login(call)
        path = call.path
        if path[1] == "projects" and path[2] in self.projects and path[3] == "env":
            if call.method == "PATCH" and "*" not in rights:
                raise self.refused(403)
            return 200, self._edit(path[2], path[4], call) if call.method == "PATCH" else self._list(path[2])
        if path[1] == "deployments":
            return self._deployments(call, rights)
        raise self.refused(404)

    def _list(self, project: str) -> Json:
        """Values of what may be read are encrypted unless `decrypt` is asked for; those of Secrets are empty."""
        rows = self.projects[project].variables
        shown = [{**row, "value": "" if row["type"] == "sensitive" else "encrypted-by-vercel"} for row in rows]
        return {"envs": shown if not self.hidden else [], "hiddenProductionEnvCount": self.hidden}

    def _edit(self, project: str, ident: str, call: Call) -> Json:
        found = self.projects[project]
        row = next((one for one in found.variables if one["id"] == ident), None)
        if row is None:
            raise self.refused(404)
        if "value" in call.body:
            found.values[ident] = call.body["value"]
        row |= {"updatedAt": self._now(), "updatedBy": "user_of_token"}
        return {**row, "value": ""}

    def _deployments(self, call: Call, rights: frozenset[str]) -> tuple[int, Any]:
        if call.method == "POST":
            if "*" not in rights:
                raise self.refused(403)
            if call.body.get("project") not in self.projects:
                raise self.refused(404)
            fresh = self._environment(call.body["project"], "production")
            old = next((one for one in self._all() if one.row["id"] == call.body.get("deploymentId")), None)
            return 200, self._build(call.body["project"], call.body, old.variables if old else fresh).row
        if len(call.path) == 2:
            if call.query.get("app") not in self.projects:
                return 200, {"deployments": [], "pagination": {"count": 0, "next": None, "prev": None}}
            ready = [one.row for one in self.projects[call.query["app"]].deployments if self._state(one) == "READY"]
            rows = [{"uid": row["id"], "name": row["name"], "state": "READY", "target": row["target"]} for row in reversed(ready)]
            return 200, {"deployments": rows[:1], "pagination": {"count": len(rows[:1]), "next": None, "prev": None}}
        found = next((one for one in self._all() if one.row["id"] == call.path[2]), None)
        if found is None:
            raise self.refused(404)
        state = self._state(found)
        return 200, {**found.row, "readyState": state, "status": state, "aliasAssigned": state == "READY"}

    def _all(self) -> list[_Deployment]:
        return [one for project in self.projects.values() for one in project.deployments]

    def _build(self, project: str, body: Json, variables: dict[str, str], *, at_once: bool = False) -> _Deployment:
        row = {"id": f"dpl_{secrets.token_hex(8)}", "name": project, "target": "production", "readyState": "QUEUED"}
        row |= {"gitSource": body["gitSource"]} if "gitSource" in body else {}
        made = _Deployment(row, dict(variables), time.monotonic() + (0.0 if at_once else self.builds))
        made.state = "ERROR" if self.fails and not at_once else "READY"
        self.projects[project].deployments.append(made)
        return made

    def _state(self, one: _Deployment) -> str:
        return one.state if time.monotonic() >= one.ready_at else "BUILDING"

    def _environment(self, project: str, target: str) -> dict[str, str]:
        found = self.projects[project]
        return {row["key"]: found.values[row["id"]] for row in found.variables if target in row["target"]}

    def _now(self) -> int:
        """Milliseconds, and never the same twice."""
        self._last = max(self._last + 1, int(time.time() * 1000))
        return self._last
