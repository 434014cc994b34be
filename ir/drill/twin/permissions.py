"""Permission names: those that the key API accepts, and those of a 403."""

_READ_AND_WRITE = """
apple_pay_domain application_fee billing_clock billing_meter billing_meter_event billing_profile billing_settings
capital_for_platforms_financing_offer charge checkout_session confirmation_token_client coupon credit_note customer
customer_portal customer_session dispute file invoice issuing issuing_authorization issuing_card issuing_cardholder
issuing_credit_ledger issuing_dispute issuing_token issuing_transaction mandate order payment_intent payment_links
payment_method payment_method_configurations payment_method_domain payment_records payout plan product
product_catalog_import promotion_code provisioning_account_request provisioning_project provisioning_resource quote
report_runs_and_report_types review secret setup_intent shipping_rate sku source subscription
tax_calculations_and_transactions tax_locations tax_rate tax_settings terminal_configuration terminal_location
terminal_reader token top_up transfer usage_record webhook
"""
_READ_ONLY = """
adjustment balance balance_transaction_source billing_analytics_meter_usage billing_intent
capital_for_platforms_financing_summary capital_for_platforms_financing_transaction confirmation_token
connected_account entitlement event fee_domain_resources financial_account inbound_transfer
issuing_token_network_data outbound_payment outbound_transfer payout_intent received_credit received_debit
recipient_verification transaction treasury_transaction
"""
_WRITE_ONLY = """
account_link api_key edit_link issuing_verification rate_card rate_card_subscription terminal_connection_token
"""

ACCEPTED = frozenset(
    [f"{stem}_{verb}" for stem in _READ_AND_WRITE.split() for verb in ("read", "write")]
    + [f"{stem}_read" for stem in _READ_ONLY.split()]
    + [f"{stem}_write" for stem in _WRITE_ONLY.split()]
)
"""The 158 names that create and update take."""

# A 403 does not always use the name that create and update take (docs/stripe-facts.md, 4).
CALLED = {
    "top_up": "topup",
    "report_runs_and_report_types": "financial_statement",
    "tax_calculations_and_transactions": "tax_transaction",
    "issuing_token": "issuing_network_token",
}
"""Stem that create and update take → stem in a refusal."""


def allows(granted: frozenset[str] | None, permission: str) -> bool:
    """Whether a permission list covers one permission; write implies read, None is everything."""
    if granted is None or permission in granted:
        return True
    stem, _, verb = permission.rpartition("_")
    return verb == "read" and f"{stem}_write" in granted


def called(permission: str) -> str:
    """The name that a 403 uses: `charge_read` is `rak_charge_read`."""
    stem, _, verb = permission.rpartition("_")
    return f"rak_{CALLED.get(stem, stem)}_{verb}"
