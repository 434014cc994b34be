"""The map endpoint → permission, names, and the derivation."""

import json

import pytest

from ir.core.errors import Refused, UsageError
from ir.drill.twin.permissions import ACCEPTED
from ir.permissions import Derived, Use, asked_by_refusal, derive, permission_for
from ir.permissions.endpoint_map import reads_expanded, rows, sources
from ir.permissions.names import api_names, create_link, dashboard_page, label, least

DAY = 86400
END = 1_795_000_000
OUT = END - 2 * DAY


def used(what: str, first: int = END - 20 * DAY, **more: object) -> Use:
    method, _, path = what.partition(" ")
    return Use(**{"service": "shop", "method": method, "endpoint": path, "calls": 5, "first": first, "last": END - 60, **more})  # type: ignore[arg-type]


def test_every_row_has_a_source_with_an_address_and_a_date() -> None:
    assert len(rows()) > 400
    for row in rows():
        assert row.permissions and row.method in ("GET", "POST", "DELETE") and row.path.startswith(("/v1/", "/v2/"))
        for source in (row.source, *row.checks):
            assert source.where.startswith("https://") and len(source.date) == 10 and source.says
    assert len({row.endpoint for row in rows()}) == len(rows())


def test_a_sourced_row_is_named_by_a_source_that_names_endpoints() -> None:
    """Pages about objects name no endpoint: alone they make an inferred row."""
    for row in rows():
        naming = {source.name for source in (row.source, *row.checks)} & {"stripe-reference", "refusals-trufflehog", "refusal-st-paywall"}
        assert naming if row.sourced else not row.checks, row


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("get", "https://api.stripe.com/v1/charges?limit=3", "GET /v1/charges"),
        ("GET", "/v1/charges/ch_1", "GET /v1/charges/:id"),
        ("HEAD", "/v1/charges/:id", "GET /v1/charges/:id"),
        ("GET", "/v1/charges/search", "GET /v1/charges/search"),
        ("GET", "/v1/coupons/summer", "GET /v1/coupons/:id"),
        ("POST", "/v1/payment_intents/pi_1/capture/", "POST /v1/payment_intents/:id/capture"),
    ],
)
def test_a_call_finds_its_row(method: str, path: str, endpoint: str) -> None:
    row = permission_for(method, path)
    assert row is not None and row.endpoint == endpoint


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/invented"), ("PUT", "/v1/charges"), ("GET", ""), ("GET", "/v1/charges//x")])
def test_what_the_map_does_not_know_has_no_permission(method: str, path: str) -> None:
    assert permission_for(method, path) is None


def test_names() -> None:
    assert api_names() == ACCEPTED and len(api_names()) == 158
    assert asked_by_refusal("… Having the 'rak_topup_read' permission would allow this request to continue.") == "top_up_read"
    assert asked_by_refusal("… Enabling \"Prices Read\" ('plan_read') permissions on this key would …") == "plan_read"
    assert asked_by_refusal("Missing `connected_account_read`") == "connected_account_read"
    wrong = "Having the 'rak_dispute_write' permission would allow this request to continue."
    assert asked_by_refusal(wrong) == "dispute_write" and asked_by_refusal(wrong, "POST", "/v1/files") == "file_write"
    assert asked_by_refusal("The provided key 'rk_test_read' is expired") is None
    assert least(["charge_read", "charge_write", "event_read"]) == ("charge_write", "event_read")
    assert label("plan_write") == "Billing › Prices: Write" and label("adjustment_read") == "adjustment_read"
    assert create_link("a b", ["top_up_read"]).endswith("create?name=a%20b&permissions%5B%5D=rak_topup_read")


def test_the_page_keeps_the_dashboards_order_and_says_what_it_lacks() -> None:
    boxes, lacking = dashboard_page(["webhook_write", "charge_read", "adjustment_read"])
    assert [box.label for box in boxes if box.choice != "None"] == ["Charges and Refunds", "Webhook Endpoints"]
    assert lacking == ("adjustment_read",) and boxes[0].label == "Apple Pay Domains"


def test_expanded_fields_need_read_on_what_they_hold() -> None:
    assert reads_expanded("data.latest_charge.customer") == ("charge_read", "customer_read")
    assert reads_expanded("data") == () and reads_expanded("invented") is None and reads_expanded("'; DROP") is None


def test_what_was_used_before_is_granted_and_what_came_after_is_apart() -> None:
    told = derive([used("GET /v1/charges"), used("POST /v1/payouts", OUT)], until=END, exposed_at=OUT)
    assert told.permissions == ("charge_read",) and [line.name for line in told.apart] == ["payout_write"]
    assert told.apart[0].danger and told.tick(["payout_write"]).permissions == ("charge_read", "payout_write")
    with pytest.raises(UsageError, match="transfer_write"):
        told.tick(["transfer_write"])


def test_without_any_time_the_last_30_days_have_to_be_ticked() -> None:
    uses = [used("GET /v1/charges", END - 31 * DAY), used("GET /v1/customers", END - 29 * DAY)]
    told = derive(uses, until=END)
    assert (told.how, told.permissions, [line.name for line in told.apart]) == ("unknown", ("charge_read",), ["customer_read"])
    assert derive(uses, until=END, proposed_at=OUT).permissions == ("charge_read", "customer_read")
    assert derive(uses, until=END, proposed_at=END, exposed_at=END - 30 * DAY).permissions == ("charge_read",)


def test_a_write_brings_its_read_and_not_the_other_way_round() -> None:
    later = [used("POST /v1/charges"), used("GET /v1/charges", OUT)]
    assert derive(later, until=END, exposed_at=OUT).apart == ()
    told = derive([used("GET /v1/charges"), used("POST /v1/charges", OUT)], until=END, exposed_at=OUT)
    assert (told.permissions, [line.name for line in told.apart]) == (("charge_read",), ["charge_write"])


def test_calls_for_connected_accounts_stand_apart_from_our_own() -> None:
    told = derive([used("GET /v1/charges", connect=True), used("GET /v1/payouts", OUT, connect=True)], until=END, exposed_at=OUT)
    assert (told.permissions, told.connect_permissions) == ((), ("charge_read",))
    assert [line.name for line in told.apart] == ["connect:payout_read"]


def test_expand_and_needs_are_part_of_the_list_with_their_why() -> None:
    uses = [used("GET /v1/charges/:id", expands=("customer", "invented"))]
    told = derive(uses, {"yearly": ["GET /v1/balance", "topup_read"]}, until=END, exposed_at=OUT)
    assert told.permissions == ("balance_read", "charge_read", "customer_read", "top_up_read") and told.unread == ("invented",)
    lines = {line.permission: line for line in told.granted}
    assert lines["customer_read"].endpoints == ("expand[]=customer",) and lines["top_up_read"].declared == ("yearly",)
    assert told.of_service("yearly") == ("balance_read", "top_up_read") and told.services == ("shop", "yearly")


def test_what_the_map_does_not_know_is_told_by_name() -> None:
    told = derive([used("POST /v1/invented/:id")], {"yearly": ["GET /v1/other"]}, until=END)
    assert [line.endpoints[0] for line in told.unmapped] == ["GET /v1/other", "POST /v1/invented/:id"]


def test_what_was_always_refused_is_no_right_in_use() -> None:
    told = derive([used("POST /v1/payouts", refused=5), used("GET /v1/charges", refused=2)], until=END, exposed_at=OUT)
    assert told.permissions == ("charge_read",) and [line.permission for line in told.refused] == ["payout_write"]


def test_an_inferred_row_leaves_no_right_out() -> None:
    """Where it is not known which of two permissions an endpoint needs, both are asked for."""
    told = derive([used("GET /v1/balance_transactions")], until=END, exposed_at=OUT)
    assert told.permissions == ("balance_read", "balance_transaction_source_read") and not told.granted[0].sourced


def test_the_two_vocabularies_are_told_apart() -> None:
    told = derive([used("POST /v1/accounts"), used("GET /v1/charges")], until=END, exposed_at=OUT)
    assert told.by_api == ("charge_read",) and told.not_by_api == ("connected_account_write",)


def test_an_empty_list_is_never_minted() -> None:
    with pytest.raises(Refused, match="empty list"):
        derive([], until=END).mintable()
    assert derive([used("GET /v1/charges")], until=END, exposed_at=OUT).mintable() == ("charge_read",)


def test_it_survives_json() -> None:
    told = derive([used("GET /v1/charges", expands=("x",)), used("POST /v1/payouts", OUT)], {"a": ["GET /v1/b"]}, until=END, partial="why")
    assert Derived.read(json.loads(json.dumps(told.document()))) == told
    assert sources()["stripe-reference"].date
