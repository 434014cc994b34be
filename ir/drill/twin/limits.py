"""Rate limits per account and mode, as published: a global one and one per endpoint."""

from ir.core.model import Mode
from ir.drill.twin.error_answers import too_many
from ir.drill.twin.settings import Limits


class RateLimiter:
    """Token buckets that hold one second's worth."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[tuple[str, Mode, str], tuple[float, float]] = {}

    def admit(self, account: str, mode: Mode, endpoint: str, now: float) -> None:
        """Count one request.

        Raises:
            ApiError: 429 with its reason.
        """
        rate = self._limits.live if mode is Mode.LIVE else self._limits.test
        if not self._take((account, mode, ""), rate, now):
            raise too_many("global-rate")
        if not self._take((account, mode, endpoint), self._limits.endpoint, now):
            raise too_many("endpoint-rate")

    def _take(self, bucket: tuple[str, Mode, str], rate: float, now: float) -> bool:
        level, since = self._buckets.get(bucket, (rate, now))
        level = min(rate, level + max(0.0, now - since) * rate)
        self._buckets[bucket] = (level - 1 if level >= 1 else level, now)
        return level >= 1
