"""The times that a review is about, for the rules."""

from dataclasses import dataclass

HOUR = 3600
DAY = 86400
MIN_BASELINE = DAY
"""Seconds of evidence before the exposure below which there is no baseline."""


@dataclass(frozen=True)
class Window:
    """Epoch seconds.

    Attributes:
        since: where the evidence begins.
        judged: where judging begins: the exposure; where that is unknown or older, the beginning.
        until: where it ends.
        exposed: the exposure; 0 unknown.
        baseline: whether `since … judged` may serve as what is usual.
    """

    since: int
    judged: int
    until: int
    exposed: int
    baseline: bool

    @classmethod
    def of(cls, since: float, exposed: float, until: float) -> "Window":
        """A window. The baseline ends at the exposure; an unknown one, or one too close to the beginning of the evidence, leaves none."""
        start, end, leak = int(since), int(until), int(exposed)
        baseline = leak > 0 and leak - start >= MIN_BASELINE
        judged = max(start, leak) if leak else start
        return cls(start, min(judged, end), end, leak, baseline)

    def before(self) -> "Window":
        """The time before the exposure, as if no exposure were known."""
        return Window(self.since, self.since, self.judged, 0, baseline=False)

    def from_then(self, ts: int) -> "Window":
        """The same evidence, judged from an earlier time, at a full hour, since usual traffic is told by the hour."""
        return Window.of(self.since, max(ts // HOUR * HOUR, self.since, 1), self.until)

    @property
    def hours(self) -> float:
        """Length of what is judged."""
        return max((self.until - self.judged) / HOUR, 1.0)

    @property
    def base_hours(self) -> float:
        """Length of the baseline; 1 where there is none, so that it can be divided by."""
        return max((self.judged - self.since) / HOUR, 1.0) if self.baseline else 1.0
