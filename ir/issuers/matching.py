"""Does a redacted token show this key? One of the two facts by which a key's row is told; never enough alone."""

import re

from ir.secret import Secret

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
    pattern = ".*".join(re.escape(piece) for piece in shown)
    return telling >= _LEAST_SHOWN and re.fullmatch(pattern, key.reveal()) is not None
