"""Read fields of foreign JSON: the wanted type or nothing, printable and short."""

import base64
import math
import re
from datetime import UTC, datetime
from typing import Any

from ir.alerts.alert import Ends, Hash
from ir.core.model import Json
from ir.core.secret import Secret, excerpt

_HIDDEN = re.compile(r"\*{3}|\u2022|\u2026|\.{3}|REDACT(?:ED)?\b|^<.*>$", re.IGNORECASE)
_EPOCH = re.compile(r"\d{10}(?:\.\d{1,9})?")
"""Seconds as text, as Slack names its messages."""
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ?([+-]\d\d:?\d\d)?(?: \S+)?")
"""Go's way of printing a time: `2022-06-16 10:17:40 -0700 PDT`."""
_LONGEST_SECRET = 1_000
_MASK = re.compile(r"[*\u2022]{2}|\u2026|\.\.")
_WORD = re.compile(r"[A-Za-z0-9_]*")
_KEY = re.compile(r"(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,247}|whsec_[A-Za-z0-9+/=_-]{24,200})")
_HEX = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2,3}={0,2})?")
_TAIL, _HEAD = 4, 30
"""Characters by which a stored value is told: of its end, and of its beginning. All keys of one account share the first 25."""
_EPOCH_2000, _EPOCH_2100 = 946_684_800.0, 4_102_444_800.0


class NotThatFormat(ValueError):
    """The data has another format than this reader's. The text says what is missing, and repeats nothing of the data."""


def obj(data: object, *path: str) -> Json:
    """The object at a path, {} when there is none."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def rows(data: object, *path: str) -> list[Any]:
    """The list at a path, [] when there is none."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, list) else []


def text(data: Json, *names: str) -> str:
    """The first of the fields that holds text or a number, scrubbed, on one line."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            return excerpt(value, 300)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)[:40]
    return ""


def number(data: Json, *names: str) -> int:
    """The first of the fields that holds a positive whole number, 0 when none does."""
    for name in names:
        value = data.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            return int(value)
    return 0


def boolean(data: Json, name: str) -> bool | None:
    """The field if it is true or false, else None."""
    value = data.get(name)
    return value if isinstance(value, bool) else None


def secret(data: Json, *names: str) -> Secret | None:
    """The first of the fields that holds a secret, None when none does or all are masked."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and value.strip() and len(value) <= _LONGEST_SECRET and not _HIDDEN.search(value):
            try:
                return Secret(value.strip())
            except ValueError:
                continue
    return None


def snippet(data: Json, *names: str) -> Secret | None:
    """As `secret`, from fields that may hold a whole line: the key in it."""
    for name in names:
        value = data.get(name)
        found = _KEY.search(value[:_LONGEST_SECRET]) if isinstance(value, str) else None
        if found and not _MASK.match(found.string, found.end()):
            return Secret(found.group())
    return None


def packed(data: Json, *names: str) -> Secret | None:
    """As `snippet`, from fields that are base64."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and len(value) <= 2 * _LONGEST_SECRET and _BASE64.fullmatch(value):
            found = snippet({"": base64.b64decode(value + "=" * (-len(value) % 4)).decode("utf-8", "replace")}, "")
            if found:
                return found
    return None


def ends(data: Json, *names: str) -> Ends | None:
    """The visible ends of the first masked field; None when too little is visible to tell a key by."""
    for name in names:
        value = data.get(name)
        found = masked(value[:_LONGEST_SECRET]) if isinstance(value, str) else None
        if found:
            return found
    return None


def masked(value: str) -> Ends | None:
    """The text before and after its first mask, such as `sk_live_…1303`."""
    mask = _MASK.search(value)
    if mask is None:
        return None
    head = _word(value[: mask.start()][::-1])[::-1]
    tail = _word(value[mask.end() :].lstrip("*\u2022\u2026. "))
    return Ends(head, tail) if len(tail) >= _TAIL or len(head) >= _HEAD else None


def _word(value: str) -> str:
    found = _WORD.match(value)
    return found.group() if found else ""


def hashes(data: Json, **made: str) -> tuple[Hash, ...]:
    """Hashes of the secret: the way of hashing → the field that holds the hash."""
    found = ((how, data.get(name)) for how, name in made.items())
    return tuple(Hash(how, value.lower()) for how, value in found if isinstance(value, str) and _HEX.fullmatch(value))


def moment(data: Json, *names: str) -> float:
    """The first of the fields that is a time (ISO 8601, Go's, epoch seconds) of this century, as epoch seconds; 0 when none is."""
    for name in names:
        found = _moment(data.get(name))
        if _EPOCH_2000 < found < _EPOCH_2100:
            return found
    return 0.0


def _moment(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else 0.0
    if not isinstance(value, str) or len(value) > 60:
        return 0.0
    if _EPOCH.fullmatch(value):
        return float(value)
    gos = _GO_TIME.fullmatch(value.strip())
    shown = f"{gos.group(1)}T{gos.group(2)}{gos.group(3) or ''}" if gos else value.strip()
    try:
        found = datetime.fromisoformat(shown)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def earliest(*times: tuple[float, str]) -> tuple[float, str]:
    """The earliest known time and its meaning; (0.0, "") when none is known."""
    known = [pair for pair in times if pair[0]]
    return min(known, key=lambda pair: pair[0]) if known else (0.0, "")
