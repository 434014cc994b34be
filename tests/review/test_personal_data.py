"""People in an account: what a review keeps of them is ids, unless it was asked for more."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest

from ir.drill.twin import StripeTwin
from ir.ports import Reviewed
from ir.review.ingest.personal_data import person, without_people
from tests.review.test_review_stripe import DAY, asked, plant_event, reading, reviewer

pytestmark = pytest.mark.server
PEOPLE = ("Jane", "Roe", "jane.roe@example.org", "221B Baker Street", "NW1 6XE", "+44 20 7946 0958", "Moriarty", "prof@evil.example")
BILLING = {
    "name": "Jane Roe",
    "email": "jane.roe@example.org",
    "phone": "+44 20 7946 0958",
    "address": {"line1": "221B Baker Street", "postal_code": "NW1 6XE", "city": "London"},
}


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=4) as twin:
        yield twin


def crowded(twin: StripeTwin, folder: Path) -> dict[str, object]:
    """An account full of people, and logs that name them; returns what to ask with."""
    made = twin.now - 3600
    for n in range(12):
        plant_event(
            twin,
            "charge.succeeded",
            created=made + n,
            request=f"req_evil{n:04d}",
            id=f"ch_{n}",
            object="charge",
            amount=500,
            currency="usd",
            customer={"id": f"cus_{n}", "object": "customer", **BILLING} if n % 2 else f"cus_{n}",
            billing_details=BILLING,
            receipt_email="jane.roe@example.org",
            description="for Jane Roe, 221B Baker Street",
            metadata={"ship_to": "Jane Roe", "Moriarty": "prof@evil.example"},
            payment_method_details={
                "card": {"fingerprint": f"fp{n}", "brand": "visa", "country": "GB", "funding": "credit", "name": "Jane Roe"}
            },
            failure_code="Jane Roe",
            status="jane.roe@example.org",
            shipping={"name": "Jane Roe"},
        )
        plant_event(twin, "customer.updated", created=made + n, request=None, id=f"cus_{n}", object="customer", **BILLING)
    twin.plant_activity(
        "user_invite_created",
        {"type": "user", "user": {"email": "prof@evil.example"}},
        {"type": "user_invite", "user_invite": {"user_email": "jane.roe@example.org"}},
        created=made,
    )
    twin.plant("webhook_endpoints", created=made, url="https://evil.example/hook", description="Jane Roe", status="enabled")
    twin.plant("accounts", created=made, email="prof@evil.example", business_profile={"name": "Moriarty"}, individual=BILLING)
    twin.plant("payouts", created=made, method="instant", status="pending", amount=5, currency="usd", destination={"id": "ba_1", **BILLING})
    rows = [
        {"ts": made + n, "request_id": f"req_own{n}", "method": "POST", "path": "/v1/customers", "customer": "Jane Roe"} for n in range(5)
    ]
    rows.append(rows[0] | {"customer": "jane.roe@example.org", "request_id": "req_own9", "error": "no such customer: Jane Roe"})
    lines = [*map(json.dumps, rows), '{"torn": "Jane Roe, 221B Baker Street", "request_id": "req_torn1"', "Jane Roe jane.roe@example.org"]
    (folder / "egress.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "history.csv").write_text(
        "Date,User,Action,Object,Details,IP address\n"
        "2026-11-18 12:00:02,Moriarty,Api key created,Jane Roe,made by Moriarty for Jane Roe,198.51.100.7\n"
        "2026-11-18 12:00:03,prof@evil.example,User invited,jane.roe@example.org,Jane Roe,198.51.100.7\n"
    )
    thing = {"id": "ch_filed", "object": "charge", "customer": {"id": "cus_filed", **BILLING}, "failure_code": "Jane Roe", **BILLING}
    filed = {"id": "evt_filed", "object": "event", "type": "charge.failed", "created": int(made), "data": {"object": thing}}
    (folder / "archive.jsonl").write_text(json.dumps({**filed, "request": {"id": "req_filed1", "idempotency_key": "Jane Roe"}}) + "\n")
    (folder / "torn.json").write_text('[{"actor": "Jane Roe"}, {"actor": "Moriarty"')
    return {
        "egress": (str(folder / "egress.jsonl"),),
        "logs": tuple(str(folder / name) for name in ("history.csv", "torn.json", "archive.jsonl")),
    }


def everything(reviewed: Reviewed, scratch: Path) -> str:
    """All that is left of a review: what becomes facts, and every file; Parquet by its values."""
    parts = [json.dumps(asdict(reviewed))]
    for path in scratch.rglob("*"):
        if path.suffix == ".parquet":
            parts.append(str(duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()))
        elif path.is_file():
            parts.append(path.read_bytes().decode("latin-1"))
    return "\n".join(parts)


@pytest.mark.parametrize(("whole", "named"), [(False, False), (True, False), (True, True)])
def test_names_and_addresses_are_kept_only_when_asked_for(whole: bool, named: bool, twin: StripeTwin, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    given = crowded(twin, tmp_path / "given")
    request = asked(twin, tmp_path / "scratch", reading(twin), since=twin.now - 20 * DAY, personal_data=whole, named=named, **given)
    reviewed = reviewer(twin).review(request, lambda _: None)
    left = everything(reviewed, tmp_path / "scratch")
    assert "evt_filed" in left and "cus_3" in left and "ch_3" in left and "req_torn1" in left and "198.51.100.7" in left, (
        "ids and network addresses stay"
    )
    results = json.dumps(asdict(reviewed)).lower()
    assert ("prof@evil.example" in results) is named
    assert named or [one for one in PEOPLE if one.lower() in results] == [], "what is recorded can never be purged"
    if whole:
        assert "221B Baker Street" in left
        return
    assert [one for one in PEOPLE if one.lower() in left.lower()] == []
    assert person("prof@evil.example") in left, "who acted can still be told by whoever has the list of the team"
    swept = reviewer(twin).sweep(request, lambda _: None).rows
    money = reviewer(twin).money(request, lambda _: None)
    assert swept and money
    assert [one for one in PEOPLE if one.lower() in json.dumps([swept, money]).lower()] == []


def test_of_a_record_only_what_the_review_reads_is_kept() -> None:
    record = {
        "id": "evt_1",
        "type": "customer.updated",
        "created": 1,
        "request": {"id": "req_1", "idempotency_key": "order of Jane Roe"},
        "data": {"object": {"id": "cus_1", "object": "customer", "name": "Jane"}, "previous_attributes": {"email": "jane.roe@example.org"}},
        "surprise": "Jane Roe",
    }
    assert without_people(record) == {
        "id": "evt_1",
        "type": "customer.updated",
        "created": 1,
        "request": {"id": "req_1", "idempotency_key": person("order of Jane Roe")},
        "data": {"object": {"id": "cus_1", "object": "customer"}, "previous_attributes": {"email": None}},
    }
    assert without_people({"data": None, "request": "req_1", "actor": "Jane Roe"}) == {"data": None, "request": "req_1", "actor": ""}
    assert person("mk_1Abc") == "mk_1Abc" and person("") == ""
    assert person(" Jane.Roe@Example.org ") == person("jane.roe@example.org") != person("jane")
