"""The settings of the twin: each is a behaviour that was measured, or that is not established."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from ir.core.model import Mode


class Now(Protocol):
    """The only thing the twin asks of a clock; every `ir.ports.Clock` will do."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


class WallClock:
    """Real time."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)


class Masking(StrEnum):
    """How `secret_token_redacted` hides the middle of a token; the real style is not established."""

    DOTS = "dots"
    """`rk_test_...AbCd`: prefix, three dots, last four."""
    ELLIPSIS = "ellipsis"
    """`rk_test_51Ab…AbCd`: first twelve, one character, last four."""
    STARS = "stars"
    """`rk_test_*****AbCdEf`: first eight, five stars, last six; as in error messages."""


class DeathText(StrEnum):
    """The answer about a dead key; after a Dashboard rotation "Now" either text may come."""

    EXPIRED = "expired"
    INVALID = "invalid"


@dataclass(frozen=True)
class Limits:
    """Requests per second per account and mode; the defaults are the published ones."""

    live: float = 100.0
    test: float = 25.0
    endpoint: float = 25.0


@dataclass(frozen=True)
class TwinSettings:
    """The behaviour of one twin.

    Attributes:
        mode: mode of keys that are created without saying one.
        account: id of the first account; made from the seed when empty.
        port: loopback port; 0 takes a free one.
        death_delay: seconds of the twin's clock from expire or rotate until the old token is refused.
        narrow_delay: the same from a change of permissions until it bites (measured: 1-1.5 s).
        app_touches_foreign_keys: whether an app may update, expire or rotate a key that it did not create.
        death_text: what a key killed in the Dashboard hears; API-killed ones always hear `expired`.
        masking: style of `secret_token_redacted`.
        jwe_alg: `RSA-OAEP` (SHA-1) or `RSA-OAEP-256`.
        jwe_wrapped: the compact JWE is wrapped in base64 once more.
        replay_shows_token: a replayed test-mode create shows the token again; live never shows it again.
        more_permissions_code: the 403 carries `code` (2026) or not (January 2025).
        limits: rate limits; None = none.
        traffic_sample: how many records of calls are kept.
    """

    mode: Mode = Mode.TEST
    account: str = ""
    port: int = 0
    death_delay: float = 3.0
    narrow_delay: float = 1.2
    app_touches_foreign_keys: bool = True
    death_text: DeathText = DeathText.EXPIRED
    masking: Masking = Masking.STARS
    jwe_alg: str = "RSA-OAEP-256"
    jwe_wrapped: bool = False
    replay_shows_token: bool = False
    more_permissions_code: bool = True
    limits: Limits | None = None
    traffic_sample: int = 200_000
