"""Who mints and kills keys. A new issuer is one module and one line here; nothing is imported until it is asked for."""

ISSUERS = {
    "managed": "ir.issuers.stripe_managed:ManagedIssuer",
    "dashboard": "ir.issuers.stripe_dashboard:DashboardIssuer",
}
