"""Who mints and kills keys. A new issuer is one module and one line here; nothing is imported until it is asked for."""

ISSUERS = {
    "managed": "ir.issuers.stripe_managed:ManagedIssuer",
    "dashboard": "ir.issuers.stripe_dashboard:DashboardIssuer",
}
"""Of API keys, by `issuer:` of the account."""

WEBHOOK_ISSUERS = {
    "second-endpoint": "ir.issuers.stripe_webhook:SecondEndpointIssuer",
    "dashboard": "ir.issuers.webhook_roll:RollIssuer",
}
"""Of webhooks' signing secrets, by `roll:` of the webhook."""
