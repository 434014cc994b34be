"""What an ExternalSecret reads for one key of its Secret, as a reference of ours.

From External Secrets 2.8 docs (`spec.data`, `spec.dataFrom`; SecretStore `spec.provider`), read 2026-11-30.
"""

from urllib.parse import urlsplit

from ir.clients.kubernetes import Cluster, external_secret, external_store
from ir.core.errors import PortError
from ir.core.model import Json
from ir.core.ownership import word
from ir.core.reference import Reference


def sources(cluster: Cluster, namespace: str, name: str, field: str) -> tuple[tuple[str, ...], str]:
    """References of the places, and in words what it reads; () where that cannot be told."""
    try:
        spec = external_secret(cluster, namespace, name)[1].get("spec") or {}
        store, rows = spec.get("secretStoreRef") or {}, _rows(spec, field)
        if not rows:
            return (), "what it reads cannot be told from its spec"
        found = [_reference(cluster, namespace, (row.get("sourceRef") or {}).get("storeRef") or store, *_of(row, field)) for row in rows]
    except PortError as error:
        return (), f"what it reads cannot be told: {error.what}"
    places = tuple(str(ref) for ref in found if ref is not None)
    said = ", ".join(places) or ", ".join(f"{word(_of(row, field)[0])} of {word(store.get('name'))}" for row in rows)
    return places, f"it reads {said}"


def _rows(spec: Json, field: str) -> list[Json]:
    """What fills the field; nothing where a template or a rewrite comes between."""
    target = spec.get("target") or {}
    if target.get("template"):
        return []
    own = [row for row in spec.get("data") or [] if row.get("secretKey") == field and row.get("remoteRef")]
    whole = [row for row in spec.get("dataFrom") or [] if row.get("extract") and not row.get("rewrite")]
    return own or whole


def _of(row: Json, field: str) -> tuple[str, str]:
    """Name at the host, and field of it."""
    if "remoteRef" in row:
        return str(row["remoteRef"].get("key", "")), str(row["remoteRef"].get("property") or "")
    return str(row["extract"].get("key", "")), field


def _reference(cluster: Cluster, namespace: str, ref: Json, name: str, field: str) -> Reference | None:
    """Of a name at the host that a SecretStore stands for; None where it is no kind of place that we know."""
    provider = (external_store(cluster, namespace, ref).get("spec") or {}).get("provider") or {}
    if aws := provider.get("aws"):
        scheme = {"SecretsManager": "aws-sm", "ParameterStore": "aws-ssm"}.get(str(aws.get("service")), "")
        return Reference(scheme, str(aws.get("region")), name.lstrip("/"), field) if scheme else None
    if gcp := provider.get("gcpsm"):
        return Reference("gcp-sm", str(gcp.get("projectID")), name, field)
    if azure := provider.get("azurekv"):
        kind, _, plain = name.rpartition("/")
        where = (urlsplit(str(azure.get("vaultUrl"))).hostname or "").removesuffix(".vault.azure.net")
        return Reference("azure-kv", where, plain, field) if where and kind in ("", "secret") else None
    if vault := provider.get("vault"):
        mount = str(vault.get("path") or "").strip("/")
        mount, path = (mount, name) if mount else (name.partition("/")[0], name.partition("/")[2])
        path = path.removeprefix(f"{mount}/").removeprefix("data/")
        return Reference("vault", mount, path, field) if field else None
    return None
