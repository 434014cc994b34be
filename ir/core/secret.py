"""Secrets as a type, their fingerprints, and the removal of their values from every text that leaves the process.

A `Secret` cannot be printed, formatted, pickled, copied into JSON or compared by accident. `reveal()` is
called at the edge only: in a request header, a store write, a child's stdin. Every secret ever made in
this process is remembered, so that `scrub` can take it (raw, base64 at any alignment, URL-quoted,
JSON-escaped, HTML-escaped, hexadecimal, and base64 or hexadecimal folded over lines) out of whatever a
library or a child printed.
"""

import base64
import hashlib
import hmac
import html
import json
import re
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from typing import NoReturn

_SHAPES = re.compile(
    r"(?:sk|rk|ek|rkcs)_(?:org_)?(?:live|test|prod)_[A-Za-z0-9*.\u2026]{6,}"
    r"|whsec_[A-Za-z0-9+/=_-]{8,}"
)
_SIGNS = ("_live_", "_test_", "_prod_", "whsec_")
"""Every shape holds one of these parts. Searching for them first is ten times faster."""
_WHOLE = re.compile(r"(?:sk|rk|ek|rkcs)_(?:org_)?(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=_-]{16,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FOLDS = re.compile(r"[\r\n]+[ \t]*")
_SHORTEST = 6
_FEW = 300
"""Up to this many beginnings, a search for each of them is faster than a look at each character."""
_lock = threading.Lock()
_values: set[str] = set()
_marks: dict[str, str] = {}
"""Each form of each secret, and the fingerprint that replaces it."""
_starts: dict[str, tuple[int, ...]] = {}
"""First `_SHORTEST` characters of a form → lengths of the forms that begin so, longest first. Rows are replaced, never changed.

By the beginning, because those of keys are all alike: a process that holds hundreds of them has a few dozen to search for.
"""
_longest = 0
_shortest = sys.maxsize
"""Characters of the longest and of the shortest form."""


def fingerprint(value: str) -> str:
    """First 16 hex digits of SHA-256 over the UTF-8 bytes: enough to recognise, useless to guess from."""
    return hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:16]


class Secret:
    """A value that must never be shown. Equality is constant-time; there is no other way to compare.

    Raises:
        ValueError: the value is not text that UTF-8 can carry (half a surrogate pair). The error of the
            codec would hold the value, so it is never reached.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        if _SURROGATE.search(value):
            raise ValueError("a secret must be text that UTF-8 can carry")
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

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


def scrub(text: str) -> str:
    """`text` without any secret known to this process and without anything shaped like a Stripe key.

    A known secret becomes `[secret <fingerprint>]`; an unknown key-shaped string `[secret]`.
    """
    spans = _spans(text)
    if "\n" in text or "\r" in text:
        spans += _folded_spans(text)
    if spans:
        text = _without(text, spans)
    return _SHAPES.sub("[secret]", text) if any(sign in text for sign in _SIGNS) else text


def key_shaped(text: str) -> bool:
    """Whether `text` holds a secret of this process, or something with the shape of a whole Stripe key (masked ones do not count)."""
    return _WHOLE.search(text) is not None or bool(_spans(text))


def excerpt(text: str, limit: int = 300) -> str:
    """Make a stranger's text fit for a record and a terminal: scrubbed, one printable line of `limit` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in scrub(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def longest_form() -> int:
    """Length of the longest form that `scrub` looks for. A caller that cuts text before scrubbing has to keep so much more."""
    return _longest


_Span = tuple[int, int, str]


def _spans(text: str) -> list[_Span]:
    """Places of known forms: start, end, fingerprint. Of several that begin at one place it is the longest, which covers the others."""
    found = []
    for start in _candidates(text):
        for length in _starts[text[start : start + _SHORTEST]]:
            form = text[start : start + length]
            if form in _marks:
                found.append((start, start + len(form), _marks[form]))
                break
    return found


def _candidates(text: str) -> Iterator[int]:
    """Places where a known form may begin: by one search per beginning while there are few, else by a look at each character."""
    if len(text) < _shortest:
        return
    starts = tuple(_starts)
    if len(starts) > _FEW:
        yield from (at for at in range(len(text) - _SHORTEST + 1) if text[at : at + _SHORTEST] in _starts)
        return
    for start in starts:
        at = text.find(start)
        while at >= 0:
            yield at
            at = text.find(start, at + 1)


def _folded_spans(text: str) -> list[_Span]:
    """As `_spans`, for forms that a program like `base64` has broken over several lines."""
    first, *folded = text.replace("\r", "\n").split("\n")
    found = _spans("".join([first, *(line.lstrip(" \t") for line in folded)]))
    if not found:
        return []  # nearly always: the places are not needed then
    kept = [at for span in _between_folds(text) for at in range(*span)]
    return [(kept[start], kept[end - 1] + 1, mark) for start, end, mark in found]


def _without(text: str, spans: list[_Span]) -> str:
    """`text` with the union of `spans` replaced, so that overlapping secrets leave no rest of either."""
    parts, done = [], 0
    for start, end, mark in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= done:
            parts += [text[done:start], f"[secret {mark}]"]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def _between_folds(text: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for fold in _FOLDS.finditer(text):
        spans.append((start, fold.start()))
        start = fold.end()
    return [*spans, (start, len(text))]


def _remember(value: str) -> None:
    global _longest, _shortest
    if len(value) < _SHORTEST or value in _values:
        return
    with _lock:
        mark = fingerprint(value)
        for form in _encodings(value):
            _marks.setdefault(form, mark)
            row = {*_starts.get(form[:_SHORTEST], ()), len(form)}
            _starts[form[:_SHORTEST]] = tuple(sorted(row, reverse=True))
            _longest, _shortest = max(_longest, len(form)), min(_shortest, len(form))
        _marks[value] = mark
        _values.add(value)


def _encodings(value: str) -> set[str]:
    raw = value.encode()
    quoted = urllib.parse.quote(value, safe="")
    escaped = json.dumps(value)[1:-1]
    forms = {
        value,
        escaped,
        escaped.replace("/", "\\/"),
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
    }
    forms |= {quoted, _lower_percent(quoted), urllib.parse.quote(value), urllib.parse.quote_plus(value)}
    forms |= {raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    for shift in range(3):
        core = _base64_core(raw, shift)
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= _SHORTEST}


def _base64_core(raw: bytes, shift: int) -> str:
    """The Base64 characters that depend on `raw` alone, when `shift` (0-2) bytes of a group of three come before it."""
    coded = base64.b64encode(b"\0" * shift + raw).decode()
    # A last group of one byte ends in `x==`, of two bytes in `x=`: that x depends on what follows.
    spare = (0, 3, 2)[(shift + len(raw)) % 3]
    return coded[(0, 2, 3)[shift] : len(coded) - spare]


def _lower_percent(quoted: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda hit: hit.group(0).lower(), quoted)
