"""Search every secret under a mount or path of Vault's KV version 2 for values shaped like keys. Reads only."""

from ir.adapters.stores.vault.kv import Kv
from ir.core.errors import Missing, PortError
from ir.core.key_search import FoundKey, SearchResult, in_fields, keepers
from ir.core.reference import Reference

_DEEPEST = 20


def look(place: str, *, timeout: float = 10.0) -> SearchResult:
    """All current values under `mount` or `mount/path`.

    Raises:
        PortError: the first list cannot be had.
    """
    mount, _, path = place.strip("/").partition("/")
    kv = Kv(mount, timeout)
    kv.explain(Reference("vault", mount, path or "*", "*"))
    unread: list[str] = []
    names = every_name(kv, f"{path}/" if path else "", unread, 0)
    found_keys: list[FoundKey] = []
    for name in names:
        try:
            found = kv.read(name)
        except Missing:
            continue
        except PortError as error:
            unread.append(f"{mount}/{name}: {error.what}")
            continue
        held = [(field, value) for field, value in in_fields(found.data)]
        kept = kept_by(kv, name) if held else ()
        found_keys += [FoundKey(Reference("vault", mount, name, field), value, kept) for field, value in held]
    return SearchResult(tuple(found_keys), tuple(unread), len(names))


def kept_by(kv: Kv, name: str) -> tuple[str, ...]:
    """The other tools that write a secret, by its custom metadata; none where we may not read that."""
    try:
        custom = kv.metadata(name).get("custom_metadata") or {}
    except PortError:
        return ()
    return keepers({str(key): str(value) for key, value in custom.items()})


def every_name(kv: Kv, folder: str, unread: list[str], depth: int) -> list[str]:
    """Paths of all secrets in a folder (ends with `/`, or empty) and below; our own siblings are skipped."""
    found = []
    for name in sorted(kv.beside(folder)):
        if name.endswith("/") and depth < _DEEPEST:
            try:
                found += every_name(kv, folder + name, unread, depth + 1)
            except PortError as error:
                unread.append(f"{folder}{name}: {error.what}")
        elif ".ir-" not in name:
            found.append(folder + name)
    return found
