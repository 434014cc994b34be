"""Keys live, are narrowed, blocked, and die when and how the real ones do."""

import base64
import http.client
from collections.abc import Callable, Iterator

import pytest
import stripe

from ir.core.model import Mode
from ir.drill.twin import DeathText, Key, Kind, StripeTwin, TwinSettings, faults
from tests.worlds.twin_rig import StillClock, balance, client, error_of, failure, raw

pytestmark = pytest.mark.server


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def twin(clock: StillClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=3, clock=clock, settings=TwinSettings(death_delay=3.0)) as twin:
        yield twin


def shown(key: Key) -> str:
    token = key.token.reveal()
    return f"{token[:8]}*****{token[-6:]}"


def test_an_expired_key_works_on_and_then_hears_that_it_expired(twin: StripeTwin, clock: StillClock) -> None:
    key = twin.create_secret_key()
    twin.expire_in_dashboard(key)
    clock.forward(2.9)
    assert client(twin, key).v1.balance.retrieve().object == "balance"
    clock.forward(0.1)
    status, error = error_of(balance(twin, key))
    assert status == 401
    assert error == {
        "code": "api_key_expired",
        "doc_url": "https://stripe.com/docs/error-codes/api-key-expired",
        "message": f"Expired API Key provided: {shown(key)}",
        "type": "invalid_request_error",
    }
    assert isinstance(failure(balance(twin, key)), stripe.AuthenticationError)


@pytest.mark.parametrize(("text", "code"), [(DeathText.EXPIRED, "api_key_expired"), (DeathText.INVALID, None)])
def test_rotate_now_kills_with_either_text(text: DeathText, code: str | None, clock: StillClock) -> None:
    with StripeTwin(seed=4, clock=clock, settings=TwinSettings(death_text=text, death_delay=1.0)) as twin:
        old = twin.create_secret_key()
        new = twin.rotate_in_dashboard(old)
        clock.forward(1)
        status, error = error_of(balance(twin, old))
        assert (status, error.get("code")) == (401, code)
        assert new.kind is old.kind
        assert client(twin, new).v1.balance.retrieve().livemode is False


def test_rotate_with_expiration_keeps_the_old_key_until_the_deadline(twin: StripeTwin, clock: StillClock) -> None:
    old = twin.create_restricted_key(("balance_read",), "payments")
    new = twin.rotate_in_dashboard(old, expires_in=3600)
    assert (new.name, new.kind, new.permissions) == ("payments", Kind.RESTRICTED, old.permissions)
    clock.forward(3600)
    balance(twin, old)()
    clock.forward(3)
    assert error_of(balance(twin, old))[0] == 401
    balance(twin, new)()


def test_a_deadline_can_be_cut_short_but_not_put_off(twin: StripeTwin, clock: StillClock) -> None:
    old = twin.create_secret_key()
    twin.rotate_in_dashboard(old, expires_in=3600)
    twin.expire_in_dashboard(old)
    clock.forward(3)
    assert not twin.is_alive(old)
    twin.rotate_in_dashboard(old, expires_in=3600)
    assert not twin.is_alive(old)


def test_stripe_kills_a_published_key_at_once(twin: StripeTwin) -> None:
    key = twin.create_secret_key()
    twin.stripe_deactivates(key)
    assert error_of(balance(twin, key))[1]["code"] == "api_key_expired"


def test_bytes_that_are_no_key_are_invalid_without_a_code(twin: StripeTwin) -> None:
    unknown = "sk_" + "test_" + "x" * 40
    sdk = stripe.StripeClient(unknown, base_addresses={"api": twin.url})
    status, error = error_of(sdk.v1.balance.retrieve)
    assert status == 401
    assert error == {"message": f"Invalid API Key provided: {unknown[:8]}*****{unknown[-6:]}", "type": "invalid_request_error"}
    assert error_of(lambda: stripe.StripeClient("short", base_addresses={"api": twin.url}).v1.balance.retrieve())[0] == 401
    assert raw(twin, "GET", "/v1/balance")[0] == 401


def test_an_access_policy_is_a_401_that_names_the_address_and_can_be_lifted(twin: StripeTwin) -> None:
    key = twin.create_secret_key()
    twin.attach_access_policy(key, ("203.0.113.0/28",))
    status, error = error_of(balance(twin, key))
    assert status == 401
    assert error["message"] == "The API key provided does not allow requests from your IP address (127.0.0.1)"
    assert "code" not in error
    assert twin.is_alive(key)
    twin.attach_access_policy(key, ("203.0.113.7", "127.0.0.0/8"))
    balance(twin, key)()


def test_a_stranger_is_told_from_us_by_the_address_that_he_comes_from(twin: StripeTwin) -> None:
    key = twin.create_secret_key()
    twin.attach_access_policy(key, ("127.0.0.1",))
    stranger = http.client.HTTPConnection("127.0.0.1", int(twin.url.rsplit(":", 1)[1]), 5, ("127.0.0.66", 0))
    stranger.request("GET", "/v1/balance", headers={"Authorization": f"Bearer {key.token.reveal()}"})
    answer = stranger.getresponse()
    assert (answer.status, b"(127.0.0.66)" in answer.read()) == (401, True)
    stranger.close()
    balance(twin, key)()
    assert [use.ip for use in twin.used(key)] == ["127.0.0.66", "127.0.0.1"]


def test_a_restricted_key_hears_which_permission_it_lacks_and_on_which_account(twin: StripeTwin) -> None:
    key = twin.create_restricted_key(("charge_write",))
    sdk = client(twin, key)
    sdk.v1.charges.list()
    lacking: list[tuple[Callable[[], object], str]] = [
        (sdk.v1.balance.retrieve, "rak_balance_read"),
        (sdk.v1.accounts.retrieve_current, "rak_accounts_kyc_basic_read"),
        (sdk.v1.accounts.list, "rak_connected_account_read"),
        (sdk.v1.topups.list, "rak_topup_read"),
        (sdk.v1.prices.list, "rak_plan_read"),
        (sdk.v1.reporting.report_runs.list, "rak_financial_statement_read"),
        (lambda: sdk.v1.customers.create({}), "rak_customer_write"),
    ]
    for act, permission in lacking:
        status, error = error_of(act)
        assert (status, error["code"]) == (403, "more_permissions_required")
        assert error["message"] == (
            f"The provided key '{shown(key)}' does not have the required permissions for this endpoint on account "
            f"'{twin.account}'. Having the '{permission}' permission would allow this request to continue."
        )
    assert isinstance(failure(sdk.v1.balance.retrieve), stripe.PermissionError)


def test_read_does_not_imply_write(twin: StripeTwin) -> None:
    key = twin.create_restricted_key(("charge_read",))
    assert error_of(lambda: client(twin, key).v1.refunds.create({"charge": "ch_1"}))[0] == 403


def test_narrowing_bites_after_a_while(twin: StripeTwin, clock: StillClock) -> None:
    key = twin.create_restricted_key(("balance_read",))
    twin.set_permissions(key, ("apple_pay_domain_read",))
    clock.forward(1.1)
    balance(twin, key)()
    clock.forward(0.2)
    assert error_of(balance(twin, key))[0] == 403


def test_basic_auth_works_and_publishable_keys_do_not(twin: StripeTwin) -> None:
    key = twin.create_secret_key()
    coded = base64.b64encode(f"{key.token.reveal()}:".encode()).decode()
    assert raw(twin, "GET", "/v1/balance", Authorization=f"Basic {coded}")[0] == 200
    assert raw(twin, "GET", "/v1/balance", Authorization="Basic !!")[0] == 401
    publishable = next(row for row in twin.all_keys() if row.kind is Kind.PUBLISHABLE)
    status, error = error_of(balance(twin, publishable))
    assert (status, error["code"]) == (403, "secret_key_required")
    with pytest.raises(ValueError, match="only rotated"):
        twin.expire_in_dashboard(publishable)


def test_an_organization_key_needs_context_and_version(twin: StripeTwin) -> None:
    key = twin.create_organization_key()
    assert key.token.reveal().startswith("sk_" + "org_test_")
    assert len(key.token.reveal()) > 200
    assert error_of(balance(twin, key))[0] == 400
    sdk = client(twin, key, stripe_context=f"org_x/{twin.account}")
    assert sdk.v1.accounts.retrieve_current().id == twin.account
    stranger = twin.open_account()
    status, error = error_of(balance(twin, key, stripe_context=stranger))
    assert (status, error["code"]) == (403, "account_invalid")
    assert stranger in error["message"]


def test_modes_and_accounts_are_worlds_apart(twin: StripeTwin) -> None:
    live, test = twin.create_secret_key(mode=Mode.LIVE), twin.create_secret_key(mode=Mode.TEST)
    client(twin, test).v1.customers.create({"email": "a@example.com"})
    assert client(twin, live).v1.balance.retrieve().livemode is True
    assert len(client(twin, live).v1.customers.list().data) == 0
    assert len(client(twin, test).v1.customers.list().data) == 1
    other = twin.create_secret_key(account=twin.open_account("acct_" + "1" * 16))
    assert client(twin, other).v1.accounts.retrieve_current().id == "acct_" + "1" * 16
    assert len(client(twin, other).v1.customers.list().data) == 0
    assert other not in twin.live_keys()


def test_tokens_have_the_modern_shape(twin: StripeTwin) -> None:
    token = twin.create_secret_key(mode=Mode.LIVE).token.reveal()
    body = token.removeprefix("sk_" + "live_")
    assert (len(token), body[0], body[1:17], body[89:91]) == (107, "5", twin.account.removeprefix("acct_"), "00")


def test_last_used_has_whole_seconds_and_dead_keys_leave_no_mark(twin: StripeTwin, clock: StillClock) -> None:
    key = twin.create_secret_key()
    assert key.last_used == 0
    clock.forward(10.7)
    balance(twin, key)()
    assert key.last_used == int(twin.now)
    twin.stripe_deactivates(key)
    clock.forward(5)
    error_of(balance(twin, key))
    assert key.last_used == int(twin.now) - 5


def test_uses_live_keys_and_strays_can_be_counted(twin: StripeTwin, clock: StillClock) -> None:
    old, new = twin.create_secret_key("old"), twin.create_secret_key("new")
    sdk = client(twin, old)
    sdk.v1.customers.create({"name": "x"}, {"idempotency_key": "k-1"})
    twin.expire_in_dashboard(old)
    clock.forward(3)
    error_of(sdk.v1.balance.retrieve)
    uses = twin.used(old)
    assert [(use.method, use.path, use.status) for use in uses] == [
        ("POST", "/v1/customers", 200),
        ("GET", "/v1/balance", 401),
    ]
    assert uses[0].idempotency_key == "k-1"
    assert uses[0].ip == "127.0.0.1"
    assert "Stripe/v1 PythonBindings" in uses[0].user_agent
    assert uses[0].request_id.startswith("req_")
    assert twin.used(old.token, since=twin.now) == uses[1:]
    assert twin.live_keys() == (new,)
    assert twin.strays(new.token) == ()
    assert twin.strays() == (new,)
    assert twin.calls == 2
    with pytest.raises(KeyError):
        twin.key("mk_unknown")


def test_nothing_that_can_be_printed_shows_a_token(twin: StripeTwin) -> None:
    key = twin.create_secret_key()
    on = twin.fate(faults.REFUSED, key=key)
    body = key.token.reveal()[8:]
    assert body not in f"{key!r} {key.token!r} {key.token} {twin.uses!r} {on!r}"


def test_one_seed_makes_one_world(clock: StillClock) -> None:
    def tokens(seed: int) -> list[str]:
        twin = StripeTwin(seed=seed, clock=clock)
        return [twin.account, twin.create_secret_key().token.reveal(), twin.create_app_key().id]

    assert tokens(5) == tokens(5)
    assert tokens(5) != tokens(6)
