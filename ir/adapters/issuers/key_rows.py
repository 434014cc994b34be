"""Rows of Stripe's key list, narrowed the moment they arrive: in test mode each row holds its token in plain text."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ir.core.model import Json, KeyRow, Mode
from ir.core.secret import Secret

CONNECT = "connect:"
"""Prefix of a Connect permission in our permission lists, so that one list holds all permissions of a key."""


@dataclass(frozen=True)
class MatchedRow:
    """A narrowed row of a list.

    Attributes:
        same: whether it is the key that was asked for, where the row showed its token; None where it only hints at it.
    """

    row: KeyRow
    same: bool | None


def narrow(data: Json, key: Secret | None = None) -> MatchedRow:
    """Take the needed fields of one `v2.iam.api_key`, and compare its token, if it shows one, with `key`."""
    row = KeyRow(
        id=str(data.get("id") or ""),
        name=name_of(data),
        active=data.get("status") == "active",
        mode=Mode.LIVE if data.get("livemode") else Mode.TEST,
        created=moment(data.get("created")),
        last_used=moment(data.get("last_used")),
        permissions=_names(data.get("permissions")) + _names(data.get("connect_permissions"), CONNECT),
        redacted=redacted_of(data),
    )
    token = token_of(data)
    return MatchedRow(row, None if token is None or key is None else token == key)


def name_of(data: Json) -> str:
    """The name that was given to a key."""
    return str(data.get("name") or "")


def redacted_of(data: Json) -> str:
    """The visible part of a row's key, the rest hidden."""
    return str(_object(data.get("secret_key")).get("secret_token_redacted") or "")


def shows_token(data: Json) -> bool:
    """Whether a row shows more of its key than a hint."""
    return bool(_object(data.get("secret_key")).get("token"))


def token_of(data: Json) -> Secret | None:
    """The key itself, where a row shows it in plain text (test mode)."""
    token = _object(data.get("secret_key")).get("token")
    return Secret(token) if isinstance(token, str) and token.isascii() and token else None


def ciphertext_of(data: Json) -> str:
    """The sealed key of a row that was just minted in live mode, "" in any other row."""
    return str(_object(_object(data.get("secret_key")).get("encrypted_secret")).get("ciphertext") or "")


def is_secret_key(data: Any) -> bool:
    """Whether it is a secret key. Publishable keys are in the same list, and their leak is no emergency."""
    return isinstance(data, dict) and data.get("type") == "secret_key"


def split_permissions(names: tuple[str, ...]) -> Json:
    """Split our one list into the two that Stripe takes. An empty one is left out, because Stripe ignores it silently."""
    plain = [name for name in names if not name.startswith(CONNECT)]
    connect = [name.removeprefix(CONNECT) for name in names if name.startswith(CONNECT)]
    both = {"permissions": plain, "connect_permissions": connect}
    return {field: listed for field, listed in both.items() if listed}


def moment(value: object) -> float:
    """A v2 timestamp (ISO 8601) or a v1 one (seconds) as epoch seconds, 0 when absent or unreadable."""
    try:
        return float(value) if isinstance(value, int | float) else datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _names(value: object, prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + str(name) for name in value) if isinstance(value, list) else ()
