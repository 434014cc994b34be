"""The clicks in Stripe's Dashboard about webhooks, word for word: to roll a signing secret, and to deliver an event once more."""

from ir.adapters.issuers.dashboard_steps import numbered, when
from ir.core.model import Mode


def to_roll(mode: Mode, url: str, endpoint: str, expires_at: float) -> str:
    """How to roll a webhook's signing secret so that both sign until `expires_at` (epoch seconds, 0 = 24 hours)."""
    until = f"the entry next to {when(expires_at)} (24 hours at most)" if expires_at else "24 hours"
    return numbered(
        "A new signing secret is needed.",
        [
            f"Open https://dashboard.stripe.com/{'test/' if mode is Mode.TEST else ''}webhooks (Workbench > Webhooks).",
            f"Choose the endpoint of {url}" + (f", {endpoint}." if endpoint else "."),
            "Click ⋯ > `Roll secret` (some accounts: `Roll signing secret`).",
            f"Expiration of the old one: {until}, never `Now`: until then Stripe signs with both.",
            "Click `Roll secret`, reveal the new signing secret and copy it; it begins with whsec_.",
            "Paste it here.",
        ],
    )


def to_resend(mode: Mode, url: str, endpoint: str) -> str:
    """How to make Stripe deliver an event to an endpoint once more."""
    return numbered(
        "A delivery that Stripe signed has to be seen: only that shows that the services have this endpoint's secret.",
        [
            f"Open https://dashboard.stripe.com/{'test/' if mode is Mode.TEST else ''}webhooks (Workbench > Webhooks).",
            f"Choose the endpoint of {url}" + (f", {endpoint}," if endpoint else "") + " and its tab `Event deliveries`.",
            "Choose an event, best one that failed, and click `Resend`.",
            "See that the newest attempt has the HTTP status 200 (or another 2xx).",
        ],
    )
