"""Rules judge evidence: our own requests are none, one act is one act, and no verdict hangs on the second at which a log begins."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ir.core.model import Finding
from ir.ports import Reviewed
from ir.review.detect.rules import RuleParameters, load_rules
from ir.review.detect.run_rules import Hit
from ir.review.detect.window import Window
from ir.review.judge.coverage import SourceCoverage
from ir.review.judge.verdict import CANNOT, CONFIRMED, SUSPECTED, judge
from tests.unit.evidence_world import BEGIN, DAY, EXPOSED, FOREIGN, HOUR, UNTIL, Account, Row, ident

STRONG = ("high", "critical")


def call(
    n: int, ts: int, path: str, *, ip: str = FOREIGN, agent: str = "python-requests/2.32", method: str = "GET", status: int = 200
) -> Row:
    """A row of Stripe's log that is in no log of ours."""
    return {
        "created": ts, "request_id": f"req_Bad{n:06d}x", "method": method, "url": path, "status": status, "ip_address": ip, "user_agent": agent,
        "api_key": "mk_shop",
    }  # fmt: skip


def with_log(folder: Path, *rows: Row) -> Reviewed:
    """An account with everything, and these rows in Stripe's log besides."""
    folder.mkdir(exist_ok=True)
    return Account(folder).with_events().with_egress().with_requests(more=rows).reviewed()


def strong(found: Reviewed) -> list[str]:
    return sorted({f.rule for f in found.findings if f.severity in STRONG})


def rules(found: Reviewed) -> set[str]:
    return {f.rule for f in found.findings}


# ── our own requests are no evidence against us ──


def test_a_service_of_ours_that_moved_is_not_accused(tmp_path: Path) -> None:
    world = Account(tmp_path).with_events().with_egress()
    moved = [
        world.seen(n, ts) | ({"ip_address": FOREIGN, "user_agent": "Stripe/v1 GoBindings/80.1"} if ts >= EXPOSED else {})
        for n, ts in world.calls
    ]
    world.logs.append(world.write("requests.jsonl", moved))
    found = world.reviewed()
    assert not rules(found) & {"S-01", "S-02", "S-03", "S-10", "S-11", "S-13", "S-14", "N-01", "D-01"}
    unknown = Account(tmp_path / "b")
    unknown.folder.mkdir()
    unknown.with_events().logs.append(unknown.write("requests.jsonl", moved))
    assert {"S-01", "S-02"} <= rules(unknown.reviewed()), "without our logs it may be anybody"


def test_a_finding_tells_how_many_of_its_requests_are_ours_and_what_else_it_may_be(tmp_path: Path) -> None:
    pages = [call(n, EXPOSED + HOUR + n * 3, f"/v1/customers?limit=100&starting_after=cus_{n}") for n in range(60)]
    found = with_log(tmp_path, *pages)
    copied = next(f for f in found.findings if f.rule == "S-10")
    assert "0 of 50 cited requests are in our own logs" in copied.why and "may also be a new reporting job" in copied.usual


# ── requests that no log of ours holds ──


def copied(ip: str) -> Iterator[Row]:
    """Customers, a page an hour, at business hours, with our SDK."""
    for n, ts in enumerate(range(EXPOSED + HOUR, UNTIL - HOUR, HOUR)):
        yield call(n, ts + 77, f"/v1/customers?limit=100&starting_after=cus_{n}", ip=ip, agent="Stripe/v1 NodeBindings/18.1.0")


@pytest.mark.parametrize("ip", [FOREIGN, "203.0.113.9"], ids=["another network", "our own network"])
def test_customers_that_are_copied_slowly_are_told_by_our_own_logs(tmp_path: Path, ip: str) -> None:
    found = with_log(tmp_path, *copied(ip))
    assert "S-15" in strong(found) and found.verdicts["reads"] == SUSPECTED


def test_a_webhook_that_our_own_sdk_did_not_plant(tmp_path: Path) -> None:
    plant = call(1, EXPOSED + DAY, "/v1/webhook_endpoints", method="POST", ip="203.0.113.9", agent="Stripe/v1 NodeBindings/18.1.0")
    assert "S-15" in strong(with_log(tmp_path, plant))


def test_what_no_log_of_ours_holds_is_told_without_an_exposure_time(tmp_path: Path) -> None:
    """Also where the evidence reaches back further than the review."""
    world = Account(tmp_path).with_events().with_egress().with_requests(more=tuple(copied("203.0.113.9")))
    found = world.reviewed(exposed=0, since=BEGIN + 2 * DAY)
    assert "S-15" in strong(found) and found.verdicts["reads"] == SUSPECTED


def test_without_our_own_logs_reads_are_not_cleared(tmp_path: Path) -> None:
    """An attacker with our client and our address leaves rows like ours."""
    found = Account(tmp_path).with_events().with_requests(more=tuple(copied("203.0.113.9"))).reviewed()
    assert found.verdicts["reads"] == CANNOT and "no log of ours was given" in found.reasons["reads"][0]


def test_a_few_requests_of_nobody_keep_the_reads_open(tmp_path: Path) -> None:
    few = [
        call(n, EXPOSED + HOUR + n * 40, "/v1/customers/cus_1", ip="203.0.113.9", agent="Stripe/v1 NodeBindings/18.1.0") for n in range(2)
    ]
    found = with_log(tmp_path, *few)
    assert not strong(found) and found.verdicts["reads"] == CANNOT
    assert "2 requests in Stripe's log are in no log of ours" in found.reasons["reads"][0]


# ── no verdict depends on the second at which a log begins ──


def inspected(at: int) -> list[Row]:
    """Twelve lists in four minutes."""
    return [call(n, at + n * 20, f"/v1/{name}", status=403 if n % 2 else 200) for n, name in enumerate(
        ("customers", "charges", "payouts", "refunds", "invoices", "products", "prices", "coupons", "disputes", "events", "files", "transfers"))]  # fmt: skip


@pytest.mark.parametrize("moved", range(0, 300, 57))
def test_recon_is_seen_wherever_it_begins(tmp_path: Path, moved: int) -> None:
    found = with_log(tmp_path, *inspected(EXPOSED + 6 * HOUR + moved))
    assert "S-11" in strong(found) and found.verdicts["reads"] == SUSPECTED


def hits_of(rule: str, tmp_path: Path, **tables: list[Row]) -> int:
    """How many rows a rule names."""
    from ir.review.detect import rule_examples
    from ir.review.detect.rules import Example
    from ir.review.sql.engine import DuckDb

    one = next(found for found in load_rules() if found.id == rule)
    example = Example.model_validate({"name": "x", "match": True, **tables})
    engine = DuckDb(tmp_path, memory_limit="256MB", threads=1)
    try:
        return sum(hit.finding.count for hit in rule_examples.run_on(engine, one, example))
    finally:
        engine.close()


@pytest.mark.parametrize("moved", [0, 601, 1199, 1799, 2999, 3599])
def test_refunds_and_pages_count_the_same_wherever_the_hour_begins(tmp_path: Path, moved: int) -> None:
    refunds: list[Row] = [
        {"ts": 40_000 + moved + n * 300, "type": "refund.created", "id": f"evt_r{n}", "request_id": f"req_r{n}", "amount": 500}
        for n in range(8)
    ]
    assert hits_of("S-07", tmp_path, events=refunds) == 8
    pages: list[Row] = [
        {"ts": 40_000 + moved + n * 120, "own": 0, "request_id": f"req_p{n}", "key_id": "mk_1", "ip": FOREIGN, "verb": "read", "endpoint": "/v1/customers", "status": 200, "paged": 1, "page_size": 100}
        for n in range(24)
    ]  # fmt: skip
    assert hits_of("S-10", tmp_path, requests=pages) == 24


@pytest.mark.parametrize("moved", [0, 899, 1700])
def test_two_hands_are_seen_across_the_half_hour(tmp_path: Path, moved: int) -> None:
    ours: list[Row] = [
        {
            "ts": -86400,
            "own": 0,
            "request_id": "req_a{i}",
            "key_id": "mk_1",
            "agent": "stripe-node",
            "net": "10.0.0.0/24",
            "repeat": {"times": 50, "every": -9000},
        }
    ]
    ours += [{"ts": 40_000 + moved, "own": 0, "request_id": "req_b", "key_id": "mk_1", "agent": "stripe-node", "net": "10.0.0.0/24"}]
    theirs: Row = {
        "ts": 40_000 + moved + 1500,
        "own": 0,
        "request_id": "req_z",
        "key_id": "mk_1",
        "agent": "curl",
        "net": "198.51.100.0/24",
    }
    assert hits_of("S-03", tmp_path, requests=[*ours, theirs]) == 1
    assert hits_of("S-03", tmp_path, requests=[*ours, theirs | {"ts": 40_000 + moved + 1900}]) == 0


# ── rows that name nobody ──


def test_rows_with_neither_key_nor_address_are_not_one_principal(tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311 - no secret is made of it
    lists = [
        "customers",
        "charges",
        "payouts",
        "refunds",
        "invoices",
        "products",
        "prices",
        "coupons",
        "disputes",
        "events",
        "files",
        "plans",
    ]
    rows: list[Row] = [
        {"ts": 600 + chance.randrange(80_000), "own": 0, "request_id": f"req_n{n}", "verb": "read", "endpoint": f"/v1/{lists[n % 12]}", "status": 200, "paged": n % 2}
        for n in range(4000)
    ]  # fmt: skip
    assert hits_of("S-11", tmp_path, requests=rows) == 0 and hits_of("S-10", tmp_path, requests=rows) == 0


def test_one_change_of_addresses_does_not_hide_the_next_stranger(tmp_path: Path) -> None:
    base: list[Row] = [
        {
            "ts": -86400,
            "own": 0,
            "request_id": "req_a{i}",
            "key_id": "mk_1",
            "agent": "stripe-node",
            "net": "10.0.0.0/24",
            "repeat": {"times": 250, "every": -9000},
        }
    ]
    base += [
        {"ts": -400_000 + n, "own": 0, "request_id": f"req_n{n}", "key_id": "mk_1", "agent": "stripe-node", "net": f"10.7.{n}.0/24"}
        for n in range(60)
    ]
    stranger: Row = {"ts": 600, "own": 0, "request_id": "req_z", "key_id": "mk_1", "agent": "stripe-node", "net": "198.51.100.0/24"}
    assert hits_of("S-02", tmp_path, requests=[*base, stranger]) == 1


# ── money ──


def levels_of(rule: str, folder: Path, events: list[Row], *, egress: bool) -> set[str]:
    world = Account(folder).with_events()
    world.logs.append(world.write("more.jsonl", events))
    found = (world.with_egress() if egress else world).reviewed()
    return {f.severity for f in found.findings if f.rule == rule}


def refund(n: int, ts: int) -> Row:
    thing = {"id": f"re_{n}", "object": "refund", "amount": 5000, "currency": "usd"}
    return {"id": f"evt_r{n}", "object": "event", "type": "refund.created", "created": ts, "request": {"id": f"req_Ref{n:06d}", "idempotency_key": None}, "data": {"object": thing}}  # fmt: skip


def test_a_burst_in_events_alone_cannot_tell_whose_it_is(tmp_path: Path) -> None:
    burst = [refund(n, EXPOSED + DAY + n * 20) for n in range(30)]
    for name, egress, level in (("a", False, "medium"), ("b", True, "high")):
        (tmp_path / name).mkdir()
        assert level in levels_of("S-07", tmp_path / name, burst, egress=egress), name


@pytest.mark.parametrize("moved", range(0, 5400, 1300))
def test_tried_cards_count_the_same_wherever_the_hours_begin(tmp_path: Path, moved: int) -> None:
    """Eight cards in six hours, wherever a clock's slots lie."""
    tried: list[Row] = [
        {"ts": 40_000 + moved + n * 3000, "type": "charge.failed", "id": f"evt_c{n}", "request_id": f"req_c{n}", "amount": 900, "currency": "usd", "card": f"fp{n}", "card_group": "visa US prepaid"}
        for n in range(8)
    ]  # fmt: skip
    assert hits_of("S-05", tmp_path, events=tried) == 8


@pytest.mark.parametrize("moved", range(0, 3600, 700))
def test_customers_charged_the_same_count_wherever_the_hours_begin(tmp_path: Path, moved: int) -> None:
    """Ten customers in fifty-four minutes."""
    charged: list[Row] = [
        {"ts": 40_000 + moved + n * 360, "type": "charge.succeeded", "id": f"evt_c{n}", "request_id": f"req_c{n}", "amount": 50_000, "currency": "usd", "customer": f"cus_{n}"}
        for n in range(10)
    ]  # fmt: skip
    assert hits_of("S-06", tmp_path, events=charged) == 10


def test_many_writes_in_events_alone_are_medium(tmp_path: Path) -> None:
    made = [
        {"id": f"evt_m{n}", "object": "event", "type": "customer.updated", "created": EXPOSED + DAY + n * 6, "request": {"id": f"req_Mig{n:05d}", "idempotency_key": None}, "data": {"object": {"id": f"cus_{n}", "object": "customer"}}}
        for n in range(300)
    ]  # fmt: skip
    (tmp_path / "a").mkdir()
    assert levels_of("D-02", tmp_path / "a", made, egress=False) == {"medium"}
    for name in ("b", "c"):
        (tmp_path / name).mkdir()
    assert levels_of("D-02", tmp_path / "b", made, egress=True) == {"medium"}, "S-00 tells whose they are; a number accuses nobody"
    assert levels_of("S-00", tmp_path / "c", made, egress=True) == {"high"}


def payout(n: int, ts: int, *, automatic: bool, to: str = "ba_ours") -> Row:
    thing = {
        "id": f"po_{n}",
        "object": "payout",
        "amount": 500_000,
        "currency": "usd",
        "method": "standard",
        "automatic": automatic,
        "destination": to,
    }
    request = {"id": None if automatic else f"req_Pay{n:06d}", "idempotency_key": None}
    return {"id": f"evt_p{n}", "object": "event", "type": "payout.created", "created": ts, "request": request, "data": {"object": thing}}


def test_a_payout_to_where_the_automatic_ones_go_is_asked_about(tmp_path: Path) -> None:
    usual = [payout(n, BEGIN + n * DAY + 3600, automatic=True) for n in range(3)]
    for name, to, level in (("a", "ba_ours", "medium"), ("b", "ba_strange", "critical")):
        (tmp_path / name).mkdir()
        world = Account(tmp_path / name).with_events().with_egress()
        world.logs.append(world.write("more.jsonl", [*usual, payout(9, EXPOSED + DAY, automatic=False, to=to)]))
        found = world.reviewed()
        told = next(f for f in found.findings if f.rule == "S-08")
        assert told.severity == level and told.next_action.startswith("Ask finance")
        assert found.verdict != CONFIRMED, "one click is one act, however many rules name it"


# ── what adds up ──


def hit(rule: str, severity: str, *evidence: str) -> Hit:
    one = next(found for found in load_rules() if found.id == rule)
    finding = Finding(rule, severity, "t", "w", "u", 1, 2, len(evidence), tuple(evidence), (), "n")
    return Hit(finding, one, "x")


def verdicts(*hits: Hit) -> dict[str, str]:
    seen: dict[str, Any] = {name: SourceCoverage(rows=1, full=True) for name in ("events", "egress", "request-log", "activity")}
    window = Window(BEGIN, EXPOSED, UNTIL, EXPOSED, baseline=True)
    assert RuleParameters.of(window).baseline
    return judge(list(hits), seen, (), window, 0).verdicts


def test_confirmed_needs_other_evidence() -> None:
    assert verdicts(hit("S-08", "critical", "req_1", "evt_1"), hit("S-00", "high", "req_1", "evt_1"))["writes"] == SUSPECTED
    assert verdicts(hit("S-08", "critical", "req_1"), hit("S-00", "high", "req_2"))["writes"] == CONFIRMED
    assert verdicts(hit("S-08", "critical", "req_1", "req_2"))["writes"] == SUSPECTED, "one rule alone never confirms"


def test_two_sources_that_name_the_same_requests_add_up() -> None:
    both = verdicts(hit("S-00", "medium", "req_1", "req_2"), hit("S-02", "medium", "req_2"))
    assert both["writes"] == both["reads"] == SUSPECTED
    assert verdicts(hit("S-00", "medium", "req_1"), hit("S-02", "medium", "req_2"))["writes"] == CANNOT
    assert verdicts(hit("S-02", "medium", "req_1"), hit("S-15", "medium", "req_1"))["reads"] == CANNOT, "one log, one act"
    assert ident(1).startswith("req_")
