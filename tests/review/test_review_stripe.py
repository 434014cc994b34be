"""The reviewer against a Stripe on loopback: collectors, honesty about what it could not read, sweep, money."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.clients.stripe_api import StripeApi
from ir.core.errors import Refused, Unknown
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin
from ir.ports import ReviewRequest
from ir.review import StripeReviewer

pytestmark = pytest.mark.server
DAY = 86400.0
READS = tuple(
    f"{name}_read"
    for name in [
        "event",
        "charge",
        "payment_intent",
        "customer",
        "payout",
        "transfer",
        "top_up",
        "webhook",
        "payment_links",
        "product",
        "plan",
        "coupon",
        "promotion_code",
        "file",
        "connected_account",
        "subscription",
        "invoice",
        "checkout_session",
        "issuing_card",
        "activity_log",
    ]
)


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=3) as twin:
        yield twin


def asked(twin: StripeTwin, scratch: Path, key: Secret | None, **more: object) -> ReviewRequest:
    now = twin.now
    given: dict[str, object] = {
        "account": twin.account,
        "api_base": twin.url,
        "since": now - 20 * DAY,
        "until": now,
        "exposed_at": now - DAY,
        "budget": 0.0,
        "review_key": key,
        "key_fingerprint": "",
        "key_id": "",
        "scratch": str(scratch),
    }
    return ReviewRequest(**(given | more))  # type: ignore[arg-type]  # the test names fields


def reviewer(twin: StripeTwin) -> StripeReviewer:
    return StripeReviewer(StripeApi(twin.url), memory_limit="256MB")


def plant_event(twin: StripeTwin, kind: str, *, created: float, request: str | None, **thing: object) -> str:
    made = twin.plant(
        "events",
        created=created,
        type=kind,
        livemode=False,
        request={"id": request, "idempotency_key": None},
        data={"object": thing},
    )
    return str(made["id"])


def reading(twin: StripeTwin) -> Secret:
    return Secret(twin.create_secret_key("review").token.reveal())


def test_events_of_the_api_become_findings_with_money(twin: StripeTwin, tmp_path: Path) -> None:
    for n in range(250):
        plant_event(
            twin,
            "charge.succeeded",
            created=twin.now - 15 * DAY + n * 4000,
            request=None,
            id=f"ch_a{n}",
            object="charge",
            amount=900,
            currency="usd",
        )
    ids = [
        plant_event(
            twin,
            "charge.succeeded",
            created=twin.now - 7200 + n,
            request=f"req_evil{n:06d}",
            id=f"ch_{n}",
            object="charge",
            amount=500,
            currency="jpy",
            customer=f"cus_{n}",
        )
        for n in range(40)
    ]
    reviewed = reviewer(twin).review(asked(twin, tmp_path, reading(twin)), lambda _: None)
    assert len(ids) == 40
    sweep = next(f for f in reviewed.findings if f.rule == "S-06")
    assert sweep.severity == "medium", "events alone cannot tell whose they are"
    assert sweep.count == 40
    assert sweep.money == ({"currency": "jpy", "amount": 20_000},)
    events = next(row for row in reviewed.coverage if row["source"] == "events")
    assert events["rows"] >= 290
    assert reviewed.verdicts["writes"] == "cannot tell"
    assert reviewed.verdicts["reads"] == "cannot tell"
    assert (tmp_path / "affected.csv").read_text().count("cus_") == 40
    assert reviewed.blast_radius["money"][0]["shown"] == "20,000 JPY"


def test_without_egress_logs_writes_cannot_be_cleared(twin: StripeTwin, tmp_path: Path) -> None:
    reviewed = reviewer(twin).review(asked(twin, tmp_path, reading(twin)), lambda _: None)
    assert reviewed.verdict == "cannot tell"
    assert reviewed.verdicts["writes"] == "cannot tell"
    assert not reviewed.complete
    egress = next(row for row in reviewed.coverage if row["source"] == "egress")
    assert egress["rows"] == 0
    assert "ours" in egress["blind_to"]


def test_a_refused_key_is_no_evidence_of_innocence(twin: StripeTwin, tmp_path: Path) -> None:
    dead = Secret("rk_" + "test_" + secrets.token_hex(24))
    with pytest.raises(Unknown, match="no source at all"):
        reviewer(twin).review(asked(twin, tmp_path, dead), lambda _: None)


def test_a_source_that_is_forbidden_is_said(twin: StripeTwin, tmp_path: Path) -> None:
    narrow = twin.create_restricted_key(("event_read",), "narrow")
    reviewed = reviewer(twin).review(asked(twin, tmp_path, Secret(narrow.token.reveal())), lambda _: None)
    objects = next(row for row in reviewed.coverage if row["source"] == "objects")
    assert any("webhook_endpoint" in gap["why"] and "403" in gap["why"] for gap in objects["gaps"])


def test_the_leaked_key_is_never_used_for_reading(twin: StripeTwin, tmp_path: Path) -> None:
    leaked = reading(twin)
    calls = twin.calls
    with pytest.raises(Refused, match="leaked key itself"):
        reviewer(twin).review(asked(twin, tmp_path, leaked, key_fingerprint=leaked.fingerprint), lambda _: None)
    assert twin.calls == calls


def test_sweep_lists_what_was_made_after_the_exposure(twin: StripeTwin, tmp_path: Path) -> None:
    ours, old = "https://shop.example.com/hook", "https://old.example.com/hook"
    foreign = twin.plant("webhook_endpoints", created=twin.now - 3600, url="https://collect.example.net/x", enabled_events=["*"])
    twin.plant("webhook_endpoints", created=twin.now - 3600, url=ours, enabled_events=["*"])
    twin.plant("webhook_endpoints", created=twin.now - 10 * DAY, url=old, enabled_events=["*"])
    half = twin.plant("coupons", created=twin.now - 3600, percent_off=50, duration="once")
    free = twin.plant("coupons", created=twin.now - 3600, percent_off=100, duration="once")
    request = asked(twin, tmp_path, reading(twin), known_webhooks=(ours,))
    left = reviewer(twin).sweep(request, lambda _: None).rows
    ids = {str(row["id"]): row for row in left}
    assert foreign["id"] in ids
    assert ids[str(foreign["id"])]["severity"] == "critical"
    assert str(foreign["id"]) in ids[str(foreign["id"])]["undo"]
    assert free["id"] in ids
    assert half["id"] not in ids
    assert len(ids) == 2
    reviewed = reviewer(twin).review(request, lambda _: None)
    assert reviewed.verdict == "suspected" or reviewed.verdict == "confirmed"
    assert {str(row["id"]) for row in reviewed.leftovers} == set(ids)


def test_a_key_that_somebody_made_is_left_behind_until_somebody_deletes_it(twin: StripeTwin, tmp_path: Path) -> None:
    def key_entry(kind: str, created: float) -> None:
        details = {"type": "api_key", "api_key": {"id": "mk_foreign", "ip_allowlist": []}}
        twin.plant_activity(kind, {"type": "user", "user": {"email": "x@example.net"}}, details, created=created)

    request = asked(twin, tmp_path, reading(twin), since=twin.now - 2 * DAY, exposed_at=twin.now - 40 * DAY)
    key_entry("api_key_created", twin.now - 35 * DAY)
    swept = reviewer(twin).sweep(request, lambda _: None)
    assert "mk_foreign" in {row["id"] for row in swept.rows}, "however long ago the exposure was"
    assert "api_key_created" in swept.looked
    key_entry("api_key_deleted", twin.now - 60)
    swept = reviewer(twin).sweep(request, lambda _: None)
    assert "mk_foreign" not in {row["id"] for row in swept.rows}


def test_money_that_can_still_be_stopped(twin: StripeTwin, tmp_path: Path) -> None:
    by_hand = twin.plant(
        "payouts",
        created=twin.now - 60,
        amount=700_000,
        currency="usd",
        method="instant",
        automatic=False,
        status="pending",
        destination="card_1",
        arrival_date=int(twin.now) + 1800,
    )
    twin.plant(
        "payouts",
        created=twin.now - 60,
        amount=900,
        currency="usd",
        method="standard",
        automatic=True,
        status="pending",
        destination="ba_1",
    )
    twin.plant(
        "payouts", created=twin.now - 90, amount=900, currency="usd", method="standard", automatic=False, status="paid", destination="ba_1"
    )
    moving = reviewer(twin).money(asked(twin, tmp_path, reading(twin)), lambda _: None)
    assert [row["id"] for row in moving] == [by_hand["id"]]
    assert f"/v1/payouts/{by_hand['id']}/cancel" in moving[0]["undo"]
    assert f"https://dashboard.stripe.com/test/payouts/{by_hand['id']}" in moving[0]["undo"]
    assert "instant, arrives 20" in moving[0]["why"]
    assert moving[0]["money"] == [{"currency": "usd", "amount": 700_000}]


def test_a_budget_reads_the_newest_first_and_says_what_it_left_out(twin: StripeTwin, tmp_path: Path) -> None:
    for n in range(300):
        plant_event(
            twin,
            "charge.succeeded",
            created=twin.now - 19 * DAY + n * 5000,
            request=None,
            id=f"ch_{n}",
            object="charge",
            amount=900,
            currency="usd",
        )
    request = asked(twin, tmp_path, reading(twin), budget=1.0, exposed_at=twin.now - 18 * DAY)
    reviewed = reviewer(twin).review(request, lambda _: None)
    events = next(row for row in reviewed.coverage if row["source"] == "events")
    assert any("time was up" in gap["why"] for gap in events["gaps"]), events
    assert reviewed.verdicts["writes"] == "cannot tell"


def test_nothing_that_was_written_down_holds_the_key(twin: StripeTwin, tmp_path: Path) -> None:
    key = reading(twin)
    plant_event(
        twin,
        "charge.succeeded",
        created=twin.now - 60,
        request=None,
        id="ch_1",
        object="charge",
        description=f"key {key.reveal()} card 4242 4242 4242 4242",
    )
    reviewer(twin).review(asked(twin, tmp_path, key), lambda _: None)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    for file in files:
        held = file.read_bytes()
        assert key.reveal().encode() not in held
        assert b"4242 4242" not in held
