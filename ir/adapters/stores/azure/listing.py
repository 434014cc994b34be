"""What lies in Azure Key Vault: the secrets of a vault, by their names, tags and attributes alone."""

from ir.adapters.stores.azure.custody import OF
from ir.clients.azure_vault import AzureVault, called
from ir.clients.host_api import Login
from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.key_search import FoundKey
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class AzureLister(Lister):
    """See `ports.Lister`.

    Args:
        login: what a `hosts:` row of the inventory says of Azure.
        timeout: seconds per call.
    """

    def __init__(self, *, login: Login | None = None, timeout: float = 10.0) -> None:
        self._login, self._timeout = login or Login(), timeout

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        if not place.host:
            raise Rejected("which vault? The place names none", next_step="write it as azure-kv://VAULT")
        found = AzureVault(place.host, self._login, self._timeout).secrets()
        rows = [_row(place.host, row) for row in found if OF not in (row.get("tags") or {})]
        return Listing(tuple(row for row in rows if not place.path or row.name == place.path))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None:
            raise Rejected(f"{row.name} is not `azure-kv://VAULT/SECRET`")
        found = AzureVault(row.ref.host, self._login, self._timeout).get(row.ref.path)
        held = key_search.in_text(found["value"])
        return tuple(FoundKey(Reference("azure-kv", row.ref.host, row.ref.path, field), value) for field, value in held)


def _row(vault: str, row: Json) -> Listed:
    attributes, tags = row.get("attributes") or {}, {str(key): str(value) for key, value in (row.get("tags") or {}).items()}
    enabled = attributes.get("enabled") is not False
    hints = (
        *key_search.keepers(tags),
        *(("belongs to a certificate",) if row.get("managed") else ()),
        *(() if enabled else ("is disabled",)),
    )
    name = called(row)[0]
    return Listed(name, Reference("azure-kv", vault, name), updated_at=float(attributes.get("updated") or 0), readable=enabled, hints=hints)
