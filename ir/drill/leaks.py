"""Searching every byte that a drill left behind for the keys that were planted in it."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

_TAIL = 40
"""The last characters of a key: the beginning is the same for all keys of an account, and a part of one leaks too."""


def forms(key: str) -> set[bytes]:
    """How a key may stand in bytes: as it is, its last part, URL-quoted, base64 at any alignment in both alphabets."""
    found = {key.encode(), key[-_TAIL:].encode(), quote(key, safe="").encode()}
    for part in (key, key[-_TAIL:]):
        for shift in range(3):
            raw = b"\0" * shift + part.encode()
            # Only groups of three bytes that the key fills alone: the others depend on what stands around it.
            start, end = (4 if shift else 0), len(raw) // 3 * 4
            coded = base64.b64encode(raw)[start:end]
            found |= {coded, coded.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def search(keys: Iterable[str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where a key was found: names of places, each once, in order."""
    wanted = [form for key in keys for form in forms(key)]
    return list(dict.fromkeys(name for name, data in places if any(form in data for form in wanted)))


def files(folder: Path, spared: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file under `folder` but those that lie under a spared path."""
    apart = tuple(spared)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not any(path == one or one in path.parents for one in apart):
            yield str(path.relative_to(folder)), path.read_bytes()
