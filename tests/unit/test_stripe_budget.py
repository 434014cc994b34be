"""What one process asks of Stripe while others ask too: together never more than their share of the published limits."""

from dataclasses import dataclass, field

import pytest

from ir.clients.stripe_rate_limit import Budget
from ir.core.model import Mode
from ir.drill.twin.error_answers import ApiError
from ir.drill.twin.limits import RateLimiter
from ir.drill.twin.settings import Limits


@dataclass
class Time:
    """Passes only when somebody sleeps."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_all_workers_together_stay_below_the_published_limits(workers: int, mode: Mode) -> None:
    limiter, times = RateLimiter(Limits()), [Time() for _ in range(workers)]
    budgets = [Budget(workers, time.now, time.sleep) for time in times]
    paces = [budget.pace("acct_1", mode) for budget in budgets]
    for number in range(600):
        time, pace = min(zip(times, paces, strict=True), key=lambda one: one[0].at)
        path = "/v1/balance" if number % 3 else f"/v2/iam/api_keys/mk_{number}"
        pace(path)
        limiter.admit("acct_1", mode, path.partition("/mk_")[0], time.at)
    assert 600 / max(time.at for time in times) > 0.5 * (25 if mode is Mode.TEST else 30), "and they use what they may"


def test_without_the_budget_the_limits_are_met_and_accounts_do_not_share_one() -> None:
    limiter = RateLimiter(Limits())
    for _ in range(25):
        limiter.admit("acct_1", Mode.TEST, "/v1/balance", 0.0)
    with pytest.raises(ApiError):
        limiter.admit("acct_1", Mode.TEST, "/v1/balance", 0.0)
    time = Time()
    budget = Budget(1, time.now, time.sleep)
    for account in ("acct_1", "acct_2"):
        for _ in range(20):
            budget.pace(account, Mode.TEST)("/v1/balance")
    assert time.slept == []
    budget.pace("acct_1", Mode.TEST)("/v1/balance")
    assert time.slept == [pytest.approx(0.05)]


def test_a_process_that_runs_no_campaign_is_never_slowed() -> None:
    time = Time()
    pace = Budget(0, time.now, time.sleep).pace("acct_1", Mode.TEST)
    for _ in range(1000):
        pace("/v1/balance")
    assert time.slept == []
