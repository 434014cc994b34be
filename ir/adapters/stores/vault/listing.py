"""What lies in Vault: names of secrets under a mount or path. Which fields a secret has, only its value tells."""

from collections.abc import Collection

from ir.adapters.stores.vault import search
from ir.adapters.stores.vault.kv import Kv
from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.key_search import FoundKey
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class VaultLister(Lister):
    """See `ports.Lister`.

    Args:
        timeout: seconds per call.
        plain: see `client.settings`.
    """

    def __init__(self, *, timeout: float = 10.0, plain: Collection[str] = ()) -> None:
        self._timeout, self._plain = timeout, plain

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        if not place.host:
            raise Rejected("which mount? The place names none", next_step="write it as vault://MOUNT or vault://MOUNT/PATH")
        kv = Kv(place.host, self._timeout, self._plain)
        kv.explain(Reference("vault", place.host, place.path or "*", "*"))
        unseen: list[str] = []
        found = search.every_name(kv, f"{place.path}/" if place.path else "", unseen, 0)
        if place.path and place.path.rpartition("/")[2] in kv.beside(place.path):
            found.insert(0, place.path)  # a secret may have the same name as a folder
        rows = [Listed(name, Reference("vault", place.host, name), readable=True) for name in found]
        return Listing(tuple(rows), tuple(unseen))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None:
            raise Rejected(f"{row.name} is no reference")
        held = key_search.in_fields(Kv(row.ref.host, self._timeout, self._plain).read(row.ref.path).data)
        return tuple(FoundKey(Reference("vault", row.ref.host, row.ref.path, field), value) for field, value in held)
