"""Nobody knows when the key got out: the review proposes a time, says what follows, and claims no more than that."""

from pathlib import Path
from typing import Any

import pytest

from ir.core.caller_group import CallerGroup
from ir.core.model import Json
from ir.incident import irreversible
from ir.incident.facts import Facts
from ir.incident.record import Incident
from ir.ports import Reviewed
from ir.review.judge.verdict import Judged, at_most_suspected
from ir.review.present.json_document import next_steps
from tests.unit.evidence_world import BEGIN, DAY, FOREIGN, HOUR, UNTIL, Account, Row
from tests.unit.test_review_judging import call

LATE = BEGIN + 4 * DAY + 5 * HOUR
LISTS = ("customers", "charges", "balance", "payouts", "events")
NONE, CANNOT, SUSPECTED = "none seen within coverage", "cannot tell", "suspected"


def looked_around(at: int = LATE, *, refused: bool = True, **who: Any) -> list[Row]:
    """Five reads within a second, and a refused account."""
    rows = [call(n, at, f"/v1/{name}?limit=1", **who) for n, name in enumerate(LISTS, 1)]
    return [*rows, call(9, at + 1, "/v1/accounts", method="POST", status=403, **who)] if refused else rows


def account(folder: Path, *rows: Row, egress: bool = False) -> Account:
    """3,000 quiet requests in Stripe's log, and these rows besides."""
    folder.mkdir(exist_ok=True)
    world = Account(folder, calls=[(n, BEGIN + n * 144) for n in range(3000)]).with_events()
    if egress:
        world.with_egress()
    return world.with_requests(more=rows)


def high(found: Reviewed) -> list[str]:
    return sorted(f.rule for f in found.findings if f.severity in ("high", "critical"))


def test_a_stranger_who_tries_something_dangerous_is_suspected(tmp_path: Path) -> None:
    found = account(tmp_path, *looked_around()).reviewed(exposed=0)
    assert found.verdict == SUSPECTED and not found.exposed and high(found) == ["S-16"]
    assert found.proposed_at == LATE and abs(found.score - 65) < 10
    first = found.proposed[0]
    assert first["requests"] == 6 and first["of"] == 3006 and first["at"] == LATE and len(first["evidence"]) == 6
    assert first["who"] == "python-requests 2.32 from 198.51.100.0/24" and first["follows"][0].startswith("S-16 high")
    assert "6 of 3,006 requests" in first["said"] and "if these are not yours, the key was out by then" in first["said"]
    strong = [f for f in found.findings if f.rule in ("S-16", "N-02")]
    assert all(f.proposed for f in strong) and NONE not in found.verdicts.values()
    assert any(row["timestamp_desc"] == "Exposure (proposed)" for row in found.timeline)
    assert found.blast_radius["requests"] == 0 and not found.complete


def test_a_stranger_who_only_looked_leaves_it_open(tmp_path: Path) -> None:
    found = account(tmp_path, *looked_around(refused=False), egress=True).reviewed(exposed=0)
    assert found.verdict == CANNOT and not high(found) and set(found.verdicts.values()) == {CANNOT}
    assert "python-requests 2.32 from 198.51.100.0/24 came late" in found.reasons["reads"][0]
    assert found.proposed[0]["follows"] == [] and found.proposed_at == LATE
    assert "--ours 'python-requests/2.32@198.51.100.0/24'" in next_steps(found)[0]


def test_a_proposed_time_alone_never_confirms_and_never_calls_it_quiet() -> None:
    """Whatever the rules would say if the proposed time were known."""
    undated = Judged(NONE, dict.fromkeys(("writes", "reads", "account"), NONE), {"writes": []}, 0.0, {})
    proposed = Judged("confirmed", {"writes": "confirmed", "reads": NONE, "account": SUSPECTED}, {}, 85.0, {"S-16": 85.0})
    found = at_most_suspected(undated, proposed, [{"who": "curl", "new": "client"}])
    assert found.verdict == SUSPECTED
    assert found.verdicts == {"writes": SUSPECTED, "reads": CANNOT, "account": SUSPECTED}


def test_that_a_group_is_new_counts_once(tmp_path: Path) -> None:
    """Client, network, country, first use beside ours: with an exposure time these are four findings; here they set the time."""
    found = account(tmp_path, *looked_around(refused=False)).reviewed(exposed=0)
    assert {f.rule for f in found.findings} == {"N-02"} and found.score == 5


@pytest.mark.parametrize("said", ["python-requests/2.32@198.51.100.0/24", "python-requests@198.51.100.77/32", "*@198.51.0.0/16"])
def test_a_group_that_a_person_calls_ours_is_not_proposed_again(tmp_path: Path, said: str) -> None:
    other = looked_around(LATE - DAY, refused=False, ip="192.0.2.9", agent="curl/8.5.0")
    world = account(tmp_path, *looked_around(), *[{**row, "request_id": f"{row['request_id']}2"} for row in other])
    assert [row["who"].partition(" ")[0] for row in world.reviewed(exposed=0).proposed] == ["python-requests", "curl"]
    found = world.reviewed(exposed=0, ours=(said,))
    assert [row["who"] for row in found.proposed] == ["curl 8.5.0 from 192.0.2.0/24"] and found.verdict == CANNOT and not high(found)


@pytest.mark.parametrize("text", ["curl", "curl@", "@10.0.0.0/8", "*@*", "curl@10.0.0.300", "curl@nowhere", "curl/x@10.0.0.1"])
def test_what_names_no_group_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a group is|would call|does not appear"):
        CallerGroup.parse(text)


def test_a_deploy_is_no_change_point_and_a_stranger_on_its_day_is(tmp_path: Path) -> None:
    def upgraded(rows: list[Row]) -> list[Row]:
        return [row | ({"user_agent": "Stripe/v1 NodeBindings/19.0.0"} if int(row["created"]) >= LATE - 600 else {}) for row in rows]

    def moved(rows: list[Row]) -> list[Row]:
        return [row | ({"ip_address": "192.0.2.50"} if int(row["created"]) >= LATE - 600 else {}) for row in rows]

    for name, change in (("upgrade", upgraded), ("move", moved)):
        old = "Stripe/v1 NodeBindings/18.1.0"
        staying = [call(5000 + n, ts, "/v1/charges", method="POST", agent=old) for n, ts in enumerate(range(LATE, UNTIL, HOUR))]
        for strangers in ([], looked_around(refused=False, agent=old), staying):
            folder = tmp_path / f"{name}{len(strangers)}"
            folder.mkdir()
            world = Account(folder, calls=[(n, BEGIN + n * 144) for n in range(3000)])
            rows = change([world.seen(n, ts) for n, ts in world.calls]) + strangers
            world.logs.append(world.write("requests.jsonl", rows))
            proposed = world.reviewed(exposed=0).proposed
            assert len(proposed) == bool(strangers), (name, proposed)
            assert not proposed or "198.51.100.0/24" in proposed[0]["who"]


def test_a_kind_of_call_that_the_key_never_made_is_a_change_point(tmp_path: Path) -> None:
    plant = call(1, LATE, "/v1/webhook_endpoints", method="POST", ip="203.0.113.9", agent="Stripe/v1 NodeBindings/18.1.0")
    found = account(tmp_path, plant).reviewed(exposed=0)
    assert found.proposed[0]["group"] == "stripe-node/18.1.0@203.0.113.0/24#/v1/webhook_endpoints" and found.verdict == CANNOT
    assert not account(tmp_path / "b", plant).reviewed(exposed=0, ours=(found.proposed[0]["group"],)).proposed


def test_our_own_new_service_is_none(tmp_path: Path) -> None:
    """Its ids stand in our own log."""
    world = Account(tmp_path, calls=[(n, BEGIN + n * 144) for n in range(3000)]).with_events().with_egress()
    rows = [world.seen(n, ts) | ({"ip_address": FOREIGN, "user_agent": "curl/8"} if ts >= LATE else {}) for n, ts in world.calls]
    world.logs.append(world.write("requests.jsonl", rows))
    assert not world.reviewed(exposed=0).proposed


def test_without_a_request_log_events_propose(tmp_path: Path) -> None:
    strange = [
        {"id": f"evt_s{n}", "object": "event", "type": "refund.created", "created": LATE + n * 9, "livemode": True,
         "request": {"id": f"req_Strange{n:04d}", "idempotency_key": None}, "data": {"object": {"id": f"re_{n}", "object": "refund", "amount": 500, "currency": "usd"}}}
        for n in range(30)
    ]  # fmt: skip
    world = Account(tmp_path, calls=[(n, BEGIN + n * 144) for n in range(3000)]).with_events()
    world.logs.append(world.write("more.jsonl", strange))
    found = world.reviewed(exposed=0)
    assert found.proposed[0]["group"] == "none@events" and found.proposed_at == LATE
    assert not world.reviewed(exposed=0, ours=("none@events",)).proposed


def test_with_an_exposure_time_nothing_is_proposed(tmp_path: Path) -> None:
    found = account(tmp_path, *looked_around()).reviewed(exposed=LATE - HOUR)
    assert not found.proposed and not found.proposed_at and not any(f.proposed for f in found.findings)
    assert found.verdict == SUSPECTED and "S-16" in high(found)


# ── refused attempts ──


def test_what_was_never_used_and_is_refused_is_high_and_what_our_service_fails_at_is_nothing(tmp_path: Path) -> None:
    refused = call(1, LATE, "/v1/refunds", method="POST", status=403)
    assert "S-16" in high(account(tmp_path / "a", refused).reviewed(exposed=LATE - DAY))
    used = call(2, LATE, "/v1/charges", method="POST", status=400)
    found = account(tmp_path / "b", used).reviewed(exposed=LATE - DAY)
    assert [f.severity for f in found.findings if f.rule == "S-16"] == ["medium"]
    own = call(3, LATE, "/v1/refunds", method="POST", status=400, ip="203.0.113.9", agent="Stripe/v1 NodeBindings/18.1.0")
    assert not [f for f in account(tmp_path / "c", own).reviewed(exposed=LATE - DAY).findings if f.rule == "S-16"]


# ── rare but regular ──


def visits(begin: int, period: int, times: int) -> list[Row]:
    return [
        call(100 * n + m, begin + n * period + (n * 37) % 900 + m, f"/v1/charges?page={m}", ip="192.0.2.7", agent="python-requests/2.31")
        for n in range(times)
        for m in range(3)
    ]


@pytest.mark.parametrize(("every", "period", "times", "days"), [("day", DAY, 5, 5), ("week", 7 * DAY, 5, 30), ("month", 30 * DAY, 3, 70)])
def test_a_rare_consumer_is_named_and_not_proposed(tmp_path: Path, every: str, period: int, times: int, days: int) -> None:
    begin = UNTIL - days * DAY + 3 * HOUR
    folder = tmp_path / every
    folder.mkdir()
    world = Account(folder, calls=[(n, UNTIL - days * DAY + n * 300) for n in range(days * 288)])
    found = world.with_requests(more=tuple(visits(begin, period, times))).reviewed(exposed=0, since=UNTIL - days * DAY)
    (one,) = found.regular
    assert one["every"] == every and one["visits"] == times and one["who"] == "python-requests from 192.0.2.0/24"
    assert abs(one["due"] - (begin + times * period)) < 2 * HOUR + (period == 30 * DAY) * DAY
    assert not found.proposed


def test_a_person_is_asked_about_rare_consumers_before_the_kill() -> None:
    said = "python-requests from 192.0.2.0/24 comes about once a week: 15 requests in 5 visits, next due 2026-12-01 03:00 UTC"
    row: Json = {"said": said, "key": "mk_shop", "every": "week"}
    facts: Facts = {"old": {"id": "mk_shop"}, "review": {"regular": [row, {**row, "key": "mk_other", "said": "other"}]}}
    record = Incident(facts=facts, opened={"key": "payments", "options": {}})
    asked = irreversible.to_kill(record).warning
    assert said in asked and "Does it have the replacement?" in asked and "other" not in asked
