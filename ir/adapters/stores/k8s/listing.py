"""What lies in a cluster: keys of Secrets, by metadata alone. Which keys a Secret has, `managedFields` tells; without, it is one row."""

import base64
import binascii

from ir.adapters.stores.k8s.companion import OF
from ir.adapters.stores.k8s.owners import owners_of
from ir.adapters.stores.names import moment
from ir.clients.host_api import Login
from ir.clients.kubernetes import Cluster, keys_of, secret_path
from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.key_search import FoundKey
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class K8sLister(Lister):
    """See `ports.Lister`.

    Args:
        login: what a `hosts:` row of the inventory says of the context.
        timeout: seconds per call.
    """

    def __init__(self, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self._login, self._timeout = login or Login(), timeout

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        if not place.host:
            raise Rejected("which cluster? The place names no context", next_step="write it as k8s://CONTEXT or k8s://CONTEXT/NAMESPACE")
        namespace, _, name = place.path.partition("/")
        about = f"the Secrets of {place.host}" + (f"/{namespace}" if namespace else "")
        found = Cluster(place.host, self._login, self._timeout).names(secret_path(namespace), about)
        ours = [meta for meta in found if OF not in (meta.get("labels") or {})]
        rows = [row for meta in ours if not name or meta.get("name") == name for row in _rows(place.host, namespace, meta)]
        return Listing(tuple(row for row in rows if not place.field or (row.ref and row.ref.field in ("", place.field))))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None:
            raise Rejected(f"{row.name} is not `k8s://CONTEXT/NAMESPACE/SECRET`")
        namespace, _, name = row.ref.path.partition("/")
        cluster = Cluster(row.ref.host, self._login, self._timeout)
        data = cluster.get(secret_path(namespace, name), f"Secret {row.ref.path}").get("data") or {}
        texts = {key: _text(coded) for key, coded in data.items() if row.ref.field in ("", key)}
        held = [(key, value) for key, text in texts.items() for field, value in key_search.in_text(text) if not field]
        return tuple(FoundKey(Reference("k8s", row.ref.host, row.ref.path, key), value) for key, value in held)


def _rows(context: str, namespace: str, meta: Json) -> list[Listed]:
    name, space = str(meta.get("name", "")), str(meta.get("namespace") or namespace)
    fields = keys_of(meta)
    rows = []
    for field in sorted(fields) or [""]:
        ref = Reference("k8s", context, f"{space}/{name}", field)
        changed = moment(fields.get(field) or meta.get("creationTimestamp"))
        rows.append(
            Listed(field or name, ref, updated_at=changed, readable=True, hints=tuple(owner.name for owner in owners_of(meta, field)))
        )
    return rows


def _text(coded: object) -> str:
    """Binary data holds no key."""
    try:
        return base64.b64decode(str(coded)).decode()
    except (binascii.Error, ValueError):
        return ""
