"""Which permission of a restricted key opens what this tool reads and writes at Stripe.

Names as the managed-key API takes them (docs/stripe-facts.md, 1); the Dashboard shows the same resources with `Read` and `Write`.
"" = Stripe has not published which one it is.
"""

READS = {
    "/v1/events": "event_read",
    "/v1/webhook_endpoints": "webhook_read",
    "/v1/accounts": "connected_account_read",
    "/v1/payouts": "payout_read",
    "/v1/transfers": "transfer_read",
    "/v1/topups": "top_up_read",
    "/v1/issuing/cards": "issuing_card_read",
    "/v1/file_links": "file_read",
    "/v1/payment_links": "payment_links_read",
    "/v1/coupons": "coupon_read",
    "/v1/promotion_codes": "promotion_code_read",
    "/v1/subscriptions": "subscription_read",
    "/v1/subscription_schedules": "subscription_read",
    "/v1/invoices": "invoice_read",
    "/v1/checkout/sessions": "checkout_session_read",
    "/v1/products": "product_read",
    "/v2/core/events": "",
    "/v2/core/event_destinations": "",
    "/v2/iam/activity_logs": "",
}
"""Lists that the review reads, each with what opens it. Without one, the review names the list as not read."""

_ALSO = {
    "/v1/balance": "balance_read",
    "/v1/charges": "charge_read",
    "/v1/customers": "customer_read",
    "/v1/payment_intents": "payment_intent_read",
    "/v1/setup_intents": "setup_intent_read",
    "/v1/payment_methods": "payment_method_read",
    "/v1/disputes": "dispute_read",
    "/v1/files": "file_read",
    "/v1/application_fees": "application_fee_read",
    "/v1/credit_notes": "credit_note_read",
    "/v1/prices": "plan_read",
    "/v1/quotes": "quote_read",
    "/v1/reviews": "review_read",
    "/v1/tax_rates": "tax_rate_read",
    "/v1/terminal/readers": "terminal_reader_read",
}
"""More lists, as the 403s of Stripe name what opens them (docs/stripe-facts.md, 4)."""


def reads(right: str) -> str:
    """The list that one GET tries a permission to read by, "" = none is known, or it is none to read."""
    return next((path for path, name in {**_ALSO, **READS}.items() if name and name == right), "")


DELIVERIES = ("event_read", "webhook_read")
"""To see what Stripe delivered to a webhook."""
SECOND_ENDPOINT = ("webhook_write", "event_read")
"""To replace a signing secret by a second endpoint, and to see what Stripe delivered."""
APP = ("api_key_write",)
"""Of the Stripe App whose key mints, narrows and expires keys."""
