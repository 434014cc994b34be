"""The key API: what an app may do, when it bites, and how a minted key is handed over."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ir.core.model import Mode
from ir.drill.twin import Key, Masking, StripeTwin, TwinSettings
from ir.drill.twin.permissions import ACCEPTED
from tests.worlds.twin_rig import PREVIEW, StillClock, app_client, balance, client, error_of, failure

pytestmark = pytest.mark.server
KEYS = "/v2/iam/api_keys"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def twin(clock: StillClock) -> Iterator[StripeTwin]:
    with StripeTwin(seed=11, clock=clock) as twin:
        yield twin


@pytest.fixture
def app(twin: StripeTwin) -> Key:
    return twin.create_app_key()


@pytest.fixture
def sdk(twin: StripeTwin, app: Key) -> stripe.StripeClient:
    return app_client(twin, app)


@pytest.fixture(scope="module")
def rsa() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def public(key: RSAPrivateKey) -> dict[str, Any]:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {"id": "mine", "pem_key": {"algorithm": "RSA", "data": pem}}


def post(sdk: stripe.StripeClient, path: str = "", **params: Any) -> dict[str, Any]:
    found = sdk.raw_request("post", KEYS + path, **params).data
    assert isinstance(found, dict)
    return found


def get(sdk: stripe.StripeClient, path: str = "", **params: Any) -> dict[str, Any]:
    found = sdk.raw_request("get", KEYS + path, **params).data
    assert isinstance(found, dict)
    return found


def mint(sdk: stripe.StripeClient, name: str = "ir-1", *permissions: str, **more: Any) -> dict[str, Any]:
    return post(sdk, type="secret_key", name=name, permissions=list(permissions) or ["balance_read"], **more)


def test_a_test_mode_mint_is_a_restricted_key_in_plain_text_that_works(twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    made = mint(sdk, "ir-1", "balance_read", "charge_write")
    token = made["secret_key"]["token"]
    assert token.startswith("rk_" + "test_")
    assert made["id"].startswith("mk_")
    assert (made["status"], made["livemode"], made["type"]) == ("active", False, "secret_key")
    assert made["permissions"] == ["balance_read", "charge_write"]
    assert made["managed_by"]["application"]["id"].startswith("ca_")
    balance(twin, twin.key(token))()
    assert get(sdk, f"/{made['id']}")["secret_key"]["token"] == token


def test_list_shows_every_key_of_account_and_mode_and_test_tokens_in_plain_text(twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    old = twin.create_secret_key("leaked")
    twin.create_secret_key("live", mode=Mode.LIVE)
    made = mint(sdk)
    rows = get(sdk)["data"]
    assert {row["name"] for row in rows} == {"leaked", "ir-1", "Publishable key"}
    assert next(row for row in rows if row["id"] == old.id)["secret_key"]["token"] == old.token.reveal()
    assert next(row for row in rows if row["type"] == "publishable_key")["publishable_key"]["token"].startswith("pk_")
    post(sdk, f"/{made['id']}/expire")
    assert {row["name"] for row in get(sdk)["data"]} == {"leaked", "Publishable key"}
    assert {row["status"] for row in get(sdk, include_expired=True)["data"]} == {"active", "expired"}


def test_pages_follow_next_page_url_and_are_at_most_100(twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    wanted = {mint(sdk, f"k{n}")["id"] for n in range(5)}
    page = sdk.deserialize(sdk.raw_request("get", KEYS, limit=2), api_mode="V2")
    assert isinstance(page, stripe.v2.ListObject)
    assert wanted < {row["id"] for row in page.auto_paging_iter()}
    assert str(page.next_page_url).startswith(f"{KEYS}?limit=2&page=")
    second = get(sdk, str(page.next_page_url).removeprefix(KEYS))
    assert get(sdk, second["previous_page_url"].removeprefix(KEYS))["data"] == get(sdk, limit=2)["data"]
    status, error = error_of(lambda: get(sdk, limit=200))
    assert (status, error["message"]) == (400, "limit: The maximum page limit is 100")
    assert error_of(lambda: get(sdk, limit=2, page="bad"))[0] == 400


@pytest.mark.parametrize("algorithm", ["RSA-OAEP", "RSA-OAEP-256"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_live_mint_is_sealed_to_the_callers_key_and_shown_once(algorithm: str, wrapped: bool, rsa: RSAPrivateKey) -> None:
    settings = TwinSettings(mode=Mode.LIVE, jwe_alg=algorithm, jwe_wrapped=wrapped)
    with StripeTwin(seed=12, settings=settings) as twin:
        sdk = app_client(twin, twin.create_app_key())
        made = mint(sdk, public_key=public(rsa), idempotency_key="mint-1")
        sealed = made["secret_key"]["encrypted_secret"]
        assert (sealed["format"], sealed["recipient_key_id"]) == ("jwe_compact", "mine")
        assert "token" not in made["secret_key"]
        compact = base64.b64decode(sealed["ciphertext"]).decode() if wrapped else sealed["ciphertext"]
        header, token = opened(compact, rsa)
        assert header == {"alg": algorithm, "enc": "A256GCM"}
        assert token.startswith("rk_" + "live_")
        assert client(twin, twin.key(token)).v1.balance.retrieve().livemode is True
        again = mint(sdk, public_key=public(rsa), idempotency_key="mint-1")
        for answer in (again, get(sdk, f"/{made['id']}"), get(sdk)["data"][0]):
            assert answer["id"] == made["id"]
            assert set(answer["secret_key"]) == {"secret_token_redacted"}
        rotated = post(sdk, f"/{made['id']}/rotate", public_key=public(rsa))
        assert "encrypted_secret" in rotated["secret_key"]


def opened(compact: str, key: RSAPrivateKey) -> tuple[dict[str, Any], str]:
    """Decrypt a compact JWE as RFC 7516 says, with no code of ours."""
    parts = compact.split(".")
    header, sealed_key, nonce, text, tag = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
    described = json.loads(header)
    digest = {"RSA-OAEP": SHA1(), "RSA-OAEP-256": SHA256()}[described["alg"]]  # noqa: S303 - that is what RSA-OAEP means
    content_key = key.decrypt(sealed_key, OAEP(MGF1(digest), digest, None))
    return described, AESGCM(content_key).decrypt(nonce, text + tag, parts[0].encode()).decode()


def test_live_mode_wants_a_good_public_key(rsa: RSAPrivateKey) -> None:
    with StripeTwin(settings=TwinSettings(mode=Mode.LIVE)) as twin:
        sdk = app_client(twin, twin.create_app_key())
        weak = public(generate_private_key(65537, 1024))  # noqa: S505 - weak on purpose
        for wrong in ({}, {"public_key": weak}, {"public_key": {"pem_key": {"algorithm": "RSA", "data": "x"}}}):
            assert error_of(lambda wrong=wrong: mint(sdk, **wrong))[0] == 400  # type: ignore[misc] # default binds the loop's value
        assert error_of(lambda: post(sdk, type="publishable_key", public_key=public(rsa)))[0] == 400
        assert twin.strays() == ()


def test_a_replayed_create_makes_nothing_and_hides_the_secret(twin: StripeTwin, sdk: stripe.StripeClient) -> None:
    first = mint(sdk, idempotency_key="k")
    again = sdk.raw_request("post", KEYS, type="secret_key", name="ir-1", permissions=["balance_read"], idempotency_key="k")
    assert again.data["id"] == first["id"]
    assert "token" not in again.data["secret_key"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(twin.strays()) == 1
    assert isinstance(failure(lambda: mint(sdk, "other", idempotency_key="k")), stripe.IdempotencyError)


def test_v2_does_failed_work_again(twin: StripeTwin, sdk: stripe.StripeClient, app: Key) -> None:
    twin.uninstall_app(app)
    assert error_of(lambda: mint(sdk, idempotency_key="k"))[0] == 403
    twin.install_app(app)
    mint(sdk, idempotency_key="k")


def test_expire_answers_at_once_and_bites_later(twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock) -> None:
    made = mint(sdk)
    key = twin.key(made["id"])
    assert post(sdk, f"/{made['id']}/expire")["status"] == "expired"
    clock.forward(2.9)
    balance(twin, key)()
    clock.forward(0.2)
    assert error_of(balance(twin, key))[1]["code"] == "api_key_expired"
    assert post(sdk, f"/{made['id']}/expire")["status"] == "expired"
    assert get(sdk, f"/{made['id']}")["status"] == "expired"


def test_rotate_without_minutes_gives_no_grace_and_a_new_id(twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock) -> None:
    old = mint(sdk, "ir-1", "balance_read", note="kept")
    new = post(sdk, f"/{old['id']}/rotate")
    assert new["id"] != old["id"]
    assert {name: new[name] for name in ("name", "note", "permissions", "managed_by")} == {
        name: old[name] for name in ("name", "note", "permissions", "managed_by")
    }
    status, error = error_of(lambda: get(sdk, f"/{old['id']}"))
    assert (status, error["code"]) == (404, "not_found")
    clock.forward(3)
    assert error_of(balance(twin, twin.key(old["secret_key"]["token"])))[0] == 401
    balance(twin, twin.key(new["id"]))()


def test_rotate_with_minutes_gives_grace(twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock) -> None:
    old = mint(sdk)
    post(sdk, f"/{old['id']}/rotate", expire_current_key_in_minutes=60)
    assert get(sdk, f"/{old['id']}")["expires_at"] == "2026-11-20T11:00:00.000Z"
    clock.forward(3600)
    balance(twin, twin.key(old["id"]))()
    clock.forward(3)
    assert error_of(balance(twin, twin.key(old["id"])))[0] == 401
    assert error_of(lambda: post(sdk, f"/{old['id']}/rotate", expire_current_key_in_minutes=10_081))[0] == 400


def test_narrowing_bites_in_about_a_second_and_an_empty_list_never(twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock) -> None:
    leaked = twin.create_secret_key()
    assert post(sdk, f"/{leaked.id}", permissions=[])["permissions"] is None
    clock.forward(5)
    balance(twin, leaked)()
    answered = post(sdk, f"/{leaked.id}", permissions=["apple_pay_domain_read"])
    assert answered["permissions"] == ["apple_pay_domain_read"]
    clock.forward(0.9)
    balance(twin, leaked)()
    clock.forward(0.6)
    assert error_of(balance(twin, leaked))[1]["code"] == "more_permissions_required"


def test_update_changes_names_only_when_they_say_something_and_knows_few_fields(sdk: stripe.StripeClient) -> None:
    made = mint(sdk)
    assert post(sdk, f"/{made['id']}", name="new", note="n")["name"] == "new"
    kept = post(sdk, f"/{made['id']}", name="", note="")
    assert (kept["name"], kept["note"]) == ("new", "n")
    for field, value in [("status", "expired"), ("ip_allowlist", ["10.0.0.1"])]:
        status, error = error_of(lambda field=field, value=value: post(sdk, f"/{made['id']}", **{field: value}))  # type: ignore[misc] # defaults bind the loop's values
        assert (status, error["message"]) == (400, f"Unknown field: {field}")


def test_only_known_permissions_can_be_given(sdk: stripe.StripeClient) -> None:
    assert len(ACCEPTED) == 158
    assert error_of(lambda: mint(sdk, "x", "rak_charge_read"))[0] == 400
    assert error_of(lambda: mint(sdk, "x", "connected_account_write"))[0] == 400


def test_version_context_and_app_are_needed(twin: StripeTwin, app: Key) -> None:
    ordinary, admin = twin.create_secret_key(), twin.create_restricted_key(("charge_read",))
    cases: list[tuple[Key, dict[str, str], int]] = [
        (app, {"stripe_version": "2026-10-28.endive", "stripe_context": twin.account}, 400),
        (app, {"stripe_version": PREVIEW}, 400),
        (app, {"stripe_version": PREVIEW, "stripe_context": "acct_other"}, 403),
        (ordinary, {"stripe_version": PREVIEW}, 403),
        (admin, {"stripe_version": PREVIEW}, 403),
    ]
    for key, options, status in cases:
        call: Callable[[], object] = lambda key=key, options=options: get(client(twin, key, **options))  # type: ignore[misc] # noqa: E731 - defaults bind the loop's values
        assert error_of(call)[0] == status


def test_an_uninstalled_app_hears_403_but_its_keys_live_on(twin: StripeTwin, sdk: stripe.StripeClient, app: Key) -> None:
    made = mint(sdk)
    twin.uninstall_app(app)
    status, error = error_of(lambda: get(sdk))
    assert (status, error["code"]) == (403, "account_invalid")
    assert "Application access may have been revoked." in error["message"]
    balance(twin, twin.key(made["id"]))()


def test_an_app_may_be_kept_from_keys_that_it_did_not_create(clock: StillClock) -> None:
    with StripeTwin(clock=clock, settings=TwinSettings(app_touches_foreign_keys=False)) as twin:
        leaked, sdk = twin.create_secret_key(), app_client(twin, twin.create_app_key())
        for act in ("/expire", "/rotate", ""):
            assert error_of(lambda act=act: post(sdk, f"/{leaked.id}{act}"))[0] == 403  # type: ignore[misc] # default binds the loop's value
        post(sdk, f"/{mint(sdk)['id']}/expire")
        assert leaked.id in {row["id"] for row in get(sdk)["data"]}


def test_last_used_has_whole_seconds(twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock) -> None:
    key = twin.create_secret_key()
    assert get(sdk, f"/{key.id}")["last_used"] is None
    clock.forward(1.7)
    balance(twin, key)()
    assert get(sdk, f"/{key.id}")["last_used"] == "2026-11-20T10:00:01.000Z"


@pytest.mark.parametrize(
    ("style", "start", "middle", "end"), [(Masking.STARS, 8, "*****", 6), (Masking.ELLIPSIS, 12, "…", 4), (Masking.DOTS, 8, "...", 4)]
)
def test_redacted_tokens_come_in_styles(style: Masking, start: int, middle: str, end: int) -> None:
    with StripeTwin(settings=TwinSettings(masking=style)) as twin:
        key, sdk = twin.create_secret_key(), app_client(twin, twin.create_app_key())
        token = key.token.reveal()
        redacted = get(sdk, f"/{key.id}")["secret_key"]["secret_token_redacted"]
        assert redacted == token[:start] + middle + token[-end:]


def test_a_key_can_be_born_with_its_end(twin: StripeTwin, sdk: stripe.StripeClient, clock: StillClock) -> None:
    made = mint(sdk, expires_at="2026-11-20T10:05:00Z")
    clock.forward(299)
    balance(twin, twin.key(made["id"]))()
    clock.forward(1)
    assert error_of(balance(twin, twin.key(made["id"])))[0] == 401
