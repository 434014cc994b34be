"""Stores that number their versions: a write tells its number, and so whether another writer came in between."""

from ir.adapters.stores.newest import NewestStore, StoredVersion


class CountedStore(NewestStore):
    """One object. A version is called by its number."""

    def between(self, base: StoredVersion, ours: str) -> StoredVersion | None:
        """See `NewestStore`."""
        if int(ours) == base.number + 1:
            return None
        return self.at(str(int(ours) - 1))
