"""Values of JSON that anyone may have written: texts that are JSON themselves, and lists that hold anything."""

from typing import Any

import orjson

from ir.core.model import Json


def parsed(value: Any) -> Any:
    """What a text says as JSON; what is no text, or no JSON, as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def objects(value: Any) -> list[Json]:
    """The objects in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
