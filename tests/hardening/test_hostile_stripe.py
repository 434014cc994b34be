"""A Stripe that answers nonsense: wrong types everywhere, endless lists, other hosts. No sockets: the last inch of the wire is ours."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ir.adapters.issuers.key_api import KeyApi
from ir.clients.stripe_api import StripeApi, account_of, probe
from ir.clients.stripe_transport import PooledClient, Wire
from ir.core.errors import PortError, Rejected, Unknown
from ir.core.model import Liveness
from ir.core.secret import Secret
from ir.ports import ReviewRequest
from ir.review import StripeReviewer
from ir.review.collect.collector import Collector
from ir.review.collect.leftover_sweep import sweep_lists
from tests.sizes import examples

KEY = Secret("rk_" + "test_" + secrets.token_hex(24))
BASE = "http://127.0.0.1:9"
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from([-1, 0, 2**63, 99_999_999_999_999, 1e308, -0.5]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\0", "9" * 400, "acct_1/../x", "2026-99-99", "0001-01-01T00:00:00+14:00", "{{ 7*7 }}", "\ud800", "list", "req_1"]
    ),
)
WORDS = re.findall(
    r"\w+",
    "id object data has_more next_page_url error type code message created livemode request reason account secret_key token status "
    "secret_token_redacted encrypted_secret ciphertext name permissions connect_permissions last_used percent_off automatic method "
    "amount currency url enabled_events destination webhook_endpoint related_object changes action actor details",
)
ANSWERS = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6), max_leaves=25
)
ROWS = st.dictionaries(st.sampled_from(WORDS), ANSWERS, max_size=10)
BODIES = st.one_of(
    ANSWERS,
    ROWS,
    st.fixed_dictionaries({"data": st.lists(ROWS, max_size=3)}, optional={"has_more": ODD, "next_page_url": ODD}),
    st.fixed_dictionaries({"error": ROWS}),
    st.fixed_dictionaries({"data": st.lists(ROWS.map(lambda row: {**row, "type": "secret_key"}), max_size=3)}),
).map(lambda body: json.dumps(body).encode())
RAW = st.one_of(
    BODIES,
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"9" * 100_000,
            b'{"created": 1e999}',
            b'{"created": NaN}',
            b"\xff\xfe{\0}\0",
            b"\xef\xbb\xbf{}",
        ]
    ),
)


class Nonsense:
    """What stands for Stripe: gives the next of some answers, then the last one for ever."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def __call__(self, _client: PooledClient, method: str, url: str, _headers: dict[str, str], _body: bytes | None, _watch: object) -> Wire:
        self.asked.append(f"{method} {url}")
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Wire(status, body, {"request-id": "req_1"})


@pytest.fixture(scope="module", autouse=True)
def no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _seconds: None)
        yield


def answered(*answers: tuple[int, bytes]) -> tuple[StripeApi, Nonsense]:
    stripe = Nonsense(*answers)
    PATCH.setattr(PooledClient, "_exchange", lambda client, *rest: stripe(client, *rest))
    return StripeApi(BASE), stripe


PATCH = pytest.MonkeyPatch()


@pytest.fixture(scope="module", autouse=True)
def put_back() -> Iterator[None]:
    yield
    PATCH.undo()


def page(rows: list[object], **more: object) -> tuple[int, bytes]:
    return 200, json.dumps({"object": "list", "data": rows, **more}).encode()


@given(st.sampled_from([200, 302, 400, 401, 403, 404, 500]), RAW)
@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_trips_what_asks_about_keys(status: int, body: bytes) -> None:
    api, _ = answered((status, body))
    seen = probe(api, KEY)
    if status not in (401, 403):
        assert seen.liveness in (Liveness.UNKNOWN, Liveness.ALIVE)
    keys = KeyApi(api, "acct_1", lambda: KEY)
    for call in (
        lambda: account_of(api, KEY),
        lambda: list(keys.every(KEY)),
        lambda: keys.one("mk_1", KEY),
        lambda: keys.create({"name": "n"}, "idem"),
        lambda: keys.expire("mk_1"),
        lambda: keys.permit("mk_1", ("charge_read", "connect:charge_read")),
    ):
        with suppress(PortError):
            call()


@given(BODIES)
@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_trips_the_review(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    api, _ = answered((200, body))
    pages = tmp_path_factory.mktemp("pages")
    collector = Collector(api, KEY, pages, rate=1e9)
    until = int(time.time())
    for read in (collector.events(until - 3600, until), collector.thin_events(1), collector.activity(1)):
        assert read.rows < 1000
    sweep_lists(collector, 1, "acct_1", ("https://ours.example/hook",), lambda _: None)


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": ["x"], "type": {"a": 1}, "created": "yesterday", "data": [], "request": 7, "livemode": "no"}],
        [{"id": "evt_2", "type": "payout.created", "created": 99_999_999_999, "data": {"object": {"id": "po_1", "amount": -(10**25)}}}],
        [{"id": "evt_3", "type": "charge.succeeded\x00\x1b[31m", "created": -5, "data": {"object": "x" * 100_000}}],
    ],
)
def test_a_review_of_odd_events_ends_with_a_verdict(tmp_path: Path, rows: list[object]) -> None:
    api, stripe = answered(page(rows, has_more=True, next_page_url="/v2/again"))
    now = time.time()
    request = ReviewRequest(
        account="acct_1",
        api_base=BASE,
        since=now - 2 * 86400,
        until=now,
        exposed_at=now - 3600,
        budget=0.0,
        review_key=KEY,
        key_fingerprint="",
        key_id="",
        scratch=str(tmp_path),
    )
    reviewed = StripeReviewer(api).review(request, lambda _: None)
    assert reviewed.verdict
    assert not reviewed.complete, "a list that never ends was called complete"
    assert len(stripe.asked) < 1000


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v2",
        "//evil.example/v2",
        "@evil.example/v2",
        ".evil.example",
        "80/v2",
        "http://[",
        "\\\\evil.example",
        7,
        ["/v2"],
    ],
)
def test_a_next_page_elsewhere_gets_no_key(tmp_path: Path, url: object) -> None:
    api, stripe = answered(page([{"id": "1", "created": "2026-01-01T00:00:00Z"}], next_page_url=url))
    with pytest.raises(Rejected, match="another host"):
        list(KeyApi(api, "acct_1", lambda: KEY).every())
    read = Collector(api, KEY, tmp_path, rate=1e9).thin_events(1)
    assert (read.rows, len(stripe.asked)) == (1, 2)
    assert "another host" in read.why
    assert all(asked.startswith(f"GET {BASE}/v2/") for asked in stripe.asked)


def test_an_answer_that_the_sdk_trips_over_after_a_write_is_unknown() -> None:
    """It may have happened: never taken for a refusal, and never for an earlier answer."""
    for body in (b"\xff\xfe", b"[" * 100_000, b'{"error": [1]}\xff'):
        api, _ = answered((200, b'{"id": "mk_of_before"}'))
        assert api.get(KEY, "/v1/x").body["id"] == "mk_of_before"
        api, _ = answered((200, body))
        with pytest.raises(Unknown):
            api.post(KEY, "/v2/iam/api_keys", {"name": "n"})
    api, _ = answered((400, b'{"error": [1]}'))
    assert api.post(KEY, "/v2/iam/api_keys").error is None
