"""Which programs of a cluster read Secrets: what pods take into their environment or mount. Only workloads are read, no Secret.

From the pod's part of the API reference of Kubernetes 1.36 (`env`, `envFrom`, volumes of kind `secret` and `projected`), read 2026-11-30.
"""

from collections.abc import Iterator
from typing import Any

from ir.clients.host_api import Login, part
from ir.clients.kubernetes import Cluster
from ir.core.errors import PortError
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.inventory.proposed_services import Reader

_KINDS = {"deployment": "apps/v1", "statefulset": "apps/v1", "daemonset": "apps/v1", "cronjob": "batch/v1"}


def readers(place: Place, *, login: Login | None = None, timeout: float = 10.0) -> tuple[list[Reader], list[str]]:
    """Programs below a place that read Secrets, and which could not be looked at, with the reason."""
    cluster = Cluster(place.host, login or Login(), timeout)
    namespace = place.path.partition("/")[0]
    found: list[Reader] = []
    unseen: list[str] = []
    for kind, group in _KINDS.items():
        where = f"namespaces/{part(namespace)}/" if namespace else ""
        try:
            rows = cluster.rows(f"/apis/{group}/{where}{kind}s", f"{kind}s of {place}")
        except PortError as error:
            unseen.append(f"which {kind}s read Secrets of {place}: {error.what}")
            continue
        found += [reader for row in rows for reader in _of(place.host, kind, row, namespace)]
    return found, unseen


def _of(context: str, kind: str, row: Json, namespace: str) -> Iterator[Reader]:
    meta, spec = row.get("metadata") or {}, row.get("spec") or {}
    name, space = str(meta.get("name", "")), str(meta.get("namespace") or namespace)
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") if kind == "cronjob" else spec.get("template")
    reload: Json = {"rollout": {"context": context, "namespace": space, kind: name}} if kind != "cronjob" else {}
    remark = "" if reload else f"CronJob {name} takes a new value at its next run; say under `polls` how often it runs"
    for secret, key in dict.fromkeys(_secrets((template or {}).get("spec") or {})):
        yield Reader(Reference("k8s", context, f"{space}/{secret}", key), name, reload, remark)


def _secrets(pod: Json) -> Iterator[tuple[str, str]]:
    """Name and key of each Secret that a pod reads; "" for all of its keys."""
    for container in (*_rows(pod, "containers"), *_rows(pod, "initContainers")):
        for row in _rows(container, "env"):
            chosen = (row.get("valueFrom") or {}).get("secretKeyRef") or {}
            if chosen.get("name"):
                yield str(chosen["name"]), str(chosen.get("key") or "")
        for row in _rows(container, "envFrom"):
            if (row.get("secretRef") or {}).get("name"):
                yield str(row["secretRef"]["name"]), ""
    for volume in _rows(pod, "volumes"):
        mounted: Json = volume.get("secret") or {}
        sources = [{**mounted, "name": mounted.get("secretName")}]
        sources += [row.get("secret") or {} for row in _rows(volume.get("projected"), "sources")]
        for source in sources:
            if source.get("name"):
                yield from ((str(source["name"]), str(item.get("key") or "")) for item in _rows(source, "items") or [{}])


def _rows(data: Any, name: str) -> list[Json]:
    found = data.get(name) if isinstance(data, dict) else None
    return [row for row in found or [] if isinstance(row, dict)]
