"""Compare an answer with the expectation: placeholders filled, JSON fields compared, and the proof that a pass gives."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ir.core import placeholders, untrusted_json
from ir.core.errors import Unknown
from ir.core.secret import excerpt
from ir.ports import Expected

PROVES = ("holds-key", "key-used", "up")


def declared(proves: str, texts: Iterable[str]) -> str:
    """What a pass proves: as declared, else `holds-key` if one of the expected texts names the new fingerprint, else `up`.

    Raises:
        ValueError: declared as something that there is not.
    """
    if proves and proves not in PROVES:
        raise ValueError(f"a check proves one of {', '.join(PROVES)}")
    mark = "\0"  # not possible in an inventory
    named = any(mark in placeholders.fill(text, fingerprint=mark, key_id="") for text in texts)
    return proves or ("holds-key" if named else "up")


def filled(text: str, expected: Expected) -> str:
    """`text` with placeholders replaced.

    Raises:
        Unknown: it names something that is not known of the expected key; an empty value would tell nothing.
    """
    mark = "\0"
    if not expected.key_id and mark in placeholders.fill(text, fingerprint="", key_id=mark):
        raise Unknown("the expected key's id at the provider is not known, so it cannot be compared")
    return placeholders.fill(text, fingerprint=expected.fingerprint, key_id=expected.key_id)


def differences(body: bytes, fields: Mapping[str, Any], expected: Expected) -> str:
    """What is wrong with a JSON answer, empty when each field is equal to what is expected.

    `fields`: top-level name, or JSON pointer (RFC 6901) → JSON value. Numbers are equal by value, `true` is not `1`.
    """
    if not fields:
        return ""
    document = parsed(body)
    if document is _NOTHING:
        return "the answer is not JSON"
    for where, wanted in fields.items():
        value = filled(wanted, expected) if isinstance(wanted, str) else wanted
        found = field(document, where)
        if found is _NOTHING:
            return f"`{where}` is missing"
        if not _same(found, value):
            return f"`{where}` is {_shown(found)}, expected {_shown(value)}"
    return ""


def check_field(where: str) -> None:
    """Raises ValueError for a name with `/` in it that is not a JSON pointer."""
    if not where or ("/" in where and not where.startswith("/")):
        raise ValueError(f"`{where}` is neither a top-level field nor a JSON pointer, which starts with `/`")


def text_of(body: bytes, where: str) -> str:
    """A JSON field as text, empty when it is missing: the name of an instance."""
    found = field(parsed(body), where)
    return "" if found is _NOTHING or found is None else str(found)


class _Nothing:
    """A document or field that is not there; `None` is a value of JSON."""


_NOTHING = _Nothing()


def parsed(body: bytes) -> Any:
    """The document; `_NOTHING` when it is not JSON, or was made to harm (nesting, endless numbers)."""
    try:
        return untrusted_json.loads(body)
    except ValueError:
        return _NOTHING


def field(document: Any, where: str) -> Any:
    """By top-level name or JSON pointer; `_NOTHING` when it is not there."""
    if "/" not in where:
        return document.get(where, _NOTHING) if isinstance(document, dict) else _NOTHING
    for step in where.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name, _NOTHING)
        elif isinstance(document, list) and name.isascii() and name.isdigit() and len(name) < 7 and int(name) < len(document):
            document = document[int(name)]
        else:
            return _NOTHING
    return document


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return found == wanted
    return type(found) is type(wanted) and bool(found == wanted)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return excerpt(json.dumps(value, ensure_ascii=False), 80)
