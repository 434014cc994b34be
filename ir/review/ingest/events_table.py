"""Stripe events, v1 and v2, raw or in a cloud's envelope → the `events` table, as one DuckDB SELECT over a column `j`."""

from ir.review.sql.schema import TABLES

ACTS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (95, "external_account", ("account.external_account.", "v2.money_management.payout_method.")),
    (90, "payout", ("payout.", "topup.", "treasury.outbound_", "v2.money_management.outbound_")),
    (88, "transfer", ("transfer.",)),
    (85, "issuing", ("issuing_card.", "issuing_cardholder.")),
    (80, "key", ("v2.iam.",)),
    (75, "application", ("account.application.",)),
    (70, "account", ("account.", "capability.", "person.", "v2.core.account")),
    (65, "refund", ("refund.", "charge.refund", "credit_note.")),
    (60, "payment", ("charge.succeeded", "payment_intent.succeeded", "charge.captured", "invoice.paid", "invoice.payment_succeeded")),
    (58, "decline", ("charge.failed", "payment_intent.payment_failed", "setup_intent.setup_failed", "invoice.payment_failed")),
    (55, "link", ("payment_link.", "checkout.session.")),
    (52, "coupon", ("coupon.", "promotion_code.")),
    (50, "report", ("reporting.", "sigma.", "file.")),
    (45, "setup", ("setup_intent.",)),
    (40, "intent", ("payment_intent.", "charge.")),
    (35, "payment_method", ("payment_method.", "customer.source.", "source.")),
    (30, "subscription", ("customer.subscription", "subscription_schedule.", "invoice", "quote.", "plan.")),
    (25, "customer", ("customer.",)),
    (20, "catalogue", ("product.", "price.", "tax_rate.", "shipping_rate.")),
    (15, "settings", ("balance_settings.", "billing_portal.", "radar.", "review.")),
)
"""Rank, kind, and the event types that belong to it; a request that causes several events counts as the highest."""

CREATED_LATER = ("charge.dispute.", "radar.early_fraud_warning.", "charge.updated", "payout.paid", "payout.reconciliation")
"""Types that happen by themselves, independent of the request that started them."""


def act_sql(kind: str) -> str:
    """SQL for the column `act` from the event type."""
    cases = []
    for rank, name, prefixes in ACTS:
        tests = " OR ".join(f"starts_with({kind}, '{p}')" for p in prefixes)
        cases.append(f"WHEN {tests} THEN '{rank:02d}:{name}'")
    return f"CASE {' '.join(cases)} ELSE '10:other' END"


PATHS = {
    "id": "$.id",
    "type": "$.type",
    "created": "$.created",
    "livemode": "$.livemode",
    "account": "$.account",
    "request": "$.request.id",
    "request_text": "$.request",
    "idem": "$.request.idempotency_key",
    "v2_request": "$.reason.request.id",
    "v2_idem": "$.reason.request.idempotency_key",
    "object_id": "$.data.object.id",
    "related_id": "$.related_object.id",
    "object_type": "$.data.object.object",
    "related_type": "$.related_object.type",
    "customer": "$.data.object.customer",
    "amount": "$.data.object.amount",
    "amount_total": "$.data.object.amount_total",
    "amount_due": "$.data.object.amount_due",
    "currency": "$.data.object.currency",
    "status": "$.data.object.status",
    "failure": "$.data.object.failure_code",
    "outcome": "$.data.object.outcome.reason",
    "pi_code": "$.data.object.last_payment_error.code",
    "pi_decline": "$.data.object.last_payment_error.decline_code",
    "si_code": "$.data.object.last_setup_error.code",
    "si_decline": "$.data.object.last_setup_error.decline_code",
    "card": "$.data.object.payment_method_details.card.fingerprint",
    "card_brand": "$.data.object.payment_method_details.card.brand",
    "card_country": "$.data.object.payment_method_details.card.country",
    "card_funding": "$.data.object.payment_method_details.card.funding",
    "pm_card": "$.data.object.card.fingerprint",
    "pm_brand": "$.data.object.card.brand",
    "pm_country": "$.data.object.card.country",
    "pm_funding": "$.data.object.card.funding",
    "err_card": "$.data.object.last_payment_error.payment_method.card.fingerprint",
    "err_si_card": "$.data.object.last_setup_error.payment_method.card.fingerprint",
    "pm": "$.data.object.payment_method",
    "intent": "$.data.object.payment_intent",
    "destination": "$.data.object.destination",
    "account_of": "$.data.object.account",
    "method": "$.data.object.method",
    "automatic": "$.data.object.automatic",
    "percent_off": "$.data.object.percent_off",
    "changed": "$.data.previous_attributes",
    "v2_changed": "$.changes",
}
_OUT = {
    "ts": "ir_time(created)",
    "id": "ir_text(id)",
    "type": "ir_text(type)",
    "livemode": "CASE WHEN livemode = 'false' THEN 0 ELSE 1 END",
    "account": "ir_text(account)",
    "request_id": "ir_text(COALESCE(request, v2_request, CASE WHEN starts_with(request_text, 'req_') THEN request_text END))",
    "idem": "ir_hash(COALESCE(idem, v2_idem))",
    "idem_format": "ir_idem_format(COALESCE(idem, v2_idem))",
    "object_id": "ir_text(COALESCE(object_id, related_id))",
    "object_type": "ir_text(COALESCE(object_type, related_type))",
    "customer": "CASE WHEN object_type = 'customer' THEN ir_text(object_id) "
    "WHEN ir_is_id(customer) THEN customer ELSE ir_person(ir_text(customer)) END",
    "amount": "ir_whole(COALESCE(amount, amount_total, amount_due))",
    "currency": "lower(ir_text(currency))",
    "status": "ir_text(status)",
    "error_code": "ir_code(ir_text(COALESCE(failure, pi_code, si_code)))",
    "decline_code": "ir_code(ir_text(COALESCE(pi_decline, si_decline, outcome)))",
    "card": "ir_text(COALESCE(card, pm_card, err_card, err_si_card))",
    "card_group": "ir_text(COALESCE(card_brand || ' ' || card_country || ' ' || card_funding, "
    "pm_brand || ' ' || pm_country || ' ' || pm_funding))",
    "pm": "CASE WHEN object_type = 'payment_method' THEN ir_text(object_id) ELSE ir_text(pm) END",
    "intent": "CASE WHEN object_type IN ('payment_intent', 'setup_intent') THEN ir_text(object_id) ELSE ir_text(intent) END",
    "destination": "ir_text(CASE WHEN type LIKE 'account.external_account.%' THEN account_of ELSE destination END)",
    "method": "ir_text(method)",
    "automatic": "CASE automatic WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE -1 END",
    "percent_off": "ir_small(percent_off)",
    "changed": "COALESCE(substr(array_to_string(json_keys(TRY_CAST(COALESCE(changed, v2_changed) AS JSON)), ','), 1, 200), '')",
}


def events_sql(relation: str, *, source: str) -> str:
    """A SELECT of the normalised columns plus `file` and `bad` over `relation`, which has `j` (JSON) and `filename`."""
    names = list(PATHS)
    paths = "[" + ", ".join(f"'{path}'" for path in PATHS.values()) + "]"
    unpacked = ", ".join(f"v[{i + 1}] AS {name}" for i, name in enumerate(names))
    outputs = _OUT | {"act": act_sql("type"), "source": f"'{source}'"}
    columns = ", ".join(f"CAST({outputs[c.name]} AS {c.type}) AS {c.name}" for c in TABLES["events"])
    bad = "CASE WHEN id IS NULL OR type IS NULL THEN 1 ELSE 0 END AS bad"
    return (
        f"SELECT {columns}, filename AS file, {bad} FROM (SELECT {unpacked}, filename FROM "
        f"(SELECT json_extract_string(j, {paths}) AS v, filename FROM {relation}))"
    )


_ENVELOPES = {
    "detail": ("detail.type", "detail.type"),
    "data": ("specversion", "data.type"),
    "body": ("body.type", "body.data"),
    "event": ("event.type", "event.id"),
    "payload": ("payload.type", "payload.data"),
}
"""The place of an event inside a cloud's envelope, and two fields by which it is recognised."""
_BARE = r'^\{\s*"id"\s*:\s*"evt_[A-Za-z0-9_]*"\s*,\s*"object"\s*:\s*"(?:v2\.core\.)?event"'
"""The beginning of an event as Stripe writes it: checking it takes a tenth of the work of looking for an envelope."""


def unwrapped_sql(relation: str) -> str:
    """The event inside EventBridge's `detail` or Event Grid's `data`, or bare. One pass finds all, since each look parses again."""
    paths = ", ".join(f"'$.{path}'" for told in _ENVELOPES.values() for path in told)
    cases = " ".join(
        f"WHEN there[{2 * i + 1}] AND there[{2 * i + 2}] THEN json_extract(j, '$.{name}')" for i, name in enumerate(_ENVELOPES)
    )
    there = f"CASE WHEN regexp_matches(j, '{_BARE}') THEN NULL ELSE json_exists(j, [{paths}]) END"
    looked = f"(SELECT j, filename, {there} AS there FROM {relation})"
    return f"(SELECT CASE {cases} ELSE j END AS j, filename FROM {looked})"
