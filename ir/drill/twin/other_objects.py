"""Objects of v1 other than money: catalogue, webhooks, connected accounts."""

from ir.core.model import Json
from ir.drill.twin import params as p


def product(params: Json) -> Json:
    """A product."""
    return {
        "active": p.flag(params, "active", default=True),
        "description": params.get("description"),
        "images": [],
        "marketing_features": [],
        "metadata": p.table(params, "metadata"),
        "name": p.text(params, "name"),
        "type": "service",
        "updated": 0,
    }


def price(params: Json) -> Json:
    """A one-time price."""
    return {
        "active": p.flag(params, "active", default=True),
        "billing_scheme": "per_unit",
        "currency": p.text(params, "currency"),
        "metadata": p.table(params, "metadata"),
        "product": p.text(params, "product"),
        "type": "one_time",
        "unit_amount": p.integer(params, "unit_amount", 0),
    }


def coupon(params: Json) -> Json:
    """A coupon; `percent_off` 100 is what attackers leave."""
    percent = params.get("percent_off")
    return {
        "amount_off": p.integer(params, "amount_off") if "amount_off" in params else None,
        "currency": params.get("currency"),
        "duration": p.text(params, "duration", "once"),
        "duration_in_months": None,
        "max_redemptions": None,
        "metadata": p.table(params, "metadata"),
        "name": params.get("name"),
        "percent_off": None if percent is None else float(percent),
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def webhook_endpoint(params: Json) -> Json:
    """A webhook endpoint; its signing secret is shown by the create call only."""
    return {
        "api_version": params.get("api_version"),
        "application": None,
        "description": params.get("description"),
        "enabled_events": p.names(params, "enabled_events") or ["*"],
        "metadata": p.table(params, "metadata"),
        "status": "enabled",
        "url": p.text(params, "url"),
    }


def payment_link(params: Json) -> Json:
    """A payment link."""
    return {
        "active": p.flag(params, "active", default=True),
        "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
        "allow_promotion_codes": False,
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": "auto",
        "currency": p.text(params, "currency", "usd"),
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_creation": "if_required",
        "metadata": p.table(params, "metadata"),
        "payment_method_collection": "always",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "submit_type": "auto",
        "tax_id_collection": {"enabled": False, "required": "never"},
        "url": "",
    }


def account(params: Json) -> Json:
    """A connected account."""
    return {
        "business_profile": {"name": None, "url": None},
        "charges_enabled": False,
        "country": p.text(params, "country", "US"),
        "default_currency": "usd",
        "details_submitted": False,
        "email": params.get("email"),
        "external_accounts": {"object": "list", "data": [], "has_more": False, "url": "/v1/accounts/external_accounts"},
        "metadata": p.table(params, "metadata"),
        "payouts_enabled": False,
        "type": p.text(params, "type", "custom"),
    }


def event_destination(url: str, created: str) -> Json:
    """A v2 event destination, whole; without `id` and `livemode`."""
    return {
        "object": "v2.core.event_destination",
        "created": created,
        "description": "",
        "enabled_events": ["*"],
        "event_payload": "snapshot",
        "events_from": ["self"],
        "metadata": {},
        "name": "Destination",
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": created,
        "webhook_endpoint": {"signing_secret": None, "url": url},
    }
