"""What lies in Conjur: variables that our role may see."""

from collections.abc import Collection

from ir.adapters.stores.conjur import client as conjur_client
from ir.adapters.stores.conjur.variable import Variable
from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.key_search import FoundKey
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class ConjurLister(Lister):
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
            raise Rejected("which account? The place names none", next_step="write it as conjur://ACCOUNT")
        found = conjur_client.client(place.host, self._timeout, self._plain).variables()
        companions = {f"{name}-ir" for name in found}
        refs = [Reference("conjur", place.host, name) for name in found if name not in companions]
        below = Place("conjur", place.host, place.path)
        return Listing(tuple(Listed(ref.path, ref, readable=True) for ref in refs if below.holds(ref)))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None:
            raise Rejected(f"{row.name} is no reference")
        text = Variable(row.ref.host, row.ref.path, self._timeout, self._plain).latest().text
        return tuple(FoundKey(Reference("conjur", row.ref.host, row.ref.path, field), value) for field, value in key_search.in_text(text))
