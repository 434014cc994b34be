"""The lists of v1, their content, and the permission that opens each."""

from dataclasses import dataclass

from ir.drill.twin import money_objects, other_objects
from ir.drill.twin.money_objects import Builder


@dataclass(frozen=True)
class Resource:
    """One v1 list.

    Attributes:
        path: after `/v1/`.
        prefix: of ids.
        permission: stem of the permission names, as create and update take them.
        build: makes a new object from parameters; None = nothing can be created here by API, only planted.
        event: stem of the event types, "" = no events (webhook endpoints have none).
        removable: DELETE works.
        dated: accepts `created`.
    """

    path: str
    object: str
    prefix: str
    permission: str
    build: Builder | None = None
    event: str = ""
    removable: bool = False
    dated: bool = True

    @property
    def opens_read(self) -> str:
        """Permission to list and retrieve."""
        return f"{self.permission}_read"

    @property
    def opens_write(self) -> str:
        """Permission to create, change, remove."""
        return f"{self.permission}_write"


_ALL = (
    Resource("charges", "charge", "ch", "charge", money_objects.charge, "charge"),
    Resource("customers", "customer", "cus", "customer", money_objects.customer, "customer", removable=True),
    Resource("payment_intents", "payment_intent", "pi", "payment_intent", money_objects.payment_intent, "payment_intent"),
    Resource("setup_intents", "setup_intent", "seti", "setup_intent", money_objects.setup_intent, "setup_intent"),
    Resource("refunds", "refund", "re", "charge", money_objects.refund, "refund"),
    Resource("payouts", "payout", "po", "payout", money_objects.payout, "payout"),
    Resource("transfers", "transfer", "tr", "transfer", money_objects.transfer, "transfer"),
    Resource("topups", "topup", "tu", "top_up", money_objects.topup, "topup"),
    Resource("products", "product", "prod", "product", other_objects.product, "product", removable=True),
    Resource("prices", "price", "price", "plan", other_objects.price, "price"),
    Resource("coupons", "coupon", "co", "coupon", other_objects.coupon, "coupon", removable=True),
    Resource("payment_links", "payment_link", "plink", "payment_links", other_objects.payment_link, "payment_link", dated=False),
    Resource("webhook_endpoints", "webhook_endpoint", "we", "webhook", other_objects.webhook_endpoint, removable=True, dated=False),
    Resource("accounts", "account", "acct", "connected_account", other_objects.account, "account", removable=True),
    Resource("events", "event", "evt", "event"),
    Resource("balance_transactions", "balance_transaction", "txn", "balance_transaction_source"),
    Resource("disputes", "dispute", "du", "dispute"),
    Resource("application_fees", "application_fee", "fee", "application_fee"),
    Resource("checkout/sessions", "checkout.session", "cs", "checkout_session"),
    Resource("promotion_codes", "promotion_code", "promo", "promotion_code"),
    Resource("subscriptions", "subscription", "sub", "subscription"),
    Resource("subscription_schedules", "subscription_schedule", "sub_sched", "subscription"),
    Resource("invoices", "invoice", "in", "invoice"),
    Resource("credit_notes", "credit_note", "cn", "credit_note"),
    Resource("quotes", "quote", "qt", "quote"),
    Resource("tax_rates", "tax_rate", "txr", "tax_rate"),
    Resource("payment_methods", "payment_method", "pm", "payment_method"),
    Resource("files", "file", "file", "file"),
    Resource("file_links", "file_link", "link", "file"),
    Resource("radar/early_fraud_warnings", "radar.early_fraud_warning", "issfr", "charge"),
    Resource("radar/value_lists", "radar.value_list", "rsl", "charge"),
    Resource("reviews", "review", "prv", "review"),
    Resource("forwarding/requests", "forwarding.request", "fwdreq", "payment_method"),
    Resource("treasury/financial_accounts", "treasury.financial_account", "fa", "financial_account"),
    Resource("treasury/outbound_payments", "treasury.outbound_payment", "obp", "outbound_payment"),
    Resource("issuing/cards", "issuing.card", "ic", "issuing_card"),
    Resource("issuing/cardholders", "issuing.cardholder", "ich", "issuing_cardholder"),
    Resource("apps/secrets", "apps.secret", "appsecret", "secret", dated=False),
    Resource("reporting/report_runs", "reporting.report_run", "frr", "report_runs_and_report_types"),
    Resource("identity/verification_sessions", "identity.verification_session", "vs", "identity_product"),
    Resource("terminal/readers", "terminal.reader", "tmr", "terminal_reader", dated=False),
    Resource("billing_portal/configurations", "billing_portal.configuration", "bpc", "customer_portal"),
)

RESOURCES = {resource.path: resource for resource in _ALL}
"""By path."""

EXTERNAL_ACCOUNTS = Resource("external_accounts", "bank_account", "ba", "connected_account", dated=False)
"""Listed under `/v1/accounts/<id>/external_accounts`."""
