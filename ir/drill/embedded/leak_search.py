"""Search every byte that a drill left behind for the keys that were planted in it."""

import base64
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

_BODY = 40
"""The last characters of a key: what stands before them is the same for all keys of one account."""


@lru_cache(maxsize=256)
def forms(key: str) -> frozenset[bytes]:
    """How a key, its body, or half of that may stand in bytes: raw, reversed, quoted, escaped, hexadecimal, UTF-16, base64."""
    body = key[-_BODY:]
    found: set[bytes] = set()
    for part in {key, body, body[: len(body) // 2], body[len(body) // 2 :]}:
        for text in (part, part[::-1]):
            found |= {text.encode(), text.encode().hex().encode(), quote(text, safe="").encode(), json.dumps(text)[1:-1].encode()}
            found |= {text.encode("utf-16-le"), "".join(f"\\u{ord(letter):04x}" for letter in text).encode()}
            found |= _base64(text.encode())
    return frozenset(found)


def _base64(data: bytes) -> set[bytes]:
    """At any of the three alignments, in both alphabets; only the groups that the data fills alone."""
    found = set()
    for shift in range(3):
        raw = b"\0" * shift + data
        coded = base64.b64encode(raw)[4 if shift else 0 : len(raw) // 3 * 4]
        found |= {coded, coded.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def told(keys: Iterable[str], data: bytes) -> bool:
    """Whether the bytes hold any key, in any form."""
    return any(form in data for key in keys for form in forms(key))


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
