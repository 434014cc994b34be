"""The permissions of a restricted key that open what this tool reads and writes at Stripe.

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

DELIVERIES = ("event_read", "webhook_read")
"""What it takes to see Stripe's deliveries to a webhook."""
SECOND_ENDPOINT = ("webhook_write", "event_read")
"""What it takes to replace a signing secret by a second endpoint, and to see Stripe's deliveries."""
APP = ("api_key_write",)
"""What the Stripe App needs whose key mints, narrows and expires keys."""
