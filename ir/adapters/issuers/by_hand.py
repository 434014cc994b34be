"""The steps in the Dashboard for a person whose machine has no connection to Stripe, and the way back to the tool."""

from collections.abc import Iterator
from contextlib import contextmanager

from ir.adapters.issuers.dashboard_steps import keys_page
from ir.core.errors import Unknown
from ir.core.model import Mode

_BACK = "ir rotate stripe --leaked-key-from prompt --no-replacement --policy exposed"


def steps(mode: Mode) -> str:
    """Five steps, and the command that proves the old key dead afterwards."""
    return "\n".join(
        [
            "without a connection, by hand, on a device that has one:",
            f"  1. Open {keys_page(mode)} and see that the right account is selected.",
            "  2. In the row of the leaked key click ⋯ > `Rotate key`. Expiration: `Now` if it is misused (services fail until step 4).",
            "  3. Not misused, as far as you know: an expiration that is just long enough for step 4, one hour at most.",
            "  4. Copy the new key (it is shown once) into every place that holds the old one, reload the services, see that they work.",
            "  5. In the old key's row, ⋯ > `View request logs`: write down requests that are not yours.",
            "With a connection again, this proves the old key dead and looks for misuse:",
            f"    {_BACK}",
        ]
    )


@contextmanager
def instead(mode: Mode) -> Iterator[None]:
    """Name these steps as the next ones when Stripe gives no answer.

    Raises:
        Unknown: with them.
    """
    try:
        yield
    except Unknown as error:
        raise Unknown(error.what, safe="nothing was changed", next_step=steps(mode)) from None
