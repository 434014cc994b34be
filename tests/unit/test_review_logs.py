"""Logs as frameworks, proxies and exports write them: in each the Request-Id and the time are found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ir.review.ingest.importer import Importer
from ir.review.sql.engine import DuckDb

NOON = 1_795_003_200  # 2026-11-18T12:00:00Z
ISO = "2026-11-18T12:00:00.123Z"
CALL = {"method": "POST", "url": "https://api.stripe.com/v1/charges"}
Line = Callable[[str], Any]


def js(make: Callable[[str], dict[str, Any]]) -> Line:
    return lambda i: json.dumps(make(i))


LOGS: dict[str, Line] = {
    "pino": js(lambda i: {"level": 30, "time": NOON * 1000, "reqId": "req-1", "req": {"id": 1, **CALL}, "res": {"statusCode": 200, "headers": {"request-id": i}}}),
    "bunyan": js(lambda i: {"name": "pay", "pid": 3, "level": 30, "msg": f"stripe ok {i}", "time": ISO, "v": 0}),
    "structlog": js(lambda i: {"event": "stripe_request", "request_id": i, "path": CALL["url"], "timestamp": ISO, "level": "info"}),
    "datadog": js(lambda i: {"id": "AQAA", "content": {"timestamp": ISO, "attributes": {"http": {**CALL, "status_code": 200, "response": {"headers": {"request-id": i}}}}}}),
    "ecs": js(lambda i: {"@timestamp": ISO, "log": {"level": "info"}, "http": {"request": {"method": "POST", "id": i}}, "url": {"full": CALL["url"]}, "host": {"ip": ["10.1.1.1"]}}),
    "ecs flat": js(lambda i: {"@timestamp": ISO, "log.level": "info", "http.request.method": "POST", "http.response.headers.request-id": i}),
    "opentelemetry": js(lambda i: {"timeUnixNano": str(NOON * 10**9), "attributes": {"url.full": CALL["url"], "http.response.header.request-id": [i]}}),
    "docker": js(lambda i: {"log": json.dumps({"level": "info", "stripe": {"requestId": i}}) + "\n", "stream": "stdout", "time": "2026-11-18T12:00:00.123456789Z"}),
    "winston": js(lambda i: {"level": "info", "timestamp": ISO, "meta": {"lastResponse": {"requestId": i, "statusCode": 200, "idempotencyKey": "k"}}}),
    "cloudwatch": js(lambda i: {"timestamp": NOON * 1000, "message": f"{ISO}\tuuid\tINFO\tstripe {i}\n", "ingestionTime": NOON * 1000 + 500}),
    "caddy": js(lambda i: {"ts": NOON + 0.1, "request": {"remote_ip": "10.0.0.1", "method": "POST", "uri": "/v1/charges"}, "resp_headers": {"Request-Id": [i]}}),
    "nginx json": js(lambda i: {"time_iso8601": "2026-11-18T12:00:00+00:00", "request": "POST /v1/charges HTTP/1.1", "upstream_http_request_id": i, "request_id": "ab" * 16}),
    "date and time apart": js(lambda i: {"date": "2026-11-18", "time": "12:00:00", "request_id": i}),
    "kubernetes": lambda i: f"{ISO} stdout F {json.dumps({'level': 'info', 'requestId': i})}",
    "python": lambda i: f"2026-11-18 12:00:00,123 INFO stripe: message='Stripe API response' path=https://api.stripe.com/v1/charges response_code=200 request_id={i}",
    "stripe-python": lambda i: f"2026-11-18 12:00:00,123 - stripe - DEBUG - message='Dashboard link' link=https://dashboard.stripe.com/acct/test/logs?query={i}",
    "rails": lambda i: f"I, [2026-11-18T12:00:00.123456 #17]  INFO -- : [Stripe] POST /v1/charges 200 req={i} (123ms)",
    "log4j": lambda i: f"2026-11-18 12:00:00.123 INFO  [http-8080] c.a.PayService - Stripe call ok requestId={i} status=200",
    "slog": lambda i: f'time={ISO} level=INFO msg="stripe call" method=POST path=/v1/charges status=200 request_id={i}',
    "nginx": lambda i: f'10.0.0.1 - - [18/Nov/2026:12:00:00 +0000] "POST /v1/charges HTTP/1.1" 200 123 "-" "Stripe/v1 NodeBindings/18" id="{i}"',
    "envoy": lambda i: f'[{ISO}] "POST /v1/charges HTTP/2" 200 - 123 456 78 70 "-" "Stripe/v1 NodeBindings/18" "5c1c" "api.stripe.com" "1.2.3.4:443" "{i}"',
    "haproxy": lambda i: f'Nov 18 12:00:00 lb haproxy[12]: 10.0.0.1:5000 [18/Nov/2026:12:00:00.123] fe be/s1 200 123 {{{i}}} "POST /v1/charges HTTP/1.1"',
    "apache error": lambda i: f"[Wed Nov 18 12:00:00.123456 2026] [php:notice] [pid 7] Stripe request {i} done",
    "heroku": lambda i: f"2026-11-18T12:00:00.123456+00:00 app[web.1]: stripe request {i} done",
    "node inspect": lambda i: f"{ISO} lastResponse: {{ headers: {{ 'request-id': '{i}' }}, statusCode: 200 }}",
    "csv without heading": lambda i: f"2026-11-18T12:00:00Z,POST,/v1/charges,200,{i}",
}  # fmt: skip
HEADED = {
    "tab": ("time\trequest_id\tstatus", "2026-11-18T12:00:00Z\t{}\t200"),
    "titles above the heading": ("Export of requests\nGenerated 2026-11-18\n\nCreated (UTC);Request ID;HTTP status;API endpoint", "18/11/2026 12:00:00;{};200;/v1/x"),
    "workbench": ("Date,Method,URL,Status,Request ID,Source IP", '"Nov 18, 2026, 12:00 PM",POST,/v1/x,200,{},198.51.100.7'),
}  # fmt: skip
WHOLE: dict[str, Callable[[list[str]], str]] = {
    "a list": lambda ids: json.dumps([{"time": NOON, "request_id": i} for i in ids], indent=1),
    "a list under a name": lambda ids: json.dumps({"Records": [{"eventTime": ISO, "request_id": i} for i in ids]}),
    "har": lambda ids: json.dumps({"log": {"version": "1.2", "entries": [{"startedDateTime": ISO, "request": CALL, "response": {"headers": [{"name": "Request-Id", "value": i}]}} for i in ids]}}),
    "windows": lambda ids: "".join(json.dumps({"time": NOON, "request_id": i}) + "\r\n" for i in ids),
    "ids that only come late": lambda ids: "".join(json.dumps({"time": NOON, "n": n}) + "\n" for n in range(3000)) + "".join(json.dumps({"time": NOON, "s": {"r": i}}) + "\n" for i in ids),
    "now in a text, now in a field": lambda ids: "".join(json.dumps({"time": NOON, "msg": f"called {i}"} if n % 2 else {"time": NOON, "msg": "x", "extra": {"request_id": i}}) + "\n" for n, i in enumerate(ids)),
    "a replayed answer names the first request too": lambda ids: "".join(json.dumps({"time": NOON, "headers": {"request-id": a, "original-request": b}}) + "\n" for a, b in zip(ids[::2], ids[1::2], strict=True)),
}  # fmt: skip


def files(folder: Path) -> dict[str, list[str]]:
    """Write each log with ids of its own; name → ids."""
    told: dict[str, list[str]] = {}
    for name in (*LOGS, *HEADED, *WHOLE):
        ids = told[name] = [f"req_{len(told):02d}Ab{n:010x}" for n in range(6)]
        if name in LOGS:
            text = "".join(f"{LOGS[name](i)}\n" for i in ids)
        elif name in HEADED:
            head, line = HEADED[name]
            text = "\n".join([head, *[line.format(i) for i in ids]]) + "\n"
        else:
            text = WHOLE[name](ids)
        (folder / f"{name}.log").write_text(text)
    told["utf-16"] = [f"req_utf16Ab{n:06x}" for n in range(6)]
    (folder / "utf-16.log").write_bytes(("Date,Request ID\r\n" + "".join(f"{ISO},{i}\r\n" for i in told["utf-16"])).encode("utf-16"))
    return told


def test_the_request_id_and_the_time_are_found_in_every_log(tmp_path: Path) -> None:
    told = files(tmp_path)
    engine = DuckDb(tmp_path / "work", memory_limit="256MB", threads=1)
    importer = Importer(engine, tmp_path / "store")
    importer.load([tmp_path / f"{name}.log" for name in told], own=True)
    importer.finish()
    engine.attach(tmp_path / "store")
    found: dict[str, int] = dict(
        engine.rows("SELECT request_id, MAX(ts) FROM requests WHERE own = 1 AND source = 'egress' GROUP BY request_id")
    )
    missing = {name: sorted(set(ids) - set(found)) for name, ids in told.items() if set(ids) - set(found)}
    late = {name: found[i] - NOON for name, ids in told.items() for i in ids if i in found and found[i] != NOON}
    assert missing == {}
    assert late == {}
    assert importer.loaded.bad == {}
    assert importer.loaded.notes == {}


@pytest.mark.parametrize(
    ("name", "method", "endpoint", "status"),
    [("nginx", "POST", "/v1/charges", 200), ("envoy", "POST", "/v1/charges", 200), ("pino", "POST", "/v1/charges", 200),
     ("nginx json", "POST", "/v1/charges", 0), ("csv without heading", "POST", "/v1/charges", 200), ("python", "", "/v1/charges", 200)],
)  # fmt: skip
def test_method_path_and_status_are_read_where_they_stand(tmp_path: Path, name: str, method: str, endpoint: str, status: int) -> None:
    (tmp_path / "a.log").write_text(f"{LOGS[name]('req_Abcdef0123')}\n")
    engine = DuckDb(tmp_path / "work", memory_limit="256MB", threads=1)
    importer = Importer(engine, tmp_path / "store")
    importer.load([tmp_path / "a.log"], own=False)
    engine.attach(tmp_path / "store")
    assert engine.rows("SELECT method, endpoint, status FROM requests") == [(method, endpoint, status)]
