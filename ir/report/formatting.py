"""Times, spans and money as people read them. An unknown value is called unknown, never guessed."""

import math
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "unknown"

_NO_DECIMALS = frozenset(["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"])
_THREE_DECIMALS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def moment(value: Any) -> float | None:
    """Epoch seconds from a number or ISO 8601 text (without zone: UTC); None for absent, 0, and nonsense."""
    if isinstance(value, bool) or not value:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) and 0 < value < 253402300800 else None
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def utc(value: Any) -> str:
    """`2026-11-23 22:35:07 UTC`, or `unknown`."""
    at = moment(value)
    return UNKNOWN if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(value: Any) -> str | None:
    """ISO 8601 in UTC to the millisecond, or None."""
    at = moment(value)
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """`3 min 12 s`: the two largest units; under ten seconds with one decimal."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 10:
        return f"{seconds:.1f} s"
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _SPANS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def money(currency: Any, amount: Any) -> str:
    """Minor units as an amount: `1,234.50 USD`, `500 JPY`. Stripe's `isk` and `ugx` are sent with two decimals."""
    code = str(currency).lower()
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return f"{amount} {code.upper()}"
    places = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    return f"{amount / 10**places:,.{places}f} {code.upper()}"


def label(name: str) -> str:
    """`customers_read` as `customers read`."""
    return name.replace("_", " ").strip()
