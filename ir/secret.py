"""Secrets as a type, their fingerprints, and scrubbing by value at every exit.

A `Secret` cannot be printed, formatted, pickled, copied into JSON or compared by accident. `reveal()` is
called at the edge only: in a request header, a store write, a child's stdin. Every secret ever made in
this process is remembered, so that `scrub` can take it (raw, base64 at any alignment, URL-quoted,
JSON-escaped) out of whatever a library or a child printed.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import urllib.parse
from typing import NoReturn

_SHAPES = re.compile(
    r"(?:sk|rk|ek|rkcs)_(?:org_)?(?:live|test|prod)_[A-Za-z0-9*.\u2026]{6,}"
    r"|whsec_[A-Za-z0-9+/=_-]{8,}"
)
_SHORTEST = 6
_lock = threading.Lock()
_known: dict[str, str] = {}
_pattern: re.Pattern[str] | None = None


def fingerprint(value: str) -> str:
    """First 16 hex digits of SHA-256 over the UTF-8 bytes: enough to recognise, useless to guess from."""
    return hashlib.sha256(value.encode()).hexdigest()[:16]


class Secret:
    """A value that must never be seen. Equality is constant-time; there is no other way to compare."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value
        _remember(value)

    def reveal(self) -> str:
        """The plain value, for the edge that needs it; never store or format the result."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """See `fingerprint`."""
        return fingerprint(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        raise TypeError("a Secret cannot be formatted")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


def scrub(text: str) -> str:
    """`text` without any secret known to this process and without anything shaped like a Stripe key.

    A known secret becomes `[secret <fingerprint>]`; an unknown key-shaped string `[secret]`.
    """
    pattern = _compiled()
    if pattern is not None:
        text = pattern.sub(lambda hit: _label(hit.group(0)), text)
    return _SHAPES.sub("[secret]", text)


def _label(form: str) -> str:
    return f"[secret {_known.get(form, '')}]".replace(" ]", "]")


def _remember(value: str) -> None:
    global _pattern
    if len(value) < _SHORTEST or value in _known:
        return
    with _lock:
        mark = fingerprint(value)
        for form in _forms(value):
            _known[form] = mark
        _pattern = None


def _compiled() -> re.Pattern[str] | None:
    global _pattern
    with _lock:
        if _pattern is None and _known:
            _pattern = re.compile("|".join(re.escape(form) for form in sorted(_known, key=len, reverse=True)))
        return _pattern


def _forms(value: str) -> set[str]:
    raw = value.encode()
    forms = {value, json.dumps(value)[1:-1], urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw).decode()
        # Cut the characters that also depend on the neighbours of the value.
        start, end = (0, 2, 3)[shift], len(coded) - (4 if coded.endswith("=") else 0)
        core = coded[start:end]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= _SHORTEST}
