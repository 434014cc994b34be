"""A clock that can be set back, so that an account has a past before the drill begins."""

from datetime import UTC, datetime


class BentClock:
    """Shows the moment it was set to, or real time."""

    def __init__(self) -> None:
        self._at: float | None = None

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC) if self._at is None else datetime.fromtimestamp(self._at, UTC)

    def set(self, at: float | None) -> None:
        """Stand still at a moment in epoch seconds; None: go with real time again."""
        self._at = at
