"""Whether a redacted token can show this key. This is one of the two facts that identify a key's row, and never enough alone."""

import re

from ir.core.secret import Secret

_HIDDEN = re.compile(r"[^A-Za-z0-9]+")
_SAYS_NOTHING = frozenset({"sk", "rk", "live", "test", "org"})
_LEAST_SHOWN = 4


def fits(redacted: str, key: Secret) -> bool:
    """Whether `key` may stand behind `redacted`.

    Any run of characters that are neither letters nor digits hides something; what stands before, between and
    after must be in the key in this order, from its first to its last character. Fewer than four telling
    characters say nothing.
    """
    shown = _HIDDEN.split(redacted)
    telling = sum(len(piece) for piece in shown if piece not in _SAYS_NOTHING)
    return telling >= _LEAST_SHOWN and _in_order(shown, key.reveal())


def _in_order(pieces: list[str], value: str) -> bool:
    """Whether `value` begins with the first, ends with the last, and has the others between them, none over another."""
    if len(pieces) == 1:
        return value == pieces[0]
    first, *between, last = pieces
    at = len(first)
    for piece in between:
        found = value.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return value.startswith(first) and value.endswith(last) and at <= len(value) - len(last)
