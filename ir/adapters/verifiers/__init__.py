"""Verifiers: each looks at one service and says what it saw. Loaded by name, only when used.

http          HttpVerifier(url=, resolve=, status=, json=, headers=, instances=, instance_json=, instance_header=, proves=, timeout=)
command       CommandVerifier(argv=, env=, read_only=, proves=, timeout=)
webhook       WebhookVerifier(url=, signed_with=, resolve=, event=, both=, refusals_only=, headers=, instances=, …, timeout=)
stripe_usage  StripeUsageVerifier(last_used=, sole_user=, proves=)
"""

VERIFIERS = {
    "http": "ir.adapters.verifiers.http:HttpVerifier",
    "command": "ir.adapters.verifiers.command:CommandVerifier",
    "webhook": "ir.adapters.verifiers.webhook:WebhookVerifier",
    "stripe_usage": "ir.adapters.verifiers.stripe_usage:StripeUsageVerifier",
}
"""Name in the inventory → `module:Class`."""
