"""Issuers mint keys and kill them. A new issuer is one module and one line here; nothing is imported until it is asked for."""

ISSUERS = {
    "managed": "ir.adapters.issuers.stripe_managed:ManagedIssuer",
    "dashboard": "ir.adapters.issuers.stripe_dashboard:DashboardIssuer",
}
"""Of API keys, by `issuer:` of the account."""

WEBHOOK_ISSUERS = {
    "second-endpoint": "ir.adapters.issuers.webhook_second_endpoint:SecondEndpointIssuer",
    "dashboard": "ir.adapters.issuers.webhook_roll:RollIssuer",
}
"""Issuers of webhooks' signing secrets, by `roll:` of the webhook."""
