"""The review of a simulated world: it reports what it is told to."""

from collections.abc import Callable

from ir.core.model import Json
from ir.ports import KeyUse, LeftBehind, LoggedCalls, Reviewed, ReviewRequest


class SimReviewer:
    """A review that reports what it is told to."""

    def __init__(self) -> None:
        self.verdict = "none seen within coverage"
        self.leftovers: tuple[Json, ...] = ()
        self.uses: Callable[[float], tuple[KeyUse, ...]] = lambda _since: ()
        self.refusals: Callable[[float], LoggedCalls | None] = lambda _since: None

    def review(self, request: ReviewRequest, progress: Callable[[str], None]) -> Reviewed:
        """See `ports`."""
        return Reviewed(self.verdict, {"writes": self.verdict, "reads": "cannot tell", "account": "cannot tell"}, 0.0)

    def users(self, request: ReviewRequest, since: float, progress: Callable[[str], None]) -> tuple[KeyUse, ...]:
        """See `ports`."""
        return self.uses(since)

    def sweep(self, request: ReviewRequest, progress: Callable[[str], None]) -> LeftBehind:
        """See `ports`."""
        return LeftBehind(self.leftovers, frozenset(("webhook_endpoint", *(str(row["kind"]) for row in self.leftovers))))

    def refused(self, request: ReviewRequest, since: float, progress: Callable[[str], None]) -> LoggedCalls | None:
        """See `ports`."""
        return self.refusals(since)

    def money(self, request: ReviewRequest, progress: Callable[[str], None]) -> tuple[Json, ...]:
        """See `ports`."""
        return ()
