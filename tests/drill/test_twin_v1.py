"""v1: objects as the SDK's own classes want them, events, pages, idempotency, limits."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import stripe
from stripe.params import PaymentIntentCreateParams

from ir.drill.twin import Key, Limits, StripeTwin, TwinSettings
from tests.worlds.twin_rig import START, StillClock, client, error_of, failure, missing_fields, raw

pytestmark = pytest.mark.server
NOW = START.timestamp()
DAY = 86_400
PAY: PaymentIntentCreateParams = {"amount": 1200, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def twin(clock: StillClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=8, clock=clock) as twin:
        yield twin


@pytest.fixture
def key(twin: StripeTwin) -> Key:
    return twin.create_secret_key()


@pytest.fixture
def sdk(twin: StripeTwin, key: Key) -> stripe.StripeClient:
    return client(twin, key)


def test_every_object_has_what_its_published_class_requires(sdk: stripe.StripeClient) -> None:
    v1 = sdk.v1
    paid = v1.payment_intents.create(PAY)
    product = v1.products.create({"name": "Tea"})
    made: list[stripe.StripeObject] = [
        v1.balance.retrieve(),
        v1.accounts.retrieve_current(),
        v1.accounts.create({"type": "custom", "email": "x@example.com"}),
        v1.customers.create({"email": "a@example.com", "metadata": {"plan": "1"}}),
        paid,
        v1.charges.retrieve(str(paid.latest_charge)),
        v1.charges.create({"amount": 5, "currency": "eur", "source": "tok_visa"}),
        v1.setup_intents.create({}),
        v1.refunds.create({"payment_intent": paid.id, "amount": 200}),
        v1.payouts.create({"amount": 100, "currency": "usd", "method": "instant"}),
        v1.transfers.create({"amount": 7, "currency": "usd", "destination": "acct_x"}),
        v1.topups.create({"amount": 7, "currency": "usd"}),
        product,
        v1.prices.create({"currency": "usd", "unit_amount": 5, "product": product.id}),
        v1.coupons.create({"percent_off": 100, "duration": "forever"}),
        v1.webhook_endpoints.create({"url": "https://example.com/h", "enabled_events": ["*"]}),
        v1.payment_links.create({"line_items": [{"price": "price_1", "quantity": 1}]}),
        *v1.events.list({"limit": 100}).data,
    ]
    assert len({one["object"] for one in made}) == 16
    assert {one["object"]: missing for one in made if (missing := missing_fields(type(one), one.to_dict()))} == {}
    assert all(getattr(one, "livemode", False) is False for one in made)


def test_a_payment_leaves_charge_balance_and_events_that_name_the_request(sdk: stripe.StripeClient) -> None:
    paid = sdk.v1.payment_intents.create({**PAY, "expand": ["latest_charge"]}, {"idempotency_key": "order-1"})
    assert (paid.status, paid.amount_received) == ("succeeded", 1200)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert sdk.v1.balance.retrieve().available[0].amount == 1200
    events = sdk.v1.events.list().data
    assert [event.type for event in events] == ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]
    assert paid.last_response is not None
    for event in events:
        assert event.request is not None
        assert (event.request.id, event.request.idempotency_key) == (paid.last_response.request_id, "order-1")
    assert events[0].data.object["status"] == "succeeded"
    assert events[2].data.object["status"] == "requires_confirmation"


def test_a_payment_can_be_made_in_two_steps_or_cancelled(sdk: stripe.StripeClient) -> None:
    intent = sdk.v1.payment_intents.create({"amount": 10, "currency": "usd"})
    assert intent.status == "requires_payment_method"
    assert sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    assert error_of(lambda: sdk.v1.payment_intents.cancel(intent.id))[1]["code"] == "payment_intent_unexpected_state"
    other = sdk.v1.payment_intents.create({"amount": 10, "currency": "usd"})
    assert sdk.v1.payment_intents.cancel(other.id).status == "canceled"


def test_a_declined_card_is_a_402_and_leaves_failures_in_the_events(sdk: stripe.StripeClient) -> None:
    error = failure(lambda: sdk.v1.payment_intents.create({**PAY, "payment_method": "pm_card_chargeDeclined"}))
    assert isinstance(error, stripe.CardError)
    assert error.code == "card_declined"
    kinds = [event.type for event in sdk.v1.events.list({"types": ["charge.failed", "payment_intent.payment_failed"]}).data]
    assert kinds == ["payment_intent.payment_failed", "charge.failed"]
    assert sdk.v1.balance.retrieve().available[0].amount == 0


def test_refunds_add_up_and_stop_at_the_charge(sdk: stripe.StripeClient) -> None:
    paid = sdk.v1.payment_intents.create(PAY)
    sdk.v1.refunds.create({"charge": str(paid.latest_charge), "amount": 200})
    assert sdk.v1.refunds.create({"payment_intent": paid.id}).amount == 1000
    assert sdk.v1.charges.retrieve(str(paid.latest_charge)).refunded is True
    assert error_of(lambda: sdk.v1.refunds.create({"payment_intent": paid.id}))[1]["code"] == "charge_already_refunded"
    assert error_of(lambda: sdk.v1.refunds.create({"charge": "ch_none"}))[0] == 404


def test_a_payout_can_be_cancelled_while_it_is_pending(sdk: stripe.StripeClient) -> None:
    payout = sdk.v1.payouts.create({"amount": 500, "currency": "usd"})
    assert (payout.automatic, payout.status) == (False, "pending")
    assert sdk.v1.payouts.cancel(payout.id).status == "canceled"
    assert error_of(lambda: sdk.v1.payouts.cancel(payout.id))[0] == 400
    assert sdk.v1.balance.retrieve().available[0].amount == 0


def test_changes_and_removals_leave_events_but_never_for_webhook_endpoints(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({"name": "a"})
    sdk.v1.customers.update(customer.id, {"name": "b", "metadata": {"k": "v"}})
    assert sdk.v1.customers.delete(customer.id).deleted is True
    hook = sdk.v1.webhook_endpoints.create({"url": "https://evil.example", "enabled_events": ["*"]})
    assert str(hook.secret).startswith("whsec" + "_")
    assert sdk.v1.webhook_endpoints.update(hook.id, {"disabled": True}).status == "disabled"
    listed = sdk.v1.webhook_endpoints.list().data[0]
    assert (listed.url, "secret" in listed) == ("https://evil.example", False)
    sdk.v1.webhook_endpoints.delete(hook.id)
    events = sdk.v1.events.list().data
    assert [event.type for event in events] == ["customer.deleted", "customer.updated", "customer.created"]
    assert events[1].to_dict()["data"]["previous_attributes"] == {"name": "a", "metadata": {}}
    assert error_of(lambda: sdk.v1.customers.retrieve(customer.id))[0] == 404


def test_events_go_back_thirty_days_and_take_filters(twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    for days, kind in [(31, "payout.created"), (29, "payout.created"), (2, "charge.failed"), (1, "charge.succeeded")]:
        twin.plant_event(kind, {"id": "x", "object": "y"}, created=NOW - days * DAY, request_id=f"req_{days}")
    twin.plant_event("payout.paid", {"id": "x", "object": "payout"}, created=NOW - DAY + 5)

    def kinds(**params: object) -> list[str]:
        return [event.type for event in sdk.v1.events.list(params).data]  # type: ignore[arg-type] # built by name

    assert kinds() == ["payout.paid", "charge.succeeded", "charge.failed", "payout.created"]
    assert kinds(type="charge.*") == ["charge.succeeded", "charge.failed"]
    assert kinds(types=["payout.created", "charge.failed"]) == ["charge.failed", "payout.created"]
    assert kinds(created={"gt": int(NOW - 2 * DAY)}) == ["payout.paid", "charge.succeeded"]
    assert kinds(created={"gte": int(NOW - 2 * DAY), "lt": int(NOW - DAY)}) == ["charge.failed"]
    assert kinds(created=int(NOW - DAY)) == ["charge.succeeded"]
    assert error_of(lambda: kinds(type="a", types=["b"]))[0] == 400
    automatic = sdk.v1.events.list({"limit": 1}).data[0]
    assert automatic.request is not None
    assert automatic.request.id is None


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_give_everything_once_newest_first(size: int, twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    # Several objects share a second; planted out of order.
    planted = [twin.plant("customers", created=NOW - (n * 7 % 5), name=str(n))["id"] for n in range(11)]
    found = [one.id for one in islice(sdk.v1.customers.list({"limit": size}).auto_paging_iter(), 50)]
    assert sorted(found) == sorted(planted)
    times = [one.created for one in sdk.v1.customers.list({"limit": 100}).data]
    assert times == sorted(times, reverse=True)
    before = sdk.v1.customers.list({"limit": size, "ending_before": found[-1]})
    assert [one.id for one in before.data] == found[:-1][-size:]
    assert before.has_more is (size < 10)


def test_lists_refuse_what_stripe_refuses(sdk: stripe.StripeClient) -> None:
    assert error_of(lambda: sdk.v1.customers.list({"limit": 101}))[1]["param"] == "limit"
    assert error_of(lambda: sdk.v1.customers.list({"limit": 0}))[0] == 400
    assert error_of(lambda: sdk.v1.customers.list({"starting_after": "cus_none"}))[1]["code"] == "resource_missing"
    assert error_of(lambda: sdk.raw_request("get", "/v1/nonsense"))[0] == 404
    assert error_of(lambda: sdk.v1.payment_intents.create({"amount": 1}))[1]["param"] == "currency"  # type: ignore[typeddict-item] # wrong on purpose
    assert error_of(lambda: sdk.raw_request("post", "/v1/disputes"))[0] == 400


def test_every_list_of_the_sweep_exists_and_is_empty(sdk: stripe.StripeClient) -> None:
    swept = """charges payment_intents setup_intents refunds payouts transfers topups balance_transactions disputes customers
        accounts application_fees checkout/sessions coupons promotion_codes prices products subscriptions invoices files
        file_links radar/early_fraud_warnings reviews forwarding/requests treasury/outbound_payments issuing/cards
        webhook_endpoints payment_links apps/secrets events payment_methods accounts/acct_1/external_accounts"""
    for path in swept.split():
        answer = sdk.raw_request("get", f"/v1/{path}", limit=3)
        assert answer.data == {"object": "list", "url": f"/v1/{path}", "has_more": False, "data": []}


def test_planted_objects_are_listed_and_filtered(twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    twin.plant("accounts/acct_1/external_accounts", last4="6789", created=NOW - 5)
    twin.plant("disputes", charge="ch_1", amount=5)
    twin.plant("disputes", charge="ch_2", amount=6)
    assert sdk.raw_request("get", "/v1/accounts/acct_1/external_accounts").data["data"][0]["last4"] == "6789"
    assert [one.amount for one in sdk.v1.disputes.list({"charge": "ch_2"}).data] == [6]
    assert twin.objects("events") == ()


def test_the_same_idempotency_key_replays_and_other_parameters_are_refused(sdk: stripe.StripeClient) -> None:
    first = sdk.v1.customers.create({"name": "a"}, {"idempotency_key": "k"})
    again = sdk.v1.customers.create({"name": "a"}, {"idempotency_key": "k"})
    assert again.id == first.id
    assert first.last_response is not None
    assert again.last_response is not None
    headers = again.last_response.headers
    assert headers is not None
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.request_id
    assert again.last_response.request_id != first.last_response.request_id
    assert isinstance(failure(lambda: sdk.v1.customers.create({"name": "b"}, {"idempotency_key": "k"})), stripe.IdempotencyError)
    assert len(sdk.v1.customers.list().data) == 1


def test_idempotency_keeps_declines_forgets_bad_parameters_and_ends_after_a_day(
    twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock
) -> None:
    bad: PaymentIntentCreateParams = {**PAY, "payment_method": "pm_card_chargeDeclined"}
    for _ in range(2):
        assert error_of(lambda: sdk.v1.payment_intents.create(bad, {"idempotency_key": "d"}))[0] == 402
    assert len(twin.objects("charges")) == 1
    wrong: Any = {"metadata": "x"}
    error_of(lambda: sdk.v1.customers.create(wrong, {"idempotency_key": "p"}))
    sdk.v1.customers.create({}, {"idempotency_key": "p"})
    clock.forward(DAY + 1)
    sdk.v1.customers.create({}, {"idempotency_key": "p"})
    assert len(twin.objects("customers")) == 2


def test_rate_limits_say_which_one_was_hit_and_refill(clock: StillClock) -> None:
    with StripeTwin(clock=clock, settings=TwinSettings(limits=Limits(test=30, endpoint=25))) as twin:
        key = twin.create_secret_key()
        sdk = client(twin, key)
        for _ in range(25):
            sdk.v1.balance.retrieve()
        error = failure(sdk.v1.balance.retrieve)
        assert isinstance(error, stripe.RateLimitError)
        assert error.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"  # type: ignore[index] # a mapping in fact
        for _ in range(4):
            sdk.v1.customers.list()
        assert raw(twin, "GET", "/v1/charges", key)[1]["stripe-rate-limited-reason"] == "global-rate"
        clock.forward(1)
        sdk.v1.balance.retrieve()
