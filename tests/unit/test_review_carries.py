"""A source covers what its rows can carry: other logs, exports of other things, holes and wrong clocks clear nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.evidence_world import BEGIN, DAY, EXPOSED, HOUR, UNTIL, Account, ident, iso, source

NONE, CANNOT = "none seen within coverage", "cannot tell"
EVERY = range(BEGIN, UNTIL, 900)


def kernel(ts: int, n: int) -> str:
    return f"{iso(ts)} host kernel: [{n}.1] eth0: link is up"


def vpc(ts: int, _: int) -> str:
    return f"2 123456789010 eni-1235 10.0.1.5 54.187.1.9 443 49152 6 10 840 {ts} {ts + 60} ACCEPT OK"


def web_server(ts: int, n: int) -> str:
    return f'91.20.3.{n % 250} - - [{iso(ts)}] "GET /checkout/{n} HTTP/1.1" 200 512 "-" "Mozilla/5.0"'


def web_api(ts: int, n: int) -> dict[str, Any]:
    return {
        "time": ts,
        "remote_addr": f"91.20.3.{n % 250}",
        "method": "GET",
        "path": f"/v1/orders/{n}",
        "status": 200,
        "user_agent": "Mozilla/5.0",
    }


def our_proxy(ts: int, n: int) -> str:
    return f'10.0.0.1 - - [{iso(ts)}] "POST /v1/charges HTTP/1.1" 200 123 "-" "Stripe/v1 NodeBindings/18" id="{ident(n)}"'


def our_proxy_outside(ts: int, n: int) -> str:
    return our_proxy(ts, n).replace("10.0.0.1", "203.0.113.9")


def our_log(ts: int, n: int) -> dict[str, Any]:
    return {"time": ts, "method": "POST", "path": "/v1/charges", "status": 200, "request_id": ident(n)}


def logs_tail(ts: int, n: int) -> dict[str, Any]:
    return {
        "livemode": True,
        "method": "GET",
        "url": "/v1/customers",
        "status": 200,
        "request_id": ident(n),
        "created_at": ts,
        "error": None,
    }


def only_ids(ts: int, n: int) -> dict[str, Any]:
    return {"time": ts, "request_id": ident(n)}


@pytest.mark.parametrize(
    ("row", "looks"),
    [
        (kernel, "some other log"),
        (vpc, "some other log"),
        (web_server, "a web server's own log"),
        (web_api, "a web server's own log"),
        (our_proxy, "our own proxy"),
        (our_proxy_outside, "our own proxy"),
        (our_log, "no addresses"),
        (logs_tail, "stripe logs tail"),
        (only_ids, "a log of request ids"),
    ],
)
def test_a_log_of_something_else_clears_no_reads_and_is_named(tmp_path: Path, row: Any, looks: str) -> None:
    world = Account(tmp_path).with_events().with_egress()
    world.logs.append(world.write("given.log", [row(ts, n) for n, ts in enumerate(EVERY)]))
    found = world.reviewed()
    assert found.verdicts == {"writes": NONE, "reads": CANNOT, "account": CANNOT}
    told = source(found, "request-log")
    assert looks in told["blind_to"] and "View request logs" in told["blind_to"] and told["answers"] == []
    assert looks in found.reasons["reads"][0]


def test_the_payments_export_is_no_request_log(tmp_path: Path) -> None:
    world = Account(tmp_path).with_events().with_egress()
    day = [f"ch_3Aa{n:07d},Order,{iso(ts)[:10]} {iso(ts)[11:19]},10.00,usd,Paid,cus_Aa{n}" for n, ts in enumerate(EVERY)]
    world.logs.append(world.write("payments.csv", ["id,Description,Created (UTC),Amount,Currency,Status,Customer ID", *day]))
    found = world.reviewed()
    assert found.verdicts["reads"] == CANNOT and "an export of payments" in source(found, "request-log")["blind_to"]


def test_stripes_request_log_clears_reads(tmp_path: Path) -> None:
    found = Account(tmp_path).with_events().with_egress().with_requests().reviewed()
    assert found.verdicts["reads"] == NONE and source(found, "request-log")["answers"] == ["reads"]
    assert source(found, "events")["answers"] == ["writes"] and source(found, "egress")["answers"] == ["whose writes"]


@pytest.mark.parametrize("alone", [True, False])
def test_a_request_log_with_a_hole_clears_no_reads(tmp_path: Path, alone: bool) -> None:
    world = Account(tmp_path)
    if not alone:
        world.with_events().with_egress()
    found = world.with_requests(gone=range(EXPOSED + HOUR, UNTIL - HOUR)).reviewed()
    assert found.verdicts["reads"] == CANNOT
    (hole,) = [gap for gap in source(found, "request-log")["gaps"] if gap["to"]]
    assert hole["from"] <= EXPOSED + 2 * HOUR and hole["to"] >= UNTIL - 2 * HOUR


def test_one_row_with_a_wrong_clock_covers_nothing(tmp_path: Path) -> None:
    ahead = Account(tmp_path / "a")
    ahead.folder.mkdir()
    late = ahead.seen(9999, UNTIL + 500 * DAY)
    found = ahead.with_events().with_egress().with_requests(gone=range(EXPOSED, UNTIL), more=(late,)).reviewed()
    assert found.verdicts["reads"] == CANNOT
    told = source(found, "request-log")
    assert told["to"] < EXPOSED and any("after the end of the review" in gap["why"] and "2028" in gap["why"] for gap in told["gaps"])
    near = Account(tmp_path / "b")
    near.folder.mkdir()
    found = near.with_requests(gone=range(EXPOSED, UNTIL), more=(near.seen(9999, UNTIL - 60),)).reviewed()
    assert found.verdicts["reads"] == CANNOT, "one row at the end does not fill a day"


def test_an_archive_of_events_with_a_hole_clears_no_writes(tmp_path: Path) -> None:
    found = Account(tmp_path).with_events(gone=range(EXPOSED + HOUR, UNTIL - 2 * HOUR)).with_egress().reviewed()
    assert found.verdicts["writes"] == CANNOT
    assert any("missing from the archive" in gap["why"] for gap in source(found, "events")["gaps"])


def test_an_archive_without_events_of_our_own_writes_has_a_hole_there(tmp_path: Path) -> None:
    world = Account(tmp_path).with_events(gone=range(EXPOSED + HOUR, UNTIL - 2 * HOUR)).with_egress()
    other = [{"id": f"evt_x{n:08x}", "object": "event", "type": "product.updated", "created": ts, "request": {"id": None}, "data": {"object": {"id": "prod_1"}}} for n, ts in enumerate(EVERY)]  # fmt: skip
    world.logs.append(world.write("other.jsonl", other))
    found = world.reviewed()
    assert found.verdicts["writes"] == CANNOT, "the archive itself is never silent"
    none = Account(tmp_path / "none")
    none.folder.mkdir()
    none.with_egress().logs.append(none.write("other.jsonl", other))
    found = none.reviewed()
    assert any("successful POST /v1/charges have no event" in gap["why"] for gap in source(found, "events")["gaps"])
    assert found.verdicts["writes"] == CANNOT


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (lambda ts, n: f"stripe {ident(n)} ok", "no readable times"),
        (lambda ts, n: f"{iso(ts)} stripe POST /v1/charges 200", "no request id of Stripe"),
    ],
)
def test_our_own_traffic_is_no_attack_where_our_log_tells_too_little(tmp_path: Path, line: Any, why: str) -> None:
    world = Account(tmp_path).with_events()
    world.egress.append(world.write("app.log", [line(ts, n) for n, ts in world.calls if not EXPOSED + HOUR <= ts < EXPOSED + 7 * HOUR]))
    found = world.reviewed()
    assert found.verdict == CANNOT and why in found.reasons["writes"][0]
    assert not [f for f in found.findings if f.severity in ("high", "critical")]


def test_six_hours_that_are_missing_from_our_log_are_told_with_the_share(tmp_path: Path) -> None:
    found = Account(tmp_path).with_events().with_egress(gone=range(EXPOSED + HOUR, EXPOSED + 7 * HOUR)).reviewed()
    assert found.verdict == CANNOT and not [f for f in found.findings if f.rule == "S-00"]
    assert "83.3%" in found.reasons["writes"][0] and "95 %" in found.reasons["writes"][0]


def test_every_third_line_that_is_missing_accuses_nobody(tmp_path: Path) -> None:
    world = Account(tmp_path).with_events()
    world.egress.append(world.write("app.jsonl", [world.own(n, ts) for n, ts in world.calls if n % 3]))
    found = world.reviewed()
    assert found.verdict == CANNOT and "66.7%" in found.reasons["writes"][0]


def test_strangers_writes_are_still_told_where_our_log_is_whole(tmp_path: Path) -> None:
    world = Account(tmp_path).with_events().with_egress()
    theirs = [
        {"id": f"evt_bad{n}", "object": "event", "type": "refund.created", "created": EXPOSED + DAY + n * 30, "request": {"id": f"req_Bad{n:06d}x", "idempotency_key": None},
         "data": {"object": {"id": f"re_{n}", "object": "refund", "amount": 5000, "currency": "usd"}}}
        for n in range(40)
    ]  # fmt: skip
    world.logs.append(world.write("theirs.jsonl", theirs))
    found = world.reviewed()
    assert found.verdicts["writes"] in ("suspected", "confirmed")
    assert [f for f in found.findings if f.rule == "S-00" and f.severity == "high"]
