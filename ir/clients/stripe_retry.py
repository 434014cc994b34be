"""The retry rules of reads from Stripe: after no answer, a 429 or a 5xx."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from ir.clients.stripe_answer import StripeResponse
from ir.core.errors import Unknown

if TYPE_CHECKING:
    import tenacity


def persist(call: Callable[[], StripeResponse], retries: int) -> StripeResponse:
    """The answer to a read, tried again up to so many times. Raises as the call does."""
    return call() if retries <= 0 else _retrying(retries)(call)


@cache
def _retrying(retries: int) -> "tenacity.Retrying":
    """The retry rules of this process, shared by its threads: what the library keeps of a call is the thread's own."""
    import tenacity

    def last(state: tenacity.RetryCallState) -> StripeResponse:
        assert state.outcome is not None  # noqa: S101  # tenacity calls this only after an attempt
        answer: StripeResponse = state.outcome.result()
        return answer

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(retries + 1),
        wait=tenacity.wait_exponential(multiplier=0.3, max=5) + tenacity.wait_random(0, 0.3),
        retry=tenacity.retry_if_exception_type(Unknown) | tenacity.retry_if_result(_worth_retrying),
        retry_error_callback=last,
    )


def _worth_retrying(answer: StripeResponse) -> bool:
    return answer.transient and answer.headers.get("stripe-should-retry") != "false"
