"""More forms in which times and requests come: zones by sign and by name, no seconds, rows of queries, lines inside fields."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ir.review.ingest import envelopes
from tests.unit.test_review_forms import NOON, Desk, ident

HELD = {"method": "POST", "path": "/v1/charges", "status": 200}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


TIMES = {
    "2026-11-18 14:00:00+02": 0,
    "2026-11-18 14:00:00 UTC+2": 0,
    "2026-11-18 17:30:00 UTC+5:30": 0,
    "Wed Nov 18 2026 14:00:00 GMT+0200 (Central European Summer Time)": 0,
    "11/18/2026 01:00:00PM": 3600,
    "11/18/2026, 1:00:00\u202fPM": 3600,
    "11/18/2026 12:00:00 AM": -43200,
    "11/18/2026 1:00 PM": 3600,
    "11/18/2026 07:00:00 AM EST": 0,
    "2026-11-18T12:00Z": 0,
    "20261118T120000Z": 0,
    "20261118T140000+0200": 0,
    "Wednesday, 18-Nov-26 12:00:00 GMT": 0,
    "2026-11-18 07:00:00 America/New_York": 0,
    "2026-11-18T13:00:00+01:00[Europe/Berlin]": 0,
    "2026-11-18 14:00:00 SAST": 0,
    "2026-11-18 12:00:00 PT": None,
    "2026-11-18 12:00:00 ET": None,
    "2026-11-18 12:00:00 NPT": None,
    "Nov 18 2026 12:00:00 CST": None,
}


def test_times_with_zones_are_read_right_or_not_at_all(desk: Desk) -> None:
    """Each both as a field and in a line of text; one load for all, since each load costs a second."""
    fields = [json.dumps({"time": when, "request_id": ident(n)}) for n, when in enumerate(TIMES)]
    desk.load("\n".join(fields) + "\n", "fields.jsonl")
    lines = [f"{when} INFO stripe {ident(50 + n)}" for n, when in enumerate(TIMES)]
    desk.load("\n".join(lines) + "\n", "lines.log")
    found: dict[str, int] = dict(desk.rows("request_id, ts"))
    wanted = [0 if off is None else NOON + off for off in TIMES.values()]
    assert [found[ident(n)] for n in range(len(TIMES))] == wanted
    assert [found[ident(50 + n)] for n in range(len(TIMES))] == wanted


def typed(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": str(value)}} for name, value in held.items()]


def spans(i: str) -> dict[str, Any]:
    call = {"http.method": "POST", "http.url": "https://api.stripe.com/v1/charges", "http.status_code": 200, "stripe.request_id": i}
    span = {"name": "POST", "startTimeUnixNano": str(NOON * 10**9), "attributes": typed(call)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def otlp_line(i: str) -> dict[str, Any]:
    record = {"timeUnixNano": str(NOON * 10**9), "body": {"stringValue": f"POST /v1/charges 200 {i}"}}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ISO = "2026-11-18T12:00:00.999Z"
INSIDE: dict[str, Any] = {
    "docker's line": lambda i: {"log": f"POST /v1/charges 200 {i}\n", "stream": "stdout", "time": ISO},
    "docker's json": lambda i: {"log": json.dumps(HELD | {"request_id": i}) + "\n", "stream": "stdout", "time": ISO},
    "journald's json": lambda i: {"__REALTIME_TIMESTAMP": f"{NOON}123456", "MESSAGE": json.dumps(HELD | {"request_id": i})},
    "journald's line": lambda i: {"__REALTIME_TIMESTAMP": f"{NOON}123456", "MESSAGE": f"POST /v1/charges 200 {i}"},
    "azure's records": lambda i: {"records": [{"time": ISO, "resultDescription": f"POST /v1/charges 200 {i}"}]},
    "otlp's body": otlp_line,
    "otlp's spans": spans,
    "lines in firehose": lambda i: {"records": [{"recordId": "1", "approximateArrivalTimestamp": NOON * 1000, "data": packed(f"POST /v1/charges 200 {i}\n")}]},
    "google's text": lambda i: {"timestamp": ISO, "textPayload": f"POST /v1/charges 200 {i}", "insertId": "a"},
}  # fmt: skip
QUERIED: dict[str, Any] = {
    "azure's tables": lambda lines: {"tables": [{"name": "PrimaryResult", "columns": [{"name": "TimeGenerated"}, {"name": "Message"}], "rows": [[ISO, line] for line in lines]}]},
    "logs insights": lambda lines: {"results": [[{"field": "@timestamp", "value": "2026-11-18 12:00:00.000"}, {"field": "@message", "value": line}] for line in lines], "status": "Complete"},
    "elasticsearch": lambda lines: {"hits": {"total": 4, "hits": [{"_id": "1", "_source": {"@timestamp": ISO, "message": line}} for line in lines]}},
}  # fmt: skip


@pytest.mark.parametrize("name", [*INSIDE, *QUERIED])
def test_a_line_inside_a_field_tells_the_whole_request(desk: Desk, name: str) -> None:
    ids = [ident(n) for n in range(4)]
    if name in INSIDE:
        text = "".join(json.dumps(INSIDE[name](i)) + "\n" for i in ids)
    else:
        text = json.dumps(QUERIED[name]([f"POST /v1/charges 200 {i}" for i in ids]), indent=1)
    loaded = desk.load(text)
    assert desk.rows("request_id, ts, method, endpoint, status") == [(i, NOON, "POST", "/v1/charges", 200) for i in ids]
    assert loaded.bad == {} and loaded.notes == {}


@pytest.mark.parametrize("before", ["2026-11-18T12:00:00.999Z stdout F ", "2026-11-18T12:00:00.999+00:00 h pay[12]: @cee: "])
def test_json_behind_a_time_tells_the_path(desk: Desk, before: str) -> None:
    desk.load("".join(f"{before}{json.dumps(HELD | {'request_id': ident(n)})}\n" for n in range(4)))
    assert desk.rows("request_id, ts, endpoint") == [(ident(n), NOON, "/v1/charges") for n in range(4)]


def test_headings_that_name_utc(desk: Desk) -> None:
    desk.load('"timestamp [UTC]",message\n' + "".join(f'"11/18/2026, 12:00:00.123 PM","stripe {ident(n)}"\n' for n in range(4)), "a.csv")
    assert desk.rows("request_id, ts") == [(ident(n), NOON) for n in range(4)]


def test_a_local_time_of_no_named_zone_is_no_time(desk: Desk) -> None:
    head = '"TimeGenerated [Local Time]",Message\n'
    desk.load(head + "".join(f'"11/18/2026, 1:00:00.123 PM","stripe {ident(n)}"\n' for n in range(4)), "a.csv")
    assert desk.rows("request_id, ts") == [(ident(n), 0) for n in range(4)]


def test_envelopes_in_envelopes_come_to_an_end() -> None:
    record: dict[str, Any] = {"a": 1}
    for _ in range(900):
        record = {"hits": {"hits": [{"_source": record}]}}
    assert envelopes.unfold(record)
