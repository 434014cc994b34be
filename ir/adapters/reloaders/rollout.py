"""Reload by Kubernetes: have External Secrets read its store again, then replace the pods of a workload, and see each one replaced.

As `kubectl rollout restart` does it: an annotation of the pod template, and a wait until no pod of the former template is left.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from ir.clients.host_api import Login, part
from ir.clients.kubernetes import Cluster, external_secret
from ir.core.errors import Rejected, Unknown
from ir.core.model import Json
from ir.core.wording import counted
from ir.ports import Reloader

_RESTARTED, _SYNC = "kubectl.kubernetes.io/restartedAt", "force-sync"
_PLURAL = {"deployment": "deployments", "statefulset": "statefulsets", "daemonset": "daemonsets"}
_NEVER = ("0", "0s", "0m", "0h")


class RolloutReloader(Reloader):
    """Safe to repeat: pods are replaced once more.

    Args:
        context: of the kubeconfig.
        namespace: where the workload is.
        kind: `deployment`, `statefulset` or `daemonset`; "" = no pods are replaced.
        name: of the workload.
        external_secret: of an ExternalSecret in the same namespace that has to read its store first; "" = none.
        login: see `clients.host_api.Login`.
        timeout: seconds for all of it.
        say: hears how it goes on.
        pause: seconds between two looks.
    """

    def __init__(
        self,
        *,
        context: str,
        namespace: str,
        kind: str = "",
        name: str = "",
        external_secret: str = "",
        login: Login | None = None,
        timeout: float = 300.0,
        say: Callable[[str], None] = lambda _text: None,
        pause: float = 1.0,
    ) -> None:
        self._namespace, self._kind, self._name, self._external = namespace, kind, name, external_secret
        self._cluster = Cluster(context, login or Login(), min(timeout, 10.0))
        self._timeout, self._say, self._pause = timeout, say, pause

    def ready(self) -> None:
        """See `ports.Reloader`. What it would write to is read. Raises Missing, Rejected, Denied, Unknown."""
        if self._external:
            self._refreshed(f"ExternalSecret {self._external}")
        if self._kind:
            self._restartable(f"{self._kind} {self._name}")

    def reload(self) -> str:
        """Do it.

        Raises:
            Unknown: not done in time. Rejected: it cannot help, or the cluster refuses. Missing, Denied.
        """
        until, done = time.monotonic() + self._timeout, []
        if self._external:
            done.append(self._synced(until))
        if self._kind:
            done.append(self._rolled_out(until))
        return "; ".join(done)

    # ── External Secrets ──

    def _synced(self, until: float) -> str:
        about = f"ExternalSecret {self._external}"
        path, before = self._refreshed(about)
        self._cluster.patch(path, about, {"metadata": {"annotations": {_SYNC: _now()}}})
        while True:
            status = self._cluster.get(path, about).get("status") or {}
            ready: Json = next((row for row in status.get("conditions") or [] if row.get("type") == "Ready"), {})
            if status.get("refreshTime", "") != before and ready.get("status") == "True":
                return f"{about} read its store again at {status['refreshTime']}"
            if status.get("refreshTime", "") != before and ready.get("status") == "False":
                raise Rejected(f"{about} cannot read its store ({ready.get('reason', 'not ready')})")
            self._rest(until, f"{about} has not read its store again")

    def _refreshed(self, about: str) -> tuple[str, str]:
        """Its path, and when it was last refreshed. Raises Rejected: it takes no refresh that is asked for."""
        path, found = external_secret(self._cluster, self._namespace, self._external)
        spec = found.get("spec") or {}
        policy = spec.get("refreshPolicy") or "Periodic"
        if policy == "CreatedOnce" or (policy == "Periodic" and str(spec.get("refreshInterval", "1h")) in _NEVER):
            how = "refreshPolicy: CreatedOnce" if policy == "CreatedOnce" else "refreshInterval: 0"
            raise Rejected(f"{about} has `{how}`, with which `{_SYNC}` does nothing", next_step="give it an interval, or delete its Secret")
        return path, str((found.get("status") or {}).get("refreshTime", ""))

    # ── pods ──

    def _rolled_out(self, until: float) -> str:
        about, mark = f"{self._kind} {self._name}", _now()
        path, before = self._restartable(about)
        wanted = self._marked(path, about, mark)
        while True:
            found = self._cluster.get(path, about)
            if _has_failed(found):
                self._marked(path, about, _mark_of((before.get("spec") or {}).get("template") or {}) or None)
                raise Rejected(f"the rollout of {about} exceeded its progress deadline; its former template was put back")
            waits, pods = _unfinished(found, wanted), self._pods(found)
            former = [pod for pod in pods if _mark_of(pod) != mark]
            ready = [pod for pod in pods if _mark_of(pod) == mark and _is_ready(pod)]
            if not waits and not former and len(ready) == len(pods):
                return f"{about}: {counted(len(ready), 'pod')} replaced, each seen ready"
            self._say(f"{about}: {len(ready)} of {counted(len(pods), 'pod')} replaced")
            self._rest(until, f"{about} is not rolled out: {waits or f'{len(former)} pods of the former template are left'}")

    def _restartable(self, about: str) -> tuple[str, Json]:
        """Its path, and the workload as it is. Raises Rejected: it is paused."""
        path = f"/apis/apps/v1/namespaces/{part(self._namespace)}/{_PLURAL[self._kind]}/{part(self._name)}"
        found = self._cluster.get(path, about)
        if (found.get("spec") or {}).get("paused"):
            raise Rejected(f"{about} is paused: no pod would be replaced", next_step=f"kubectl rollout resume {self._kind}/{self._name}")
        return path, found

    def _marked(self, path: str, about: str, mark: str | None) -> int:
        """Annotate the pod template; returns the generation that this made."""
        template = {"metadata": {"annotations": {_RESTARTED: mark}}}
        return int(self._cluster.patch(path, about, {"spec": {"template": template}})["metadata"].get("generation", 0))

    def _pods(self, workload: Json) -> list[Json]:
        labels = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        if not labels:
            raise Rejected(f"{self._kind} {self._name} selects its pods by something else than `matchLabels`, so they cannot be told")
        selector = "%2C".join(f"{part(name)}%3D{part(str(value))}" for name, value in sorted(labels.items()))
        found = self._cluster.rows(f"/api/v1/namespaces/{part(self._namespace)}/pods?labelSelector={selector}", f"pods of {self._name}")
        return [pod for pod in found if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]

    def _rest(self, until: float, said: str) -> None:
        if time.monotonic() + self._pause > until:
            raise Unknown(f"{said} within {self._timeout:g} s")
        time.sleep(self._pause)


def _unfinished(workload: Json, generation: int) -> str:
    """The reason why a rollout is not finished, "" = it is; by the rules of `kubectl rollout status`."""
    status, spec = workload.get("status") or {}, workload.get("spec") or {}
    if int(status.get("observedGeneration", 0)) < generation:
        return "the cluster has not begun"
    if workload.get("kind") == "DaemonSet":
        wanted, fresh = int(status.get("desiredNumberScheduled", 0)), int(status.get("updatedNumberScheduled", 0))
        ready = int(status.get("numberAvailable", 0))
    else:
        wanted, fresh = int(spec.get("replicas", 1)), int(status.get("updatedReplicas", 0))
        ready = int(status.get("availableReplicas", status.get("readyReplicas", 0)))
    return "" if wanted == fresh == ready else f"{fresh} of {wanted} updated, {ready} available"


def _has_failed(workload: Json) -> bool:
    rows = (workload.get("status") or {}).get("conditions") or []
    return any(row.get("reason") == "ProgressDeadlineExceeded" for row in rows)


def _mark_of(pod: Json) -> str:
    return str(((pod.get("metadata") or {}).get("annotations") or {}).get(_RESTARTED, ""))


def _is_ready(pod: Json) -> bool:
    return any(row.get("type") == "Ready" and row.get("status") == "True" for row in (pod.get("status") or {}).get("conditions") or [])


def _now() -> str:
    return datetime.now(UTC).isoformat()
