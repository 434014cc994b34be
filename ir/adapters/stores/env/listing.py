"""What lies in env files: names of variables in one file, or in all env files below a folder."""

from pathlib import Path

from ir.adapters.stores.env import env_file
from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.adapters.stores.env.search import MOST, env_files
from ir.adapters.stores.names import side_by_side
from ir.core import key_search
from ir.core.errors import Missing, Rejected
from ir.core.key_search import FoundKey
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class EnvFilesLister(Lister):
    """See `ports.Lister`.

    Args:
        base: the folder that relative paths start from.
        timeout: seconds for each file.
    """

    def __init__(self, *, base: Path, timeout: float = 10.0) -> None:
        self._base, self._timeout = base, timeout

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        start = self._base / place.path
        if not start.exists():
            raise Missing(f"there is no file or folder {start}")
        files = [start] if start.is_file() else env_files(start)
        found = side_by_side([str(path) for path in files[:MOST]], _of_file, "file")
        rows = [row for one in found for row in one.rows if not place.field or row.name == place.field]
        unseen = [line for one in found for line in one.unseen]
        unseen += [f"more than {MOST} env files under {start}"] if len(files) > MOST else []
        return Listing(tuple(rows), tuple(unseen))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        if row.ref is None:
            raise Rejected(f"{row.name} is no reference")
        value = DotenvStore(row.ref, base=self._base, timeout=self._timeout).read().value
        if value is None:
            return ()
        return tuple(FoundKey(row.ref, found) for field, found in key_search.in_text(value.reveal()) if not field)


def _of_file(path: str) -> Listing:
    try:
        text, changed = Path(path).read_text(encoding="utf-8"), Path(path).stat().st_mtime
    except (OSError, UnicodeDecodeError):
        raise Rejected("it cannot be read as text") from None
    refs = [Reference("dotenv", "", path, name) for name in env_file.names(text, path)]
    return Listing(tuple(Listed(ref.field, ref, updated_at=changed, readable=True) for ref in refs))
