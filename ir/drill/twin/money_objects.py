"""Money objects of v1: one builder per kind, with every field that the published classes require."""

from collections.abc import Callable

from ir.core.model import Json
from ir.drill.twin import params as p

Builder = Callable[[Json], Json]
"""Parameters → the fields of a new object, without `id`, `object`, `created`, `livemode`."""

# Shared by every charge: objects are replaced, never changed.
_APPROVED: Json = {
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "seller_message": "Payment complete.",
    "type": "authorized",
}
_VISA: Json = {"card": {"brand": "visa", "country": "US", "last4": "4242"}, "type": "card"}
_NO_BILLING: Json = {"address": None, "email": None, "name": None, "phone": None}


def charge(params: Json) -> Json:
    """A captured, successful card charge."""
    amount = p.amount(params)
    return {
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": _NO_BILLING,
        "captured": True,
        "currency": p.text(params, "currency"),
        "customer": params.get("customer"),
        "description": params.get("description"),
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "metadata": p.table(params, "metadata"),
        "outcome": _APPROVED,
        "paid": True,
        "payment_intent": params.get("payment_intent"),
        "payment_method": params.get("payment_method"),
        "payment_method_details": _VISA,
        "receipt_email": params.get("receipt_email"),
        "refunded": False,
        "status": "succeeded",
    }


def customer(params: Json) -> Json:
    """A customer."""
    return {
        "address": None,
        "balance": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "email": params.get("email"),
        "invoice_settings": {"default_payment_method": None},
        "metadata": p.table(params, "metadata"),
        "name": params.get("name"),
        "phone": params.get("phone"),
        "shipping": None,
        "tax_exempt": "none",
    }


def payment_intent(params: Json) -> Json:
    """A payment intent that waits for a payment method or for confirmation."""
    has_method = bool(params.get("payment_method"))
    return {
        "amount": p.amount(params),
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": None,
        "confirmation_method": "automatic",
        "currency": p.text(params, "currency"),
        "customer": params.get("customer"),
        "description": params.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": p.table(params, "metadata"),
        "next_action": None,
        "payment_method": params.get("payment_method"),
        "payment_method_types": params.get("payment_method_types", ["card"]),
        "receipt_email": params.get("receipt_email"),
        "status": "requires_confirmation" if has_method else "requires_payment_method",
    }


def setup_intent(params: Json) -> Json:
    """A setup intent."""
    return {
        "client_secret": None,
        "customer": params.get("customer"),
        "metadata": p.table(params, "metadata"),
        "payment_method": params.get("payment_method"),
        "payment_method_types": ["card"],
        "status": "requires_confirmation" if params.get("payment_method") else "requires_payment_method",
        "usage": p.text(params, "usage", "off_session"),
    }


def refund(params: Json) -> Json:
    """A refund that went through."""
    return {
        "amount": p.amount(params),
        "balance_transaction": None,
        "charge": params.get("charge"),
        "currency": p.text(params, "currency", "usd"),
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": p.table(params, "metadata"),
        "payment_intent": params.get("payment_intent"),
        "reason": params.get("reason"),
        "status": "succeeded",
    }


def payout(params: Json) -> Json:
    """A payout made by hand or by API, not yet arrived."""
    return {
        "amount": p.amount(params),
        "arrival_date": p.integer(params, "arrival_date", 0),
        "automatic": p.flag(params, "automatic"),
        "balance_transaction": None,
        "currency": p.text(params, "currency"),
        "description": params.get("description"),
        "destination": params.get("destination"),
        "failure_code": None,
        "metadata": p.table(params, "metadata"),
        "method": p.text(params, "method", "standard"),
        "reconciliation_status": "not_applicable",
        "source_type": "card",
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "trace_id": None,
        "type": "card" if p.text(params, "method", "standard") == "instant" else "bank_account",
    }


def transfer(params: Json) -> Json:
    """A transfer to a connected account."""
    return {
        "amount": p.amount(params),
        "amount_reversed": 0,
        "balance_transaction": None,
        "currency": p.text(params, "currency"),
        "description": params.get("description"),
        "destination": p.text(params, "destination"),
        "metadata": p.table(params, "metadata"),
        "reversals": {"object": "list", "data": [], "has_more": False, "url": "/v1/transfers/reversals"},
        "reversed": False,
        "transfer_group": params.get("transfer_group"),
    }


def topup(params: Json) -> Json:
    """A top-up."""
    return {
        "amount": p.amount(params),
        "currency": p.text(params, "currency"),
        "description": params.get("description"),
        "metadata": p.table(params, "metadata"),
        "status": "pending",
    }
