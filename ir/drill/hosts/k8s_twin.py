"""A stand-in of a Kubernetes API server: Secrets, workloads, pods and External Secrets, by the API reference of 1.36.

`resourceVersion` counts all changes of the cluster; a merge that names another one is 409; an immutable Secret is 422; rights are
per verb and resource (and `/name`), 403 without; pods get their environment when they start.
"""

import base64
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.external_secrets import ExternalSecrets, merged, now, paged
from ir.drill.hosts.server import Call, Refusal

_RESTARTED = "kubectl.kubernetes.io/restartedAt"


@dataclass
class Workload:
    """A Deployment: its object, what its pods have in their environment, and when a rollout that was asked for is over.

    Attributes:
        mark, former: annotations of its pods, and of those that its last rollout stops. gone_at: when these have stopped.
    """

    body: Json
    reads: tuple[str, str, str]
    environment: str = ""
    done_at: float = 0.0
    mark: str = ""
    former: str = ""
    gone_at: float = 0.0


class K8sTwin(ExternalSecrets):
    """One cluster.

    Attributes:
        secrets: (namespace, name) → object.
        rollout: seconds that a rollout takes. stuck: rollouts exceed their deadline.
        stopping: seconds that pods need to stop; a Deployment does not count them any more, its pods are listed until then.
        kept: (namespace, name) → controller of a Secret, and what it puts back before the next request is answered.
    """

    name = "k8s"

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[tuple[str, str], Json] = {}
        self.workloads: dict[tuple[str, str], Workload] = {}
        self.kept: dict[tuple[str, str], tuple[str, Callable[[], dict[str, str]]]] = {}
        self.rollout, self.stopping, self.stuck = 0.0, 0.0, False
        self._count = 100

    # ── what tests and drills do ──

    def put_secret(self, namespace: str, name: str, data: dict[str, str], **more: Any) -> None:
        """Make or replace a Secret, as somebody with kubectl does."""
        coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        meta = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
        body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": coded, **more}
        with self.lock:
            self.secrets[namespace, name] = self._counted(body, "kubectl", coded)

    def keep(self, namespace: str, name: str, manager: str, data: Callable[[], dict[str, str]], **marks: Any) -> None:
        """A controller takes a Secret over: it marks it (`labels`, `annotations`, `ownerReferences`), and puts its own data back."""
        with self.lock:
            self.secrets[namespace, name]["metadata"] |= marks
            self.kept[namespace, name] = (manager, data)
            self._reconcile()

    def _reconcile(self) -> None:
        for at, (manager, data) in self.kept.items():
            coded = {key: base64.b64encode(value.encode()).decode() for key, value in data().items()}
            row = self.secrets.get(at)
            if row is not None and {**row["data"], **coded} != row["data"]:
                row["data"] |= coded
                self._counted(row, manager, coded)

    def value(self, namespace: str, name: str, key: str) -> str:
        """What a Secret holds."""
        with self.lock:
            return base64.b64decode(self.secrets[namespace, name]["data"][key]).decode()

    def deploy(self, namespace: str, name: str, reads: tuple[str, str, str], replicas: int = 2) -> None:
        """A Deployment whose pods take one key of a Secret (namespace, name, key) into their environment."""
        variable = {"name": "STRIPE_KEY", "valueFrom": {"secretKeyRef": {"name": reads[1], "key": reads[2]}}}
        pod = {"containers": [{"name": name, "image": name, "env": [variable]}]}
        template: Json = {"metadata": {"labels": {"app": name}, "annotations": {}}, "spec": pod}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace, "generation": 1}}
        with self.lock:
            self.workloads[namespace, name] = Workload(self._counted({**body, "spec": spec}, "kubectl", {}), reads, self.value(*reads))

    def environment(self, namespace: str, name: str) -> str:
        """What the pods of a workload have, once a rollout that was asked for is over."""
        with self.lock:
            row = self.workloads[namespace, name]
            self._settle(row)
            return row.environment

    def runtime(self, name: str) -> str:
        """See `HostTwin`."""
        namespace = next(space for space, workload in self.workloads if workload == name)
        return self.environment(namespace, name)

    # ── HTTP ──

    def refused(self, status: int) -> Refusal:
        """See `HostTwin`."""
        reasons = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 422: "Invalid", 429: "TooManyRequests"}
        reason = reasons.get(status, "InternalError")
        return Refusal(status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status})

    def carries(self, call: Call) -> bool:
        """See `HostTwin`."""
        return call.method in ("POST", "PATCH", "PUT") and "secrets" in call.path

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        rights = self.login(call)
        self._reconcile()
        path = call.path
        if path[-1] == "selfsubjectaccessreviews":
            row = call.body["spec"]["resourceAttributes"]
            allowed = self._allowed(rights, row["verb"], row["resource"], row.get("name", ""))
            return 201, {**call.body, "metadata": {}, "status": {"allowed": allowed}}
        if path == ("api", "v1", "secrets") or (path[0] == "apis" and len(path) == 4):
            namespace, resource, name = "", path[-1], ""
        elif path[:2] == ("api", "v1") and path[2] == "namespaces":
            namespace, resource, name = path[3], path[4], path[5] if len(path) > 5 else ""
        elif path[0] == "apis" and path[3] == "clustersecretstores":
            namespace, resource, name = "", path[3], path[4]
        elif path[0] == "apis" and path[3] == "namespaces":
            namespace, resource, name = path[4], path[5], path[6] if len(path) > 6 else ""
        else:
            raise self.refused(404)
        verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[call.method]
        if not self._allowed(rights, verb, resource, name):
            raise self.refused(403)
        if path[1] == "external-secrets.io" and path[2] != "v1":
            raise self.refused(404)
        kinds = {"secrets": self._secret, "deployments": self._deployment, "pods": self._pods, "externalsecrets": self.external_secret}
        kinds |= dict.fromkeys(("statefulsets", "daemonsets", "cronjobs"), self._deployment)
        kinds |= {"secretstores": self.secret_store, "clustersecretstores": self.secret_store}
        if resource not in kinds:
            raise self.refused(404)
        return kinds[resource](call, namespace, name)

    def _allowed(self, rights: frozenset[str], verb: str, resource: str, name: str) -> bool:
        return "*" in rights or f"{verb} {resource}" in rights or (bool(name) and f"{verb} {resource}/{name}" in rights)

    # ── Secrets ──

    def _secret(self, call: Call, namespace: str, name: str) -> tuple[int, Any]:
        at = (namespace, name or (call.body or {}).get("metadata", {}).get("name", ""))
        if call.method == "POST":
            if at in self.secrets:
                raise self.refused(409)
            body = copy.deepcopy(call.body)
            body["metadata"]["namespace"] = namespace
            self.secrets[at] = self._counted(body, call.query.get("fieldManager", "unknown"), body.get("data") or {})
            return 201, self.secrets[at]
        if not name:
            wanted = call.query.get("labelSelector", "").partition("=")
            rows = [row for (space, _), row in self.secrets.items() if namespace in ("", space)]
            rows = [row for row in rows if not wanted[0] or (row["metadata"].get("labels") or {}).get(wanted[0]) == wanted[2]]
            if "PartialObjectMetadataList" in call.headers.get("accept", ""):
                return 200, paged(call, [{"metadata": row["metadata"]} for row in rows])
            return 200, {"kind": "SecretList", "items": rows}
        if at not in self.secrets:
            raise self.refused(404)
        if call.method == "DELETE":
            del self.secrets[at]
            return 200, {"kind": "Status", "status": "Success"}
        if call.method == "PATCH":
            self.secrets[at] = self._merged(self.secrets[at], call)
        return 200, self.secrets[at]

    def _merged(self, row: Json, call: Call) -> Json:
        if call.headers.get("content-type") != "application/merge-patch+json":
            raise self.refused(415)
        expected = (call.body.get("metadata") or {}).get("resourceVersion")
        if expected is not None and expected != row["metadata"]["resourceVersion"]:
            raise self.refused(409)
        if row.get("immutable"):
            raise self.refused(422)
        return self._counted(merged(row, call.body), call.query.get("fieldManager", "unknown"), call.body.get("data") or {})

    def _counted(self, body: Json, manager: str, touched: Json) -> Json:
        """With the next resourceVersion, and who manages the keys of its data that were written."""
        self._count += 1
        meta = body["metadata"]
        meta["resourceVersion"] = str(self._count)
        rows = {row["manager"]: row for row in meta.get("managedFields") or []}
        for row in rows.values():
            for key in touched:
                row["fieldsV1"]["f:data"].pop(f"f:{key}", None)
        mine = rows.setdefault(manager, {"manager": manager, "operation": "Update", "fieldsV1": {"f:data": {}}})
        mine["time"] = now()
        mine["fieldsV1"]["f:data"].update({f"f:{key}": {} for key in touched})
        meta["managedFields"] = list(rows.values())
        return body

    # ── workloads ──

    def _deployment(self, call: Call, namespace: str, name: str) -> tuple[int, Any]:
        if not name:
            found = [row.body for (space, _), row in self.workloads.items() if namespace in ("", space)]
            return 200, paged(call, found if call.path[-1] == "deployments" else [])
        row = self.workloads.get((namespace, name))
        if row is None:
            raise self.refused(404)
        if call.method == "PATCH":
            before = copy.deepcopy(row.body["spec"]["template"])
            row.body = merged(row.body, call.body)
            if row.body["spec"]["template"] != before:
                row.body["metadata"]["generation"] += 1
                row.done_at = time.monotonic() + self.rollout
            return 200, row.body
        self._settle(row)
        return 200, {**row.body, "status": self.status(row)}

    def _settle(self, row: Workload) -> None:
        """A rollout is over in its time; its pods then have what the Secret holds at that moment."""
        mark = row.body["spec"]["template"]["metadata"]["annotations"].get(_RESTARTED, "")
        if mark != row.mark and time.monotonic() >= row.done_at and not self.stuck:
            row.former, row.gone_at = row.mark, time.monotonic() + self.stopping
            row.mark, row.environment = mark, self.value(*row.reads)

    def status(self, row: Workload) -> Json:
        """A Deployment's status."""
        wanted = row.body["spec"]["replicas"]
        mark = row.body["spec"]["template"]["metadata"]["annotations"].get(_RESTARTED, "")
        fresh = wanted if mark == row.mark else 0
        failed = self.stuck and mark != row.mark
        conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}] if failed else []
        counts = {"replicas": wanted, "updatedReplicas": fresh, "availableReplicas": wanted, "readyReplicas": wanted}
        return {"observedGeneration": row.body["metadata"]["generation"], **counts, "conditions": conditions}

    def _pods(self, call: Call, namespace: str, _name: str) -> tuple[int, Any]:
        wanted = call.query.get("labelSelector", "").partition("=")[2]
        rows = []
        for (space, name), row in self.workloads.items():
            if space == namespace and name == wanted:
                self._settle(row)
                rows += _listed(row, name, row.mark)
                rows += _listed(row, f"{name}-former", row.former) if time.monotonic() < row.gone_at else []
        return 200, {"kind": "PodList", "items": rows}


def _listed(row: Workload, name: str, mark: str) -> list[Json]:
    """Pods of one template, as they are listed."""
    meta = {"labels": row.body["spec"]["template"]["metadata"]["labels"], "annotations": {_RESTARTED: mark}}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return [{"metadata": {**meta, "name": f"{name}-{n}"}, "status": status} for n in range(row.body["spec"]["replicas"])]
