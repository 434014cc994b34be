"""What `ir.ports.Deliveries` owes its callers: what follows from Stripe's counts of undelivered events, against the twin."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ir.adapters.issuers.webhook_deliveries import Hook, StripeDeliveries
from ir.adapters.issuers.webhook_endpoints import Endpoints
from ir.adapters.issuers.webhook_use import WebhookServices
from ir.clients.stripe_api import StripeApi
from ir.core.errors import PortError, Unknown
from ir.core.model import Json, Mode
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin
from tests.worlds.issuers import BentClock

PUBLIC, NOBODY = "https://shop.example.com/hook", "http://127.0.0.1:9/hook"


@dataclass
class Account:
    """A twin whose deliveries fail, or are taken as a test says."""

    twin: StripeTwin
    clock: BentClock
    api: StripeApi
    key: Secret
    facts: Json = field(default_factory=dict)

    def endpoint(self, url: str = PUBLIC) -> str:
        self.twin.route(url, NOBODY)
        return str(self.api.post(self.key, "/v1/webhook_endpoints", {"url": url, "enabled_events": ["*"]}).body["id"])

    def event(self, *, taken: int = 0, connected: str = "") -> str:
        """One event, taken by so many endpoints."""
        self.clock.sleep(2)
        event = self.twin.plant_event("charge.succeeded", {"object": "charge", "id": "ch_1"}, connected=connected)
        event["pending_webhooks"] -= taken
        return str(event["id"])

    def look(self, *, second: bool = False, connect: bool | None = False, keys: list[Secret] | None = None) -> StripeDeliveries:
        uses = WebhookServices(lambda _secret: [False], lambda _secret: None, lambda: self.facts)
        hook = Hook(PUBLIC, "", Mode.TEST, connect, second)
        known = [self.key] if keys is None else keys
        return StripeDeliveries(
            self.api, lambda: known, hook, uses, lambda _event, _secret: True, lambda _since: None, lambda: self.clock.now().timestamp()
        )


@pytest.fixture
def account() -> Iterator[Account]:
    clock = BentClock()
    with StripeTwin(seed=11, clock=clock) as twin:
        key = twin.create_restricted_key(("webhook_write", "webhook_read", "event_read"), "ir").token.reveal()
        yield Account(twin, clock, StripeApi(twin.url, timeout=2), Secret(key))


def test_after_a_roll_only_an_event_that_everybody_took_shows_it(account: Account) -> None:
    account.endpoint()
    account.endpoint("https://shop.example.com/other")
    look = account.look()
    mark = look.newest()
    assert mark == 0
    for taken in (0, 1, 2):
        account.event(taken=taken)
    assert [event.taken(by_all=False) for event in look.since(mark)] == [True, False, False], "one of two may be the other endpoint"
    assert [event.wanted for event in look.since(mark)] == [2, 2, 2]
    account.event()
    assert len(look.since(look.newest())) == 0, "by Stripe's clock, strictly newer"


def test_with_a_second_endpoint_one_of_two_is_enough_while_the_old_secret_is_refused(account: Account) -> None:
    old = account.endpoint()
    in_flight = account.event()
    account.clock.sleep(2)
    new = account.endpoint()
    account.facts |= {"old": {"id": old}, "new": {"id": new}}
    account.event(taken=1)
    (event, before) = account.look(second=True).since(0)
    assert (event.ours, event.taken(by_all=False), event.taken(by_all=True)) == (2, True, False)
    assert before.ours == 1, "the second endpoint was not there yet"
    assert account.look(second=True).left() == [in_flight]


def test_what_an_earlier_rotation_left_in_the_count_is_no_lost_event(account: Account) -> None:
    first, second = account.endpoint(), account.endpoint()
    account.event(taken=1)
    account.clock.sleep(120)
    Endpoints(account.api, lambda: account.key).disable(first, account.clock.now().timestamp())
    lost = account.event()
    account.clock.sleep(120)
    new = account.endpoint()
    account.facts |= {"old": {"id": second}, "new": {"id": new}}
    assert account.look(second=True).left() == [lost]
    assert account.look(second=True).floor() == 0


def test_an_endpoint_that_fails_for_reasons_of_its_own_is_the_floor(account: Account) -> None:
    account.endpoint()
    account.endpoint("https://shop.example.com/broken")
    for _ in range(3):
        account.event(taken=1)
    account.clock.sleep(120)
    assert account.look().floor() == 1


def test_events_of_connected_accounts_are_another_endpoints(account: Account) -> None:
    account.endpoint()
    account.event(connected="acct_1other")
    assert account.look().since(0) == [] and len(account.look(connect=True).since(0)) == 1
    (problem,) = account.look().problems()
    assert "connect: true" in problem
    account.endpoint("https://shop.example.com/other")
    assert account.look().problems() == [], "the other one may take them"
    assert "`connect: true` or `connect: false`" in account.look(connect=None).problems()[0]
    with pytest.raises(Unknown):
        account.look(connect=True).unknown(["evt_123456789"])


def test_a_key_that_may_not_look_is_passed_over_and_nobody_elses_is_guessed(account: Account) -> None:
    blind = Secret(account.twin.create_restricted_key(("webhook_read",), "blind").token.reveal())
    assert account.look(keys=[blind, account.key]).blind() == ""
    assert "event_read and webhook_read" in account.look(keys=[blind]).blind()
    with pytest.raises(PortError):
        account.look(keys=[]).since(0)
    assert account.look().unknown([account.event(), f"evt_{secrets.token_hex(8)}"])[0].startswith("evt_")
