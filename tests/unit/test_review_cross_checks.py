"""Sources check each other: exports of another key, filtered, sampled, of another clock, or half unreadable clear nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.evidence_world import BEGIN, EXPOSED, HOUR, UNTIL, Account, Row, source

NONE, CANNOT = "none seen within coverage", "cannot tell"


def shop(folder: Path) -> Account:
    """Own calls of which every other one is a read, in our own log; events of the others."""
    folder.mkdir(exist_ok=True)
    world = Account(folder)
    mine = [world.own(n, ts) | ({"method": "GET", "url": "https://api.stripe.com" + where(n)} if n % 2 else {}) for n, ts in world.calls]
    world.egress.append(world.write("egress.jsonl", mine))
    calls, world.calls = world.calls, world.calls[::2]
    world.with_events()
    world.calls = calls
    return world


def where(n: int) -> str:
    """The path of a read of ours."""
    return "/v1/customers" if n % 4 == 1 else "/v1/prices"


def rows(world: Account) -> list[Row]:
    """Stripe's whole request log of it."""
    return [world.seen(n, ts) | ({"method": "GET", "url": where(n)} if n % 2 else {}) for n, ts in world.calls]


def another_key(all_of_it: list[Row]) -> list[Row]:
    return [row | {"request_id": f"req_Other{n:06d}x1", "api_key": "mk_other"} for n, row in enumerate(all_of_it)]


def writes_alone(all_of_it: list[Row]) -> list[Row]:
    return [row for row in all_of_it if row["method"] == "POST"]


def one_resource(all_of_it: list[Row]) -> list[Row]:
    return [row for row in all_of_it if row["url"] != "/v1/customers"]


def every_fifth(all_of_it: list[Row]) -> list[Row]:
    return all_of_it[::5]


def two_rows(all_of_it: list[Row]) -> list[Row]:
    """As many as a page shows that was not scrolled, and nothing between them."""
    return [all_of_it[0], all_of_it[-1]]


def another_zone(all_of_it: list[Row]) -> list[Row]:
    return [row | {"created": row["created"] - 2 * HOUR} for row in all_of_it]


def untimed(all_of_it: list[Row]) -> list[Row]:
    return [row | ({} if n % 4 else {"created": "yesterday"}) for n, row in enumerate(all_of_it)]


def torn(all_of_it: list[Row]) -> list[Any]:
    return [*all_of_it, *['{"created": 17'] * 12]


def own_api(all_of_it: list[Row]) -> list[Row]:
    """An API of ours whose paths are Stripe's."""
    return [{k: v for k, v in row.items() if k != "request_id"} | {"ip_address": f"91.20.3.{n % 250}"} for n, row in enumerate(all_of_it)]


def test_the_whole_log_clears_reads(tmp_path: Path) -> None:
    world = shop(tmp_path)
    world.logs.append(world.write("requests.jsonl", rows(world)))
    found = world.reviewed()
    assert found.verdicts["reads"] == NONE and found.verdicts["writes"] == NONE


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (another_key, "none of our own"),
        (writes_alone, "only writes: it was filtered"),
        (one_resource, "reads of /v1/customers: it was filtered"),
        (every_fifth, "a sample, or of one key among several"),
        (two_rows, ""),
        (another_zone, "2.0 h behind our own log's"),
        (untimed, "no readable time"),
        (torn, "12 lines of it could not be read"),
        (own_api, "none of our own"),
    ],
)
def test_part_of_a_log_or_the_log_of_something_else_clears_no_reads(tmp_path: Path, made: Any, why: str) -> None:
    world = shop(tmp_path)
    world.logs.append(world.write("requests.jsonl", made(rows(world))))
    found = world.reviewed()
    assert found.verdicts["reads"] == CANNOT
    assert any(why in reason for reason in found.reasons["reads"]), found.reasons["reads"]


def test_a_log_of_one_key_among_several_is_compared_by_that_key(tmp_path: Path) -> None:
    world = shop(tmp_path)
    keyed = [
        world.own(n, ts) | {"method": "GET" if n % 2 else "POST", "api_key": "mk_shop" if n % 3 else "mk_jobs"} for n, ts in world.calls
    ]
    world.egress = [world.write("egress.jsonl", keyed)]
    world.logs.append(world.write("requests.jsonl", [row for n, row in enumerate(rows(world)) if n % 3]))
    assert world.reviewed().verdicts["reads"] == NONE


def test_a_request_log_that_lacks_most_of_a_quiet_shops_requests_clears_no_reads(tmp_path: Path) -> None:
    world = Account(tmp_path, calls=[(n, BEGIN + n * 35_640) for n in range(13)])
    world.with_events().with_egress()
    world.logs.append(world.write("requests.jsonl", [world.seen(n, ts) for n, ts in world.calls if n in (0, 12)]))
    found = world.reviewed()
    assert found.verdicts["reads"] == CANNOT and "of our own" in found.reasons["reads"][0]


def test_our_own_log_of_another_time_zone_clears_no_writes(tmp_path: Path) -> None:
    world = Account(tmp_path).with_events()
    world.egress.append(world.write("egress.jsonl", [world.own(n, ts - 5 * HOUR) for n, ts in world.calls]))
    found = world.reviewed()
    assert found.verdicts["writes"] == CANNOT and "5.0 h behind Stripe's" in found.reasons["writes"][0]
    assert not [f for f in found.findings if f.severity in ("high", "critical")]


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (X11; Linux x86_64)", "Stripe/v1 PythonBindings/15.2.0 ir/1.0"])
@pytest.mark.parametrize("url", ["/v1/customers?limit=100&starting_after=cus_1", "/v1/customers"])
def test_what_a_client_calls_itself_hides_no_reads(tmp_path: Path, agent: str, url: str) -> None:
    """Also from our own address; what it says of itself is written by whoever holds the key."""
    world = shop(tmp_path)
    stranger = [
        world.seen(n, EXPOSED + 600 + n * 1200) | {"request_id": f"req_Evil{n:06d}x1", "method": "GET", "url": url, "user_agent": agent}
        for n in range(90)
    ]
    known = [world.seen(n, BEGIN + n * HOUR) | {"request_id": f"req_Desk{n:06d}x1", "api_key": "", "method": "GET", "url": "/v1/customers", "user_agent": "Mozilla/5.0"} for n in range(80)]  # fmt: skip
    world.logs.append(world.write("requests.jsonl", [*rows(world), *known, *stranger]))
    found = world.reviewed()
    assert found.verdicts["reads"] != NONE
    evil = {row["request_id"] for row in stranger}
    assert any(evil & set(f.evidence) for f in found.findings)


def test_the_tools_own_look_at_the_key_is_no_strangers(tmp_path: Path) -> None:
    world = shop(tmp_path)
    looks = [world.seen(n, EXPOSED + 600 + n * 60) | {"request_id": f"req_Look{n:06d}x1", "method": "GET", "url": "/v1/balance", "user_agent": "Stripe/v1 PythonBindings/15.2.0 ir/1.0"} for n in range(30)]  # fmt: skip
    world.logs.append(world.write("requests.jsonl", [*rows(world), *looks]))
    assert world.reviewed().verdicts["reads"] == NONE


def test_a_stranger_since_before_the_evidence_begins_is_not_cleared(tmp_path: Path) -> None:
    """Nobody knows since when, and half of the key's requests are not ours."""
    world = shop(tmp_path)
    theirs = [world.seen(n, BEGIN + 300 + n * 1800) | {"request_id": f"req_Long{n:06d}x1", "method": "GET", "url": "/v1/customers"} for n in range((UNTIL - BEGIN) // 1800)]  # fmt: skip
    world.logs.append(world.write("requests.jsonl", [*rows(world), *theirs]))
    found = world.reviewed(exposed=0)
    assert found.verdicts["reads"] != NONE, source(found, "request-log")


def test_a_few_reads_with_a_key_that_is_hardly_used_are_not_cleared(tmp_path: Path) -> None:
    """Too few requests for a share of them to tell anything; the stranger does as we do."""
    world = Account(tmp_path, calls=[(n, BEGIN + n * 35_640) for n in range(13)])
    world.with_events().with_egress()
    theirs = [world.seen(n, EXPOSED + 600 + n * 5 * HOUR) | {"request_id": f"req_Few{n:06d}x1", "method": "GET", "url": "/v1/customers"} for n in range(4)]  # fmt: skip
    world.with_requests(more=tuple(theirs))
    found = world.reviewed()
    assert found.verdicts["reads"] != NONE and "in no log of ours" in " ".join(found.reasons["reads"])
