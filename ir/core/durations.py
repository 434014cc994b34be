"""Durations as humans write them: `10s`, `5m`, `24h`, `90d`, or a bare number of seconds."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SHAPE = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([smhd])?"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: object) -> float:
    """Read a duration as a number of seconds.

    Raises:
        ValueError: saying how a duration looks.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        if not 0 <= text < 1e9:
            raise ValueError("a duration must be between 0 and 30 years")
        return float(text)
    match = re.fullmatch(_SHAPE, str(text).strip())
    if not match:
        raise ValueError(f"`{str(text)[:40]}` is not a duration; write 10s, 5m, 24h or 90d")
    return float(match[1]) * _UNITS[match[2] or "s"]


_IN_A_FILE = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": rf"^\s*{_SHAPE}\s*$"}]}
Seconds = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_IN_A_FILE)]


def spoken(value: float) -> str:
    """Write seconds as people say them: `75.0` → `1 min 15 s`."""
    whole = round(value)
    if value < 10:
        return f"{value:.1f} s".replace(".0 s", " s")
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    if whole < 172800:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")
    return f"{whole // 86400} d"
