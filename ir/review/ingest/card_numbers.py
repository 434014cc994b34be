"""Remove card numbers from foreign records."""

import re
from typing import Any

_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)")
_MILLISECONDS = range(10**12, 3 * 10**12)


def without_cards(value: Any) -> Any:
    """A copy of a JSON value in which every number of 13 to 19 digits that passes the Luhn check is `[card]`.

    A bare number that can be a time in milliseconds stays.
    """
    if isinstance(value, str):
        return _CARD.sub(lambda hit: "[card]" if _luhn(hit.group()) else hit.group(), value)
    if isinstance(value, dict):
        return {name: without_cards(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_cards(inner) for inner in value]
    if type(value) is int and value >= 10**12 and value not in _MILLISECONDS and value < 10**19 and _luhn(str(value)):
        return "[card]"
    return value


def _luhn(text: str) -> bool:
    digits = [int(c) for c in reversed(text) if c.isdigit()]
    doubled = sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
