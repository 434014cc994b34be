"""Logs whose fields have names of their own, answers of log stores, load balancers, and dates that do not tell day from month."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ir.review.ingest import date_order, listed_fields
from tests.unit.test_review_forms import NOON, Desk, ident

ISO = "2026-11-18T12:00:00.999Z"
SENT = {"method": "GET", "path": "/v1/customers?limit=100", "status": 200, "client_ip": "198.51.100.7", "user_agent": "curl/8.5.0"}
READ = ("GET", "/v1/customers", 200, "198.51.100.7", "curl")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def as_json(held: dict[str, Any]) -> str:
    return json.dumps(held)


def access(i: str) -> str:
    return f'198.51.100.7 - - [18/Nov/2026:12:00:00 +0000] "GET /v1/customers?limit=100 HTTP/1.1" 200 512 "-" "curl/8.5.0" {i}'


IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-18 11:00:00\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status time-taken rid\n"
)
CLOUDFRONT = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent) cs-uri-query rid\n"
HEADS = {"iis": IIS, "iis without days": "#Date: 2026-11-18 11:00:00\n#Fields: time c-ip cs-method cs-uri-stem sc-status cs(User-Agent) rid\n", "cloudfront": CLOUDFRONT}  # fmt: skip
LINES: dict[str, Any] = {
    "iis": lambda i: f"2026-11-18 12:00:00 10.0.0.1 GET /v1/customers limit=100 443 - 198.51.100.7 curl/8.5.0 - 200 0 0 15 {i}",
    "iis without days": lambda i: f"12:00:00 198.51.100.7 GET /v1/customers 200 curl/8.5.0 {i}",
    "cloudfront": lambda i: f"2026-11-18\t12:00:00\tFRA2-C1\t392\t198.51.100.7\tGET\td1.cloudfront.net\t/v1/customers\t200\tcurl/8.5.0\tlimit=100\t{i}",
    "ltsv as ltsv.org names it": lambda i: f"time:[18/Nov/2026:12:00:00 +0000]\thost:198.51.100.7\tforwardedfor:-\treq:GET /v1/customers?limit=100 HTTP/1.1\tstatus:200\tua:curl/8.5.0\trid:{i}",
    "ltsv with other labels": lambda i: f"time:{ISO}\tremote_addr:198.51.100.7\tmethod:GET\turi:/v1/customers?limit=100\tstatus:200\tuser_agent:curl/8.5.0\tstripe_request_id:{i}",
    "json text sequence": lambda i: "\x1e" + as_json({"time": ISO, "request_id": i} | SENT),
    "json text sequence over lines": lambda i: "\x1e" + json.dumps({"time": ISO, "request_id": i} | SENT, indent=1),
    ".net's dates": lambda i: as_json({"Timestamp": f"/Date({NOON}999+0200)/", "request_id": i} | SENT),
    "application load balancer": lambda i: f'https {ISO} app/lb/50dc 198.51.100.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://api.stripe.com:443/v1/customers?limit=100 HTTP/1.1" "curl/8.5.0" - - arn:aws:x "Root=1-58" "a" "arn:aws:y" 403 {ISO} "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1 {i}',
    "classic load balancer": lambda i: f'{ISO} lb 198.51.100.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://api.stripe.com:80/v1/customers?limit=100 HTTP/1.1" "curl/8.5.0" - - {i}',
    "splunk, a result a line": lambda i: as_json({"preview": False, "offset": 0, "result": {"_time": "2026-11-18T12:00:00.999+00:00", "_raw": access(i)}}),
    "splunk, json inside": lambda i: as_json({"preview": False, "offset": 0, "result": {"_time": "2026-11-18 12:00:00.999 UTC", "_raw": as_json({"request_id": i} | SENT)}}),
    "elasticdump": lambda i: as_json({"_index": "logs", "_id": "1", "_source": {"@timestamp": ISO, "message": as_json({"request_id": i} | SENT)}}),
    "application gateway": lambda i: as_json({"timeStamp": "2026-11-18T12:00:00+00:00", "category": "ApplicationGatewayAccessLog", "properties": {"clientIP": "198.51.100.7", "httpMethod": "GET", "requestUri": "/v1/customers", "requestQuery": "limit=100", "originalRequestUriWithArgs": "/v1/customers?limit=100", "userAgent": "curl/8.5.0", "httpStatus": 200, "rid": i}}),
    "datastream": lambda i: as_json({"version": 1, "reqId": "12", "reqTimeSec": f"{NOON}.999", "cliIP": "198.51.100.7", "statusCode": "200", "reqMethod": "GET", "reqPath": "/v1/customers", "UA": "curl%2F8.5.0", "customField": i}),
    "kong": lambda i: as_json({"response": {"headers": {"request-id": i}, "status": 200}, "request": {"method": "GET", "uri": "/v1/customers?limit=100", "headers": {"user-agent": "curl/8.5.0"}}, "client_ip": "198.51.100.7", "started_at": NOON * 1000 + 999, "tries": [{"balancer_start": 1, "ip": "10.0.0.2"}]}),
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "datadog's answer": lambda ids: as_json({"data": [{"id": "A", "type": "log", "attributes": {"timestamp": ISO, "attributes": {"http": {"method": "GET", "url": "https://api.stripe.com/v1/customers", "status_code": 200, "useragent": "curl/8"}, "network": {"client": {"ip": "198.51.100.7"}}, "rid": i}}} for i in ids], "meta": {"page": {"after": "x"}}}),
    "splunk's results": lambda ids: as_json({"preview": False, "init_offset": 0, "messages": [], "fields": [{"name": "_raw"}], "results": [{"_time": ISO, "_raw": access(i)} for i in ids]}),
    "datadog's csv of json": lambda ids: "Date,Host,Message\n" + "".join(f'{ISO},h,"' + as_json({"request_id": i} | SENT).replace('"', '""') + '"\n' for i in ids),
    "bigquery's csv": lambda ids: "timestamp,httpRequest_requestMethod,httpRequest_requestUrl,httpRequest_status,httpRequest_remoteIp,httpRequest_userAgent,rid\n" + "".join(f"2026-11-18 12:00:00.999000 UTC,GET,https://api.stripe.com/v1/customers,200,198.51.100.7,curl/8.5.0,{i}\n" for i in ids),
    "athena's csv": lambda ids: '"time","elb","client_ip","request_verb","request_url","elb_status_code","target_status_code","user_agent","rid"\n' + "".join(f'"{ISO}","lb","198.51.100.7","GET","https://api.stripe.com:443/v1/customers","200","502","curl/8.5.0","{i}"\n' for i in ids),
}  # fmt: skip


ROW = {"ts": "2026-11-18 12:00:00", "method": "GET", "path": "/v1/customers", "status": 200}
ANSWERS: dict[str, Any] = {
    "clickhouse": lambda ids: as_json({"meta": [{"name": "ts", "type": "DateTime"}], "data": [ROW | {"rid": i} for i in ids], "rows": 4, "statistics": {"elapsed": 0.1}}),
    "clickhouse, over lines": lambda ids: json.dumps({"meta": [{"name": "ts", "type": "DateTime"}], "data": [ROW | {"rid": i} for i in ids], "rows": 4}, indent=1),
    "clickhouse, compact": lambda ids: json.dumps({"meta": [{"name": name, "type": "String"} for name in (*ROW, "rid")], "data": [[*ROW.values(), i] for i in ids], "rows": 4}, indent=1),
    "splunk's rows": lambda ids: as_json({"preview": False, "fields": ["_time", "_raw"], "rows": [[ISO, f"GET /v1/customers 200 {i}"] for i in ids]}),
    "jaeger": lambda ids: as_json({"data": [{"traceID": "1", "spans": [{"startTime": NOON * 10**6, "tags": [{"key": "http.method", "value": "GET"}, {"key": "http.url", "value": "https://api.stripe.com/v1/customers"}, {"key": "http.status_code", "value": 200}, {"key": "stripe.request_id", "value": i}]} for i in ids]}]}),
    "application insights' csv": lambda ids: '"timestamp [UTC]",target,name,data,resultCode,customDimensions\n' + "".join(f'"11/18/2026, 12:00:00.999 PM",api.stripe.com,"GET /v1/customers","https://api.stripe.com/v1/customers",200,"{{""id"":""{i}""}}"\n' for i in ids),
    "psql's csv of bars": lambda ids: "         ts          | method |     path      | status | rid \n" + "".join(f" 2026-11-18 12:00:00 | GET    | /v1/customers |    200 | {i}\n" for i in ids),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_queries(desk: Desk, name: str) -> None:
    ids = [ident(n) for n in range(4)]
    loaded = desk.load(ANSWERS[name](ids), "a.csv" if "csv" in name else "a.json")
    assert desk.rows("request_id, ts, method, endpoint, status") == [(i, NOON, "GET", "/v1/customers", 200) for i in ids]
    assert loaded.bad == {} and loaded.notes == {}


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", [*LINES, *WHOLE])
def test_all_columns_are_read(desk: Desk, name: str, own: bool) -> None:
    ids = [ident(n) for n in range(4)]
    text = WHOLE[name](ids) if name in WHOLE else HEADS.get(name, "") + "".join(LINES[name](i) + "\n" for i in ids)
    loaded = desk.load(text, "a.csv" if "csv" in name else "a.log", own=own)
    assert desk.rows("request_id, ts, method, endpoint, status, ip, agent") == [(i, NOON, *READ) for i in ids]
    assert loaded.bad == {} and loaded.notes == {}


def exported(*fields: tuple[str, str | bytes]) -> bytes:
    """A record of `journalctl -o export`; what is not plain text has its length before it."""
    lines = []
    for name, value in fields:
        if isinstance(value, str):
            lines.append(f"{name}={value}\n".encode())
        else:
            lines.append(name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n")
    return b"".join(lines) + b"\n"


def test_journalctl_export_with_text_of_several_lines(desk: Desk) -> None:
    said = [f"stripe POST /v1/charges 200 {ident(n)}" for n in range(3)]
    time_of = ("__REALTIME_TIMESTAMP", f"{NOON}999999")
    held = [exported(("__CURSOR", "s=1"), time_of, ("MESSAGE", f"\x1b[1m{one}\n\nmore\n".encode()), ("_PID", "1")) for one in said[:2]]
    held.append(exported(("__CURSOR", "s=2"), time_of, ("MESSAGE", said[2]), ("SYSLOG_IDENTIFIER", "pay")))
    loaded = desk.load(b"".join(held))
    assert desk.rows("request_id, ts, method, endpoint, status") == [(ident(n), NOON, "POST", "/v1/charges", 200) for n in range(3)]
    assert loaded.bad == {}


def test_a_length_beyond_the_end_costs_its_own_record(desk: Desk) -> None:
    time_of = ("__REALTIME_TIMESTAMP", f"{NOON}999999")
    whole = exported(time_of, ("MESSAGE", f"POST /v1/charges 200 {ident(1)}"))
    torn = b"__REALTIME_TIMESTAMP=1\nMESSAGE\n" + (2**63).to_bytes(8, "little") + b"x"
    loaded = desk.load(whole + torn)
    assert desk.rows("request_id, ts", where="request_id <> ''") == [(ident(1), NOON)] and loaded.bad == {"egress": 1}


def test_java_util_logging_has_two_lines_a_record(desk: Desk) -> None:
    text = "".join(f"Nov 18, 2026 12:00:00 PM com.acme.Pay charge\nINFO: stripe POST /v1/charges 200 {ident(n)}\n" for n in range(4))
    loaded = desk.load(text)
    assert desk.rows("request_id, ts, method, endpoint, status") == [(ident(n), NOON, "POST", "/v1/charges", 200) for n in range(4)]
    assert loaded.bad == {}


def test_an_object_as_node_prints_it_tells_the_request(desk: Desk) -> None:
    text = "".join(
        f"{ISO} {{\n  method: 'POST',\n  path: '/v1/charges',\n  status: 402,\n  request_id: '{ident(n)}'\n}}\n" for n in range(4)
    )
    desk.load(text)
    assert desk.rows("request_id, ts, method, endpoint, status") == [(ident(n), NOON, "POST", "/v1/charges", 402) for n in range(4)]


def test_a_new_heading_of_iis_counts_from_there_on(desk: Desk) -> None:
    again = "#Software: Microsoft Internet Information Services 10.0\n#Date: 2026-11-18 12:00:00\n#Fields: date time c-ip cs-method cs-uri-stem sc-status rid\n"
    text = IIS + LINES["iis"](ident(1)) + "\n" + again + f"2026-11-18 12:00:00 198.51.100.9 POST /v1/charges 402 {ident(2)}\n"
    loaded = desk.load(text, own=False)
    assert desk.rows("request_id, method, status, ip") == [(ident(1), "GET", 200, "198.51.100.7"), (ident(2), "POST", 402, "198.51.100.9")]
    assert loaded.bad == {}


@pytest.mark.parametrize("own", [True, False])
def test_a_line_that_does_not_fit_the_heading_is_set_aside_and_counted(desk: Desk, own: bool) -> None:
    """Its cells would stand under other names; the id in a line of ours counts all the same."""
    odd = f"2026-11-18 12:00:00 10.0.0.1 GET /v1/customers {ident(2)}"
    loaded = desk.load(IIS + "\n".join([LINES["iis"](ident(1)), odd, LINES["iis"](ident(3))]) + "\n", own=own)
    assert sum(loaded.bad.values()) == 1
    assert [i for (i,) in desk.rows("request_id")] == [ident(n) for n in (1, 2, 3) if own or n != 2]


def test_a_torn_text_of_a_sequence_costs_no_other(desk: Desk) -> None:
    one, two, three = (LINES["json text sequence"](ident(n)) + "\n" for n in range(3))
    loaded = desk.load(one + two[:40] + three, own=False)
    assert [i for (i,) in desk.rows("request_id")] == [ident(0), ident(2)] and loaded.bad == {"request-log": 1}


def test_a_line_separator_inside_a_message_ends_no_line(desk: Desk) -> None:
    rows = [json.dumps({"time": ISO, "msg": "a\u2028b\x85c", "request_id": ident(n)} | SENT, ensure_ascii=False) for n in range(4)]
    loaded = desk.load("\n".join(rows) + "\n", own=False)
    assert desk.rows("request_id, ts, method, endpoint, status, ip, agent") == [(ident(n), NOON, *READ) for n in range(4)]
    assert loaded.bad == {}


def test_a_line_with_a_list_in_it_is_no_page(desk: Desk) -> None:
    rows = [{"time": ISO, "request_id": ident(n), "meta": {"a": 1}, "data": [{"x": 1}]} | SENT for n in range(4)]
    desk.load("\n".join(map(json.dumps, rows)) + "\n", own=False)
    assert desk.rows("request_id, endpoint") == [(ident(n), "/v1/customers") for n in range(4)]


def test_batches_in_too_many_batches_cost_themselves(desk: Desk) -> None:
    ids = [ident(n) for n in range(6)]
    rows: list[Any] = [{"time": ISO, "request_id": one} | SENT for one in ids]
    for number in (3, 4, 5):
        for _ in range(8):
            rows[number] = {"logEvents": [{"timestamp": NOON * 1000, "message": json.dumps(rows[number])}]}
    loaded = desk.load("\n".join(map(as_json, [{"logEvents": rows[:3]}, *rows[3:]])) + "\n", own=False)
    assert [row for row in desk.rows("request_id, endpoint") if row[1]] == [(one, "/v1/customers") for one in ids[:3]], loaded


@pytest.mark.parametrize("stripes", [False, True])
def test_an_id_that_is_not_stripes_names_no_call(desk: Desk, stripes: bool) -> None:
    """A gateway gives all calls of one visitor the same id; only what is alike in all is a copy. Ids of Stripe may stand beside them."""
    rows: list[dict[str, Any]] = [SENT | {"time": NOON + n, "request_id": "visit-1", "path": f"/v1/customers/cus_{n}AbC"} for n in range(5)]
    rows += [SENT | {"time": NOON + 5, "request_id": "visit-1", "status": status} for status in (429, 200)]
    rows += [SENT | {"time": NOON + n, "request_id": ident(n)} for n in range(3) if stripes]
    text = "\n".join(map(json.dumps, [*rows, rows[0], rows[6]])) + "\n"
    desk.load(text, "a.log", own=False)
    wanted = [(NOON + n, f"cus_{n}AbC", 200) for n in range(5)] + [(NOON + 5, "", 200), (NOON + 5, "", 429)]
    assert desk.rows("ts, object_id, status", where="request_id = 'visit-1'") == wanted
    assert desk.rows("request_id", where="request_id <> 'visit-1'") == [(ident(n),) for n in range(3) if stripes]


@pytest.mark.parametrize("name", ["visit-1", ident(1)])
def test_two_copies_of_a_log_are_taken_once(desk: Desk, name: str) -> None:
    rows = [SENT | {"time": NOON + n, "request_id": i} for n, i in enumerate([ident(7), name, ident(8), "other"])]
    desk.load("\n".join(map(json.dumps, rows)) + "\n", "a.log", own=False)
    desk.load("\n".join(map(json.dumps, rows)) + "\n", "b.log", own=False)
    assert desk.rows("ts") == [(NOON + n,) for n in range(4)]


@pytest.mark.parametrize(
    "odd",
    [
        {"resourceLogs": [{"scopeLogs": 5}, {"scopeLogs": [{"logRecords": [{"attributes": 5, "body": {"kvlistValue": {"values": 5}}}]}]}]},
        {"resourceSpans": [5, {"scopeSpans": [{"spans": [{"attributes": {"a": 1}}, 5]}]}]},
        {"timeUnixNano": "1", "attributes": [5, {"key": "a", "value": {"arrayValue": {"values": 5}}}]},
        {"traceID": "1", "spans": [5, {"tags": 5}]},
        {"streams": [{"values": 5}, {"values": [5, ["1"]]}]},
        {"tables": [{"columns": [5, {"name": "a"}], "rows": 5}]},
        {"hits": {"hits": [5, {"_source": 5}]}},
        {"hits": {"hits": []}},
        {"logEvents": [5, {"message": 5}]},
        {"records": [5, {"data": 5}]},
    ],
)
def test_a_batch_of_another_shape_costs_itself_alone(desk: Desk, odd: Any) -> None:
    row = {"streams": [{"values": [[str(NOON * 10**9), as_json({"request_id": ident(1)} | SENT)]]}]}
    loaded = desk.load("\n".join(map(json.dumps, [row, odd, row | {"a": 1}])) + "\n")
    assert desk.rows("request_id, ts, method, endpoint, status, ip, agent", where="request_id <> ''") == [(ident(1), NOON, *READ)]
    assert bool(loaded.bad) == (odd != {"hits": {"hits": []}}), "what a query did not find is no damage"


# ── dates that do not tell day from month ──

FORMS: dict[str, Any] = {
    "fields": lambda day, n: json.dumps({"at": {"time": f"{day} 12:00:00"}, "request_id": ident(n)}),
    "text": lambda day, n: f"{day} 12:00:00 INFO stripe {ident(n)}",
    "pairs": lambda day, n: f'time="{day} 12:00:00" level=info request_id={ident(n)}',
}  # fmt: skip
DAY = 86_400


@pytest.mark.parametrize("sign", ["/", "-"])
@pytest.mark.parametrize("name", FORMS)
def test_one_date_tells_the_order_of_all(desk: Desk, name: str, sign: str) -> None:
    """Also where it stands behind the lines that tell the form of a file."""
    make = FORMS[name]
    early = [make(f"09{sign}11{sign}2026", 1)] * 250
    desk.load("\n".join([*early, make(f"12{sign}11{sign}2026", 2), make(f"18{sign}11{sign}2026", 3)]) + "\n")
    assert desk.rows("DISTINCT request_id, ts") == [(ident(1), NOON - 9 * DAY), (ident(2), NOON - 6 * DAY), (ident(3), NOON)]


@pytest.mark.parametrize("name", FORMS)
def test_where_no_date_tells_it_no_time_is_read_and_that_is_said(desk: Desk, name: str) -> None:
    loaded = desk.load("".join(FORMS[name](f"{n:02d}/11/2026", n) + "\n" for n in range(9, 13)))
    wanted = [(ident(n), NOON - 7 * DAY if n == 11 else 0) for n in range(9, 13)]
    assert desk.rows("request_id, ts") == wanted, "11/11 is the same either way"
    assert any("do not tell day from month" in note and "dates:" in note for note in loaded.notes["egress"])


@pytest.mark.parametrize(("order", "off"), [("day", -7), ("month", 16)])
def test_a_person_names_the_order(tmp_path: Path, order: Any, off: int) -> None:
    from ir.review.ingest.column_map import ColumnMap
    from ir.review.ingest.importer import Importer

    desk = Desk(tmp_path)
    column_map = ColumnMap(columns={"ts": "time", "request_id": "request_id"}, dates=order)
    desk.importer = Importer(desk.engine, desk.store, maps=(column_map,))
    day = "11/11/2026" if order == "day" else "12/04/2026"
    loaded = desk.load(json.dumps({"time": f"{day} 12:00:00", "request_id": ident(1)}) + "\n")
    assert desk.rows("request_id, ts") == [(ident(1), NOON + off * DAY)] and loaded.notes == {}


@pytest.mark.parametrize("zone", ["Central Standard Time", "Mountain Daylight Time", "\u221205:00"])
def test_a_zone_by_a_long_name_is_not_utc(desk: Desk, zone: str) -> None:
    desk.load("".join(f"2026-11-18 12:00:00{'' if zone[0] == chr(0x2212) else ' '}{zone} INFO stripe {ident(n)}\n" for n in range(4)))
    assert desk.rows("request_id, ts") == [(ident(n), 0) for n in range(4)]


def test_what_dates_tell() -> None:
    assert [date_order.of(given) for given in (["18/11/2026 x"], ["11/18/2026"], ["11-05-26"], ["2026-11-05"], ["05.11.2026"], ["18/11/2026", "11/18/2026"])] == [
        "day", "month", "unsure", "", "", "unsure",
    ]  # fmt: skip


# ── hostile text ──

HOSTILE: dict[str, bytes] = {
    "w3c": b"#Fields: a b\n" + b'"x ""' * 60_000 + b"\n" + b'"' * 200_000 + b"\n",
    "ltsv": b"a:1\tb:2\tc:3\n" * 3 + b"a:\t" * 200_000 + b"\n",
    "export": b"__REALTIME_TIMESTAMP=1\n" + b"".join(b"F%d=x\n" % n for n in range(60_000)) + b"MESSAGE\n" + b"\xff" * 400_000,
    "sequence": b"\x1e" * 300_000 + b"\x1e{" + b"[" * 200_000,
}


@pytest.mark.parametrize("form", HOSTILE)
def test_hostile_text_takes_linear_time(tmp_path: Path, form: str) -> None:
    took = []
    for times in (1, 4):
        (tmp_path / "a").write_bytes(HOSTILE[form] * times)
        began = time.process_time()
        listed_fields.rewrite_listed(tmp_path / "a", tmp_path / "out", lambda *_: None, form=form, own=False)
        took.append(time.process_time() - began)
    assert took[1] < 8 * took[0] + 1
