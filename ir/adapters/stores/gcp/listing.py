"""What lies in Google Secret Manager: the secrets of a project, by their metadata alone."""

from ir.adapters.stores.gcp.custody import OF
from ir.clients.gcp_secrets import GcpProject
from ir.clients.host_api import Login
from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.key_search import FoundKey
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class GcpLister(Lister):
    """See `ports.Lister`.

    Args:
        login: what a `hosts:` row of the inventory says of Google.
        timeout: seconds per call.
    """

    def __init__(self, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self._login, self._timeout = login or Login(), timeout

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        if not place.host:
            raise Rejected("which project? The place names none", next_step="write it as gcp-sm://PROJECT")
        found = GcpProject(place.host, self._login, self._timeout).names()
        rows = [_row(place.host, row) for row in found if OF not in (row.get("labels") or {})]
        return Listing(tuple(row for row in rows if not place.path or row.name == place.path))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None:
            raise Rejected(f"{row.name} is not `gcp-sm://PROJECT/SECRET`")
        _, data = GcpProject(row.ref.host, self._login, self._timeout).access(row.ref.path, "latest")
        held = key_search.in_text(data.decode(errors="replace"))
        return tuple(FoundKey(Reference("gcp-sm", row.ref.host, row.ref.path, field), value) for field, value in held)


def _row(project: str, row: Json) -> Listed:
    name = str(row.get("name", "")).rpartition("/secrets/")[2]
    labels = {str(key): str(value) for key, value in (row.get("labels") or {}).items()}
    hints = (*key_search.keepers(labels), *(("a rotation of its own",) if row.get("rotation") else ()))
    return Listed(name, Reference("gcp-sm", project, name), readable=True, hints=hints)
