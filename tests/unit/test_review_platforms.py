"""Logs of hosting platforms and frameworks: what stands around a line, colours, other names for the same, few calls among other lines."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_review_forms import NOON, Desk, ident

ISO, MS = "2026-11-18T12:00:00.999Z", NOON * 1000 + 999
PATH, IP, AGENT = "/v1/customers?limit=100", "198.51.100.7", "curl/8.5.0"
URL = "https://api.stripe.com" + PATH
CALL = {"method": "GET", "path": PATH, "status": 200, "ip": IP, "user_agent": AGENT}
READ = (NOON, "GET", "/v1/customers", 200, IP, "curl")
COLUMNS = "request_id, ts, method, endpoint, status, ip, agent"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def as_json(held: Any) -> str:
    return json.dumps(held)


def one(i: str) -> str:
    return as_json(CALL | {"request_id": i})


def coloured(pairs: dict[str, Any]) -> str:
    """As structlog prints pairs to a terminal."""
    return " ".join(f"\x1b[36m{name}\x1b[0m=\x1b[35m{value}\x1b[0m" for name, value in pairs.items())


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    return out.getvalue()


EDGE = [{"request": [{"method": "GET", "path": "/v1/customers", "headers": [{"user_agent": AGENT, "cf_connecting_ip": IP}]}]}]
LINES: dict[str, Callable[[str], str]] = {
    "heroku": lambda i: f'2026-11-18T12:00:00.999456+00:00 heroku[router]: at=info method=GET path="{PATH}" request_id=8601b555-6a83 fwd="{IP}" dyno=web.1 service=10ms status=200 agent="{AGENT}" stripe={i}',
    "better stack": lambda i: as_json({"dt": ISO, "raw": one(i)}),
    "better stack, flat": lambda i: as_json({"dt": ISO, "request_id": i} | CALL),
    "railway": lambda i: as_json({"timestamp": ISO, "requestId": "uYj", "method": "GET", "path": PATH, "httpStatus": 200, "srcIp": IP, "clientUa": AGENT, "stripe": i}),
    "supabase": lambda i: as_json({"timestamp": MS * 1000, "event_message": "x", "metadata": [EDGE[0] | {"response": [{"status_code": 200, "headers": [{"rid": i}]}]}]}),
    "azure diagnostics": lambda i: as_json({"TimeGenerated": ISO, "clientIP_s": IP, "httpMethod_s": "GET", "requestUri_s": PATH, "userAgent_s": AGENT, "httpStatus_d": 200, "rid_s": i}),
    "azure app service": lambda i: as_json({"time": ISO, "category": "AppServiceHTTPLogs", "properties": as_json({"CsMethod": "GET", "CsUriStem": "/v1/customers", "ScStatus": "200", "CIp": IP, "UserAgent": AGENT, "Rid": i})}),
    "morgan": lambda i: f'::ffff:{IP} - - [18/Nov/2026:12:00:00 +0000] "GET {PATH} HTTP/1.1" 200 512 "-" "{AGENT}" {i}',
    "pino": lambda i: as_json({"level": 30, "time": MS, "req": {"id": 1, "method": "GET", "url": PATH, "headers": {"user-agent": AGENT}, "remoteAddress": "::FFFF:" + IP}, "res": {"statusCode": 200, "headers": {"request-id": i}}}),
    "structlog, coloured": lambda i: f"\x1b[2m{ISO}\x1b[0m [\x1b[32m\x1b[1minfo     \x1b[0m] \x1b[1mstripe_call   \x1b[0m " + coloured(CALL | {"request_id": i}),
    "docker, coloured": lambda i: as_json({"log": f"\x1b[2m{ISO}\x1b[0m GET {PATH} 200 \x1b[35m{IP}\x1b[0m \x1b[1m{AGENT}\x1b[0m \x1b[36m{i}\x1b[0m\n", "stream": "stdout", "time": ISO}),
    "monolog 1": lambda i: as_json({"context": CALL | {"request_id": i}, "datetime": {"date": "2026-11-18 13:00:00.999456", "timezone_type": 3, "timezone": "Europe/Berlin"}}),
    "laravel": lambda i: f"[2026-11-18 12:00:00] production.INFO: stripe call {one(i)} []",
    "logcli": lambda i: f'2026-11-18T12:00:00Z {{app="pay", pod="x"}} {one(i)}',
    "cloudflare's workers": lambda i: as_json({"logs": [{"message": ["stripe", i]}], "eventTimestamp": MS, "event": {"request": {"url": URL, "method": "GET", "headers": {"user-agent": AGENT, "cf-connecting-ip": IP}}, "response": {"status": 200}}}),
    "stripe-node's response": lambda i: as_json({"method": "GET", "path": PATH, "status": 200, "request_id": i, "elapsed": 12, "request_start_time": MS, "ip": IP, "user_agent": AGENT}),
    "gin": lambda i: f'[GIN] 2026/11/18 - 12:00:00 | 200 |   12.3ms |    {IP} | GET      "{PATH}" {AGENT} {i}',
    "rust's tracing": lambda i: f'2026-11-18T12:00:00.999456Z  INFO request{{method=GET uri={PATH} version=HTTP/1.1}}: pay: finished status=200 ip={IP} ua="{AGENT}" request_id={i}',
    "pairs and commas": lambda i: f'{ISO} INFO stripe method=GET, path={PATH}, status=200, ip={IP}, user_agent="{AGENT}", request_id={i}',
    "pairs and colons": lambda i: f"{ISO} INFO stripe method: GET, path: {PATH}, status: 200, ip: {IP}, user_agent: {AGENT}, request_id: {i}",
}  # fmt: skip
AXIOM = ("_time", *CALL, "request_id")
WHOLE: dict[str, Callable[[list[str]], str]] = {
    "papertrail": lambda ids: as_json({"min_id": "1", "events": [{"source_ip": "203.0.113.9", "source_name": "web-1", "program": "app/web.1", "message": f'{IP} GET {PATH} 200 "{AGENT}" {i}', "received_at": ISO} for i in ids], "reached_beginning": True}),
    "axiom": lambda ids: as_json({"status": {"elapsedTime": 1}, "matches": [{"_time": ISO, "_rowId": "x", "data": CALL | {"request_id": i}} for i in ids], "buckets": {}}),
    "axiom, columns": lambda ids: as_json({"format": "tabular", "tables": [{"sources": [], "fields": [{"name": name} for name in AXIOM], "columns": [[ISO] * len(ids), *[[value] * len(ids) for value in CALL.values()], ids]}]}),
    "render": lambda ids: as_json({"hasMore": False, "nextEndTime": ISO, "logs": [{"message": f"stripe {i}", "timestamp": ISO, "labels": [{"name": "method", "value": "GET"}, {"name": "path", "value": PATH}, {"name": "statusCode", "value": "200"}, {"name": "clientIP", "value": IP}, {"name": "userAgent", "value": AGENT}]} for i in ids]}),
    "get-query-results": lambda ids: json.dumps({"results": [[{"field": "@timestamp", "value": "2026-11-18 12:00:00.999"}, {"field": "@message", "value": one(i)}, {"field": "@ptr", "value": "x"}] for i in ids], "status": "Complete"}, indent=4),
    "sumo logic's csv": lambda ids: table(["_messageTimeMs", "_raw"], [[MS, one(i)] for i in ids]),
}  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", [*LINES, *WHOLE])
def test_all_columns_are_read(desk: Desk, name: str, own: bool) -> None:
    ids = [ident(n) for n in range(4)]
    text = WHOLE[name](ids) if name in WHOLE else "".join(LINES[name](i) + "\n" for i in ids)
    loaded = desk.load(text, "a.csv" if "csv" in name else "a.log", own=own)
    assert desk.rows(COLUMNS) == [(i, *READ) for i in ids]
    assert loaded.bad == {} and loaded.notes == {}


OTHERS: dict[str, Callable[[str], str]] = {
    "docker": lambda line: as_json({"log": line + "\n", "stream": "stdout", "time": ISO}),
    "compose": lambda line: "pay-1  | " + (line if line[0] != "{" else as_json({"time": ISO} | json.loads(line))),
}


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", OTHERS)
def test_few_calls_among_other_lines_are_read(desk: Desk, name: str, own: bool) -> None:
    ids = [ident(n) for n in range(4)]
    desk.load("".join(OTHERS[name](line) + "\n" for line in ["2026-11-18 12:00:00 starting a worker"] * 20 + list(map(one, ids))), own=own)
    assert desk.rows(COLUMNS, where="request_id <> ''") == [(i, *READ) for i in ids]


@pytest.mark.parametrize(("written", "ip", "net"), [
    ("::ffff:198.51.100.7", IP, "198.51.100.0/24"), ("[2001:DB8:1::7]:443", "2001:db8:1::7", "2001:db8:1::/48"), ("198.51.100.7:5000", IP, "198.51.100.0/24"),
])  # fmt: skip
def test_one_address_has_one_network_however_it_is_written(desk: Desk, written: str, ip: str, net: str) -> None:
    """Else all that Node writes would come from one network, and no stranger would be new."""
    desk.load(as_json({"time": NOON, "request_id": ident(1)} | CALL | {"ip": written}) + "\n", own=False)
    assert desk.rows("ip, net") == [(ip, net)]


def test_a_duration_is_no_service(desk: Desk) -> None:
    desk.load("".join(LINES["heroku"](ident(n)) + "\n" for n in range(3)))
    assert desk.rows("DISTINCT service") == [("",)]


def test_a_batch_in_which_nothing_is_known_is_said(desk: Desk) -> None:
    loaded = desk.load(as_json({"tables": [{"fields": [], "columns": []}]}) + "\n")
    assert any("no record in it" in note for note in loaded.notes["egress"])
