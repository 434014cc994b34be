"""Search env files under a folder for values shaped like keys. Reads only."""

import os
from pathlib import Path

from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.core.errors import PortError, Rejected
from ir.core.key_search import FoundKey, SearchResult, assigned
from ir.core.reference import Reference

_PASSED_OVER = {".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules", "site-packages", "venv"}
MOST = 10_000
"""Files that are looked at."""
_EXAMPLES = (".example", ".sample", ".template", ".dist")


def look(place: str, *, timeout: float = 10.0) -> SearchResult:
    """Files called `.env`, `.env.*` or `*.env`, but no examples, no links, nothing of ours. What cannot be read is listed."""
    found_keys: list[FoundKey] = []
    unread: list[str] = []
    files = env_files(Path(place))
    for path in files[:MOST]:
        try:
            found_keys += _in(path, timeout)
        except PortError as error:
            unread.append(f"{path}: {error.what}")
    if len(files) > MOST:
        unread.append(f"{place}: more than {MOST} env files, only the first were looked at")
    return SearchResult(tuple(found_keys), tuple(unread), len(files))


def _in(path: Path, timeout: float) -> list[FoundKey]:
    """Variables whose text looks like a key, read by the store's own rules."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Rejected("it cannot be read as text") from None
    found = []
    for name in sorted(assigned(text)):
        ref = Reference("dotenv", "", str(path), name)
        value = DotenvStore(ref, base=path.parent, timeout=timeout).read().value
        found += [FoundKey(ref, value)] if value is not None else []
    return found


def env_files(folder: Path) -> list[Path]:
    """Env files below a folder, up to one more than are looked at."""
    found: list[Path] = []
    for here, folders, names in os.walk(folder.absolute()):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        found += [Path(here) / name for name in sorted(names) if _is_env(name) and not (Path(here) / name).is_symlink()]
        if len(found) > MOST:
            break
    return found


def _is_env(name: str) -> bool:
    named = name == ".env" or name.startswith(".env.") or name.endswith(".env")
    return named and ".ir-" not in name and not name.endswith(_EXAMPLES)
