"""What answers mean, and what is refused before anything is sent. No sockets."""

import secrets
import subprocess
import sys

import pytest

from ir.clients.stripe_answer import StripeResponse, account_named, probe_of
from ir.clients.stripe_api import StripeApi, probe
from ir.core.errors import Refused, Rejected
from ir.core.model import Json, Liveness, Mode
from ir.core.secret import Secret

KEY = "rk_" + "live_" + secrets.token_hex(24)
MASKED = KEY[:8] + "*****" + KEY[-6:]
NARROW = (
    f"The provided key '{MASKED}' does not have the required permissions for this endpoint on account "
    "'acct_1AbCdEf'. Having the {} permission would allow this request to continue."
)


def answer(status: int, message: str = "", code: str = "", **headers: str) -> StripeResponse:
    error: Json = {"type": "invalid_request_error", "message": message}
    if code:
        error["code"] = code
    return StripeResponse(status, {"error": error}, "req_1", headers)


@pytest.mark.parametrize(
    ("given", "liveness"),
    [
        (StripeResponse(200, {"object": "balance", "livemode": True}, "", {}), Liveness.ALIVE),
        (StripeResponse(200, {}, "", {}), Liveness.ALIVE),
        (answer(401, f"Expired API Key provided: {MASKED}", "api_key_expired"), Liveness.EXPIRED),
        (answer(401, "", "platform_api_key_expired"), Liveness.EXPIRED),
        (answer(401, f"Invalid API Key provided: {MASKED}"), Liveness.INVALID),
        (answer(401, "The API key provided does not allow requests from your IP address (1.2.3.4)."), Liveness.BLOCKED),
        (answer(401, "This request was blocked by an access policy."), Liveness.BLOCKED),
        (answer(403, "Blocked by the access policy of this key."), Liveness.BLOCKED),
        (answer(403, NARROW.format("'rak_balance_read'"), "more_permissions_required"), Liveness.NARROW),
        (answer(403, NARROW.format("'rak_balance_read'")), Liveness.NARROW),
        (answer(429, "", "rate_limit"), Liveness.UNKNOWN),
        (answer(500), Liveness.UNKNOWN),
        (answer(400, "Organization API keys require the Stripe-Context header."), Liveness.UNKNOWN),
        (answer(404), Liveness.UNKNOWN),
        (StripeResponse(401, {"message": "Unauthorized"}, "", {}), Liveness.UNKNOWN),
        (StripeResponse(401, {"error": "unauthorized"}, "", {}), Liveness.UNKNOWN),
        (StripeResponse(401, {}, "", {}), Liveness.UNKNOWN),
        (StripeResponse(403, {"error": {}}, "", {}), Liveness.UNKNOWN),
        (StripeResponse(302, {}, "", {}), Liveness.UNKNOWN),
    ],
)
def test_what_an_answer_says_of_a_key(given: StripeResponse, liveness: Liveness) -> None:
    assert probe_of(given).liveness is liveness


def test_a_probe_reads_mode_account_and_permission() -> None:
    assert probe_of(StripeResponse(200, {"livemode": True}, "req_9", {})).mode is Mode.LIVE
    assert probe_of(StripeResponse(200, {"livemode": False}, "req_9", {})).mode is Mode.TEST
    for quoted in ("'rak_balance_read'", "`balance_read`", '"balance_read"'):
        seen = probe_of(answer(403, NARROW.format(quoted)))
        assert (seen.account, seen.missing_permission, seen.request_id) == ("acct_1AbCdEf", "balance_read", "req_1")
    assert account_named(answer(401, "acct_1AbCdEf")) == ""


def test_answers_do_not_show_what_they_hold() -> None:
    held = StripeResponse(200, {"secret_key": {"token": KEY}}, "req_1", {"x": KEY})
    assert KEY not in repr(held)
    for text in (f"Invalid API Key provided: {MASKED}, {KEY}", f"key {KEY[:11]}, backwards {KEY[::-1]}, {KEY.replace('_', '%5F')}"):
        assert answer(401, text).reason == "HTTP 401"
    assert answer(403, NARROW.format("'rak_balance_read'")).reason == "HTTP 403 needs balance_read"


@pytest.mark.parametrize("text", ["", "a b", "line\nbreak", "schl\u00fcssel", "k\r\nX-Header: 1", "\x00"])
def test_what_cannot_be_a_header_is_never_sent(text: str) -> None:
    api = StripeApi("http://127.0.0.1:9")
    with pytest.raises(Rejected):
        api.get(Secret(text), "/v1/balance")
    assert probe(api, Secret(text)).liveness is Liveness.UNKNOWN


@pytest.mark.parametrize("base", ["https://example.org", "http://api.stripe.com", "http://10.0.0.1", "", "https://api.stripe.com@x"])
def test_a_key_goes_to_stripe_or_loopback_only(base: str) -> None:
    with pytest.raises(ValueError, match="api_base"):
        StripeApi(base)


def test_only_paths_are_called() -> None:
    api = StripeApi("http://127.0.0.1:9")
    for path in ("//example.org/v1", "@example.org/v1", "http://example.org/", ".example.org"):
        with pytest.raises(Rejected):
            api.get(Secret(KEY), path)


def test_a_next_page_stays_on_its_host() -> None:
    api = StripeApi("http://127.0.0.1:9")
    assert api.next_page({"next_page_url": None}) == ""
    assert api.next_page({"next_page_url": "/v2/iam/api_keys?page=2"}) == "/v2/iam/api_keys?page=2"
    assert api.next_page({"next_page_url": "http://127.0.0.1:9/v2/x?page=2"}) == "/v2/x?page=2"
    for url in ("https://example.org/v2/x", "http://127.0.0.1:10/v2/x", "//example.org/v2/x", "https://127.0.0.1:9/v2"):
        with pytest.raises(Rejected):
            api.next_page({"next_page_url": url})


def test_stripe_log_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_LOG", "debug")
    with pytest.raises(Refused, match="STRIPE_LOG"):
        StripeApi()


def test_the_sdk_is_not_loaded_before_it_is_needed() -> None:
    modules = "ir.clients.stripe_api, ir.core.key_kind, ir.adapters.issuers"
    code = f"import sys, {modules}; sys.exit('stripe' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
