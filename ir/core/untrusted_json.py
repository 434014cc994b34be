"""Parse untrusted JSON strictly. Extensions of the standard are rejected, and so are values that would crash or stall a later reader."""

import json
import math
import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
_NONE = "not JSON that can be read"
_MOST_DIGITS = 40
"""Of a whole number: no amount, time or id has more, and arithmetic with endless ones is slow or overflows."""


def loads(text: str | bytes | bytearray) -> Any:
    """The data; whole numbers beyond 64 bits come as floats, half a surrogate pair as U+FFFD, so that all of it can be written again.

    Raises:
        ValueError: not JSON, nested too deeply, a number that is endless, infinite or none. It says nothing of the text.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8-sig")
        data = _DECODER.decode(text)
        return _mended(data) if "\\u" in text else data
    except (ValueError, RecursionError):
        pass  # the parser's own error holds the whole text, and must not become our context
    raise ValueError(_NONE)


def first(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends; as `loads` for the rest."""
    try:
        data, end = _DECODER.raw_decode(text, at)
        return _mended(data), end
    except (ValueError, RecursionError):
        pass
    raise ValueError(_NONE)


def _none(_name: str) -> None:
    raise ValueError


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError
    return found


def _whole(digits: str) -> float:
    if len(digits) > _MOST_DIGITS:
        raise ValueError
    found = int(digits)
    return found if -(2**63) <= found < 2**63 else float(found)


_DECODER = json.JSONDecoder(parse_constant=_none, parse_float=_finite, parse_int=_whole)


def _mended(data: Any) -> Any:
    if isinstance(data, str):
        return _HALF.sub("\ufffd", data)
    if isinstance(data, list):
        return [_mended(row) for row in data]
    return {_HALF.sub("\ufffd", name): _mended(value) for name, value in data.items()} if isinstance(data, dict) else data
