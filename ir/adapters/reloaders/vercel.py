"""Reload by a deployment at Vercel: the commit that serves now is built again, since only a build takes changed variables.

Until the new deployment is ready the former one serves; a failed deployment never serves, so there is nothing to undo.
"""

import time
from collections.abc import Callable

from ir.clients.host_api import Login
from ir.clients.vercel import VercelProject
from ir.core.errors import Missing, Rejected, Unknown
from ir.core.model import Json
from ir.ports import Reloader

_FAILED = ("ERROR", "CANCELED", "DELETED")


class VercelReloader(Reloader):
    """Safe to repeat: the same commit is built once more.

    Args:
        project: name or id.
        target: `production` or `preview`.
        login: see `clients.host_api.Login`.
        timeout: seconds for all of it.
        say: hears how it goes on.
        pause: seconds between two looks.
    """

    def __init__(
        self,
        *,
        project: str,
        target: str = "production",
        login: Login | None = None,
        timeout: float = 900.0,
        say: Callable[[str], None] = lambda _text: None,
        pause: float = 3.0,
    ) -> None:
        self._name, self._target, self._say, self._pause, self._timeout = project, target, say, pause, timeout
        self._project = VercelProject(project, login or Login(), min(timeout, 15.0))

    def ready(self) -> None:
        """See `ports.Reloader`. Nothing is deployed. Raises Missing, Rejected, Denied, Unknown."""
        self._source()

    def reload(self) -> str:
        """Do it.

        Raises:
            Unknown: not done in time. Rejected: it failed, or cannot be built from a commit. Missing: nothing serves yet. Denied.
        """
        until = time.monotonic() + self._timeout
        made = str(self._project.deploy(self._source(), self._target)["id"])
        return self._followed(made, until)

    def _source(self) -> Json:
        """The commit that serves now."""
        before = self._project.latest(self._target)
        if before is None:
            raise Missing(f"project {self._name} has no deployment for {self._target} yet")
        source = before.get("gitSource")
        if not isinstance(source, dict) or not source.get("type"):
            raise Rejected(
                f"the deployment of {self._name} that serves {self._target} was uploaded, not built from a commit: to deploy it "
                "again may keep its old variables",
                next_step="reload by a command that uploads and builds: vercel deploy --prod --force",
            )
        return source

    def _followed(self, made: str, until: float) -> str:
        told = ""
        while True:
            found = self._project.deployment(made)
            state = str(found["readyState"])
            if state in _FAILED or found.get("aliasError"):
                why = "no domain leads to it" if state not in _FAILED else f"it ended as {state}"
                raise Rejected(f"deployment {made} of {self._name}: {why}; the former one serves on")
            if state == "READY" and (found.get("aliasAssigned") or self._target != "production"):
                return f"deployment {made} of {self._name} was built again, and serves {self._target}"
            if state != told:
                self._say(f"deployment {made} of {self._name}: {state.lower()}")
                told = state
            if time.monotonic() + self._pause > until:
                waits = "is ready, and no domain leads to it: promote it" if state == "READY" else f"is {state.lower()}"
                raise Unknown(f"deployment {made} of {self._name} {waits} (after {self._timeout:g} s)")
            time.sleep(self._pause)
