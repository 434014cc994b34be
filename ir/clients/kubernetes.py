"""Calls to a Kubernetes cluster by its REST API alone. Objects are JSON, and a write names the `resourceVersion` that it replaces.

From the API reference of Kubernetes 1.36 (`tests/worlds/api/kubernetes.json` has the paths and fields that are used).
"""

from threading import Lock
from typing import Any

from ir.clients.host_api import HostApi, Login, part
from ir.clients.kubeconfig import access
from ir.core.errors import Missing, Unknown
from ir.core.model import Json

MERGE = "application/merge-patch+json"
_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1"
_MANAGER = "fieldManager=ir"
_PAGE = 500


class Cluster:
    """One context; each call raises as `HostApi.ask`. The kubeconfig is read at the first call.

    Args:
        context: of the kubeconfig.
        login: what the inventory says of it.
        timeout: seconds per call.
    """

    def __init__(self, context: str, login: Login, timeout: float) -> None:
        self._context, self._login, self._timeout = context, login, timeout
        self._made: HostApi | None = None
        self._lock = Lock()

    def get(self, path: str, about: str) -> Json:
        """An object."""
        found: Json = self._api().ask("GET", path, about, needs="metadata").data
        return found

    def names(self, path: str, about: str) -> list[Json]:
        """The metadata of the objects of a list, without what they hold."""
        return [dict(row.get("metadata") or {}) for row in self.rows(path, about, accept=_NAMES_ONLY)]

    def rows(self, path: str, about: str, *, accept: str = "") -> list[Json]:
        """The objects of a list, page by page."""
        found: list[Json] = []
        token = ""
        while True:
            more = f"{'&' if '?' in path else '?'}limit={_PAGE}" + (f"&continue={part(token)}" if token else "")
            data = self._api().ask("GET", f"{path}{more}", about, needs="items", accept=accept).data
            found += [row for row in data["items"] or [] if isinstance(row, dict)]
            token = str((data.get("metadata") or {}).get("continue") or "")
            if not token:
                return found

    def patch(self, path: str, about: str, body: Json) -> Json:
        """Merge into an object; with `metadata.resourceVersion` in the body only into that version of it: else Conflict."""
        found: Json = self._api().ask("PATCH", f"{path}?{_MANAGER}", about, body, needs="metadata", content=MERGE).data
        return found

    def create(self, path: str, about: str, body: Json) -> Json:
        """Make an object. Raises Conflict when it is there."""
        found: Json = self._api().ask("POST", f"{path}?{_MANAGER}", about, body, needs="metadata").data
        return found

    def delete(self, path: str, about: str) -> None:
        """Delete an object and see it gone: an answer alone may come from another deletion. Already gone is fine."""
        try:
            self._api().ask("DELETE", path, about, needs="kind")
        except Missing:
            return

    def may(self, verb: str, namespace: str, resource: str, name: str = "", group: str = "") -> bool:
        """Whether our login may do that, as the cluster itself says."""
        row = {"namespace": namespace, "verb": verb, "resource": resource, "name": name, "group": group}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": row}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        about = f"our rights on {resource} in {namespace}"
        status = self._api().ask("POST", path, about, review, needs="status").data["status"]
        if not isinstance(status, dict) or not isinstance(status.get("allowed"), bool):
            raise Unknown(f"what answered about {about} was not a cluster")
        return bool(status["allowed"])

    def _api(self) -> HostApi:
        with self._lock:
            if self._made is None:
                found = access(self._context, self._login)
                host = f"the cluster of `{self._context}`"
                self._made = HostApi(host, found.server, found.token, timeout=self._timeout, tls=found.tls)
            return self._made


def secret_path(namespace: str, name: str = "") -> str:
    """The path of a Secret; of all Secrets of the namespace when `name` is "", of every one when that is "", too."""
    if not namespace:
        return "/api/v1/secrets"
    return f"/api/v1/namespaces/{part(namespace)}/secrets" + (f"/{part(name)}" if name else "")


def external_secret(cluster: Cluster, namespace: str, name: str) -> tuple[str, Json]:
    """Path and object of an ExternalSecret, of the version that the cluster has. Raises Missing, and as `HostApi.ask`."""
    return _external(cluster, f"namespaces/{part(namespace)}/externalsecrets/{part(name)}", f"ExternalSecret {name}")


def external_store(cluster: Cluster, namespace: str, ref: Json) -> Json:
    """The SecretStore or ClusterSecretStore that a `secretStoreRef` names. Raises as `external_secret`."""
    name, kind = str(ref.get("name", "")), str(ref.get("kind") or "SecretStore")
    wide = kind == "ClusterSecretStore"
    where = f"clustersecretstores/{part(name)}" if wide else f"namespaces/{part(namespace)}/secretstores/{part(name)}"
    return _external(cluster, where, f"{kind} {name}")[1]


def _external(cluster: Cluster, where: str, about: str) -> tuple[str, Json]:
    last = Missing(f"the cluster has no {about}")
    for version in ("v1", "v1beta1"):
        path = f"/apis/external-secrets.io/{version}/{where}"
        try:
            return path, cluster.get(path, about)
        except Missing as error:
            last = error
    raise last


def managers(meta: Json, field: str) -> list[str]:
    """Field managers of one field of the data, other than people's own tools and this one, as the cluster names them."""
    by_hand = ("ir", "kubectl", "kubectl-edit", "kubectl-create", "kubectl-patch", "kubectl-client-side-apply", "Mozilla")
    rows = [row for row in meta.get("managedFields") or [] if f"f:{field}" in _data_of(row)]
    return [str(row.get("manager")) for row in rows if row.get("manager") not in by_hand]


def keys_of(meta: Json) -> dict[str, str]:
    """Names of the keys of a Secret's data, as far as its metadata tells them, and when each was written last."""
    found: dict[str, str] = {}
    for row in meta.get("managedFields") or []:
        written = (row.get("fieldsV1") or {}).get("f:stringData") or {}
        for name in (*_data_of(row), *written):
            if name.startswith("f:"):
                found[name[2:]] = max(found.get(name[2:], ""), str(row.get("time") or ""))
    return found


def last_writer(meta: Json, field: str) -> str:
    """The last writer of that field and the time, as the cluster tells it; "" when it does not."""
    rows = [row for row in meta.get("managedFields") or [] if f"f:{field}" in _data_of(row)]
    if not rows:
        return ""
    row = max(rows, key=lambda one: str(one.get("time", "")))
    return f"{row.get('manager')} at {row.get('time', '?')}"


def _data_of(row: Json) -> dict[str, Any]:
    return (row.get("fieldsV1") or {}).get("f:data") or {}
