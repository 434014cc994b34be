"""One field of a text value: a top-level JSON field, a JSON pointer (RFC 6901), or the whole value.

A field is exchanged in the text itself: white space, order, number formats and escapes of all the rest stay byte for
byte, which parsing and printing would not keep.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.secret import Secret
from ir.ports import Held

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Spot:
    """The place of a field's value in the text; an absent one has `start == end`, and `lead` goes before its value."""

    start: int
    end: int
    siblings: tuple[str, ...]
    lead: str = ""


@dataclass(frozen=True)
class _Member:
    name: str
    start: int
    end: int


def read(text: str, field: str, version: str, place: str) -> Held:
    """Read the field; absent, empty or null is None, and white space around it is not part of it.

    Args:
        text: the whole value.
        field: name, pointer, or "" for the whole value.
        version: of `text`, passed on.
        place: what to call it in an error.

    Raises:
        Rejected: it is not JSON, the field is not text, or the place of the field does not exist.
    """
    if not field:
        _refuse_object(text, place)
        return Held.of(text, version)
    spot = _find(text, field, place)
    value = json.loads(text[spot.start : spot.end]) if spot.end > spot.start else None
    if value is not None and not isinstance(value, str):
        raise Rejected(f"field `{field}` of {place} holds a {_kind(value)}, not text")
    rest = f"{text[: spot.start]}null{text[spot.end :]}" if spot.end > spot.start else text
    return Held.of(value or "", version, spot.siblings, _others(rest))


def _others(rest: str) -> tuple[tuple[str, str], ...]:
    """Keys in the other fields of an object. It is parsed again only where there is one, which is rare."""
    if not key_search.holds_any(rest):
        return ()
    data = json.loads(rest, object_pairs_hook=_every)
    return key_search.prints(data) if isinstance(data, dict) else ()


def _every(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose repeated names keep all their values: which one counts depends on the reader."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def write(text: str, field: str, value: Secret, place: str) -> str:
    """`text` with only this field changed; a missing field is added to its object. Errors as in `read`."""
    if not field:
        _refuse_object(text, place)
        return value.reveal()
    spot = _find(text, field, place)
    return text[: spot.start] + spot.lead + json.dumps(value.reveal()) + text[spot.end :]


def _find(text: str, field: str, place: str) -> _Spot:
    _check_json(text, place)
    tokens = _tokens(field)
    at, siblings = _skip(text, 0), []
    for depth, token in enumerate(tokens):
        if text[at] not in "{[":
            raise Rejected(f"{place} has no object at `{_pointer(tokens[:depth]) or '/'}`, so no field `{field}`")
        members, closing = _members(text, at)
        siblings += [_shown(tokens[:depth], m.name, field) for m in members if m.name != token]
        hits = [m for m in members if m.name == token]
        if len(hits) > 1:
            raise Rejected(f"field `{field}` stands {len(hits)} times in {place}; which one counts depends on the reader")
        if not hits:
            if depth + 1 < len(tokens) or text[at] == "[":
                raise Rejected(f"{place} has nothing at `{_pointer(tokens[: depth + 1])}`")
            after = members[-1].end if members else closing
            return _Spot(after, after, tuple(siblings), (", " if members else "") + json.dumps(token) + ": ")
        at, end = hits[0].start, hits[0].end
        if depth + 1 == len(tokens):
            return _Spot(at, end, tuple(siblings))
    raise AssertionError("a field has at least one token")


def _members(text: str, at: int) -> tuple[list[_Member], int]:
    """The members of the object or array that begins at `at` (known to be valid JSON), and where it closes."""
    named = text[at] == "{"
    closing = "}" if named else "]"
    found: list[_Member] = []
    at = _skip(text, at + 1)
    while text[at] != closing:
        name = str(len(found))
        if named:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        found.append(_Member(name, at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found, at


def _check_json(text: str, place: str) -> None:
    """Raises Rejected outside of the handler: the parser's error holds the text, and must not become our context."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        valid = False
    else:
        valid = True
    if not valid:
        raise Rejected(f"{place} does not hold JSON", next_step="leave the `#field` out of the reference if the whole value is the key")


def _refuse_object(text: str, place: str) -> None:
    if not text.lstrip().startswith("{"):
        return
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    names = ", ".join(found)
    raise Rejected(f"{place} holds a JSON object, not a key alone", next_step=f"name its field in the reference: `#…`, one of {names}")


def _tokens(field: str) -> list[str]:
    if "/" not in field:
        return [field]
    return [token.replace("~1", "/").replace("~0", "~") for token in field.removeprefix("/").split("/")]


def _pointer(tokens: list[str]) -> str:
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def _shown(above: list[str], name: str, field: str) -> str:
    return _pointer([*above, name]) if "/" in field else name


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "number", float: "number", list: "list", dict: "JSON object"}
    return kinds.get(type(value), "value of another kind")
