"""Fields that stand in a list, each with its name beside it, become fields of an object, so that a header has a path.

Lists of `{name, value}` or `{key, value}` (HAR, AWS WAF, Suricata), of `[name, value]` (Sentry, mitmproxy), and names and values in
turn (Node's `rawHeaders`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ir.core.model import Json
from ir.review.ingest import column_names

_DEEPEST = 40
_LONGEST_NAME = 200
_SPELLED = (("name", "value"), ("Name", "Value"), ("key", "value"), ("Key", "Value"))
_FLAT = "headers"
"""How a field is called that holds names and values in turn."""


def named(value: Any, deep: int = _DEEPEST) -> Any:
    """The value with an object for each such list."""
    if not deep:
        return value
    if isinstance(value, dict):
        return {name: _of_field(name, inner, deep - 1) for name, inner in value.items()}
    if isinstance(value, list) and value:
        pairs = _pairs(value)
        return [named(one, deep - 1) for one in value] if pairs is None else _joined(pairs)
    return value


def tell_more(records: Sequence[Json]) -> bool:
    """Whether such lists hold columns that the records do not tell otherwise."""
    turned = [named(record) for record in records]
    if turned == list(records):
        return False
    return bool(set(column_names.find_columns(turned)) - set(column_names.find_columns(records)))


def _of_field(name: str, value: Any, deep: int) -> Any:
    flat = isinstance(value, list) and value and len(value) % 2 == 0 and all(isinstance(one, str) for one in value)
    if flat and column_names.canonical(name).endswith(_FLAT):
        return _joined(zip(value[::2], value[1::2], strict=True))
    return named(value, deep)


def _pairs(value: list[Any]) -> list[tuple[Any, Any]] | None:
    if all(isinstance(one, dict) for one in value):
        spelled = next(((name, held) for name, held in _SPELLED if all(name in one and held in one for one in value)), None)
        return [(one[spelled[0]], one[spelled[1]]) for one in value] if spelled else None
    if all(isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one) for one in value):
        return [(one[0], one[1]) for one in value]
    return None


def _joined(pairs: Iterable[tuple[Any, Any]]) -> Json:
    """An object of the pairs. A header that is sent twice counts as one with a comma between both."""
    found: Json = {}
    for key, value in pairs:
        name = str(key)[:_LONGEST_NAME]
        before = found.get(name)
        found[name] = f"{before}, {value}" if isinstance(before, str) and isinstance(value, str) else value
    return found
