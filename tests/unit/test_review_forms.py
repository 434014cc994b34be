"""Logs, exports and dumps as programs really write them: what stands in a record, in a string, over several lines, and in odd numbers."""

import base64
import csv
import gzip
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ir.review.ingest import database_dumps
from ir.review.ingest.importer import Importer
from ir.review.ingest.load_result import Loaded
from ir.review.sql.engine import DuckDb, Row

NOON = 1_795_003_200  # 2026-11-18T12:00:00Z
ISO = "2026-11-18T12:00:00.999Z"
CALL = {"method": "POST", "url": "https://api.stripe.com/v1/charges"}


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"
        self.engine = DuckDb(folder / "work", memory_limit="256MB", threads=1)
        self.importer = Importer(self.engine, self.store)

    def load(self, text: str | bytes, name: str = "a.log", *, own: bool = True) -> Loaded:
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        self.importer.load([self.folder / name], own=own)
        self.importer.finish()
        self.engine.attach(self.store)
        return self.importer.loaded

    def rows(self, columns: str, table: str = "requests", where: str = "own >= 0") -> list[Row]:
        return self.engine.rows(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY ALL")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def ident(n: int) -> str:
    return f"req_{n:02d}AbbCC02dd03"


def event(n: int, ts: int = NOON) -> dict[str, Any]:
    return {
        "id": f"evt_1Aa{n:08d}", "object": "event", "type": "charge.succeeded", "created": ts, "livemode": True,
        "request": {"id": ident(n), "idempotency_key": None}, "data": {"object": {"id": "ch_1", "object": "charge", "amount": 1000, "currency": "usd"}},
    }  # fmt: skip


def otlp(n: int) -> dict[str, Any]:
    pairs = {"http.request.method": "POST", "url.full": CALL["url"], "http.response.header.request-id": ident(n)}
    record = {
        "timeUnixNano": str(NOON * 10**9 + 999_999_999), "body": {"stringValue": "stripe"},
        "attributes": [{"key": name, "value": {"stringValue": value}} for name, value in pairs.items()],
    }  # fmt: skip
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [record]}]}]}


def packed(row: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(row).encode()).decode()


LINES: dict[str, Any] = {
    "journald": lambda i, n: json.dumps({"__REALTIME_TIMESTAMP": f"{NOON}999999", "MESSAGE": f"stripe POST /v1/charges 200 {i}", "_HOSTNAME": "h"}),
    "journald bytes": lambda i, n: json.dumps({"__REALTIME_TIMESTAMP": f"{NOON}123456", "MESSAGE": list(f"\x1b[1mstripe {i}".encode())}),
    "php": lambda i, n: f"[18-Nov-2026 12:00:00 UTC] stripe POST /v1/charges 200 {i}",
    "php of a region": lambda i, n: f"[18-Nov-2026 13:00:00 Europe/Berlin] stripe POST /v1/charges 200 {i}",
    "otlp": lambda i, n: json.dumps(otlp(n)),
    "otlp record": lambda i, n: json.dumps(otlp(n)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]),
    "clef": lambda i, n: json.dumps({"@t": ISO, "@mt": "Stripe {Id}", "Id": i}),
    "klog": lambda i, n: f"I1118 12:00:00.999456       1 pay.go:53] stripe {i} ok",
    "rsyslog": lambda i, n: json.dumps({"msg": f"stripe {i}", "timereported": "2026-11-18T12:00:00.999456+00:00", "hostname": "h"}),
    "loki": lambda i, n: json.dumps({"streams": [{"stream": {"app": "pay"}, "values": [[f"{NOON}999999999", f"stripe {i}"]]}]}),
    "firehose": lambda i, n: json.dumps({"records": [{"recordId": "1", "data": packed({"time": NOON, "request_id": i})}]}),
    "kinesis": lambda i, n: json.dumps({"Records": [{"kinesis": {"data": packed({"time": NOON, "request_id": i}), "approximateArrivalTimestamp": NOON + 9}}]}),
    "cloudwatch subscription": lambda i, n: json.dumps({"logEvents": [{"id": "1", "timestamp": NOON * 1000, "message": json.dumps({"request_id": i})}]}),
    "mongo": lambda i, n: json.dumps({"t": {"$date": {"$numberLong": str(NOON * 1000)}}, "attr": {"request_id": i}}),
    "behind a prefix": lambda i, n: "pay-7f9 " + json.dumps({"time": NOON * 1000 + 999, "msg": "x", "reqId": i}, separators=(",", ":")),
    "a name twice": lambda i, n: json.dumps({"time": NOON, "reqId": "req-1"})[:-1] + f', "request_id": "req_00Wrong0000", "request_id": "{i}"}}',
    "rfc 2822": lambda i, n: f"Wed, 18 Nov 2026 12:00:00 +0000 stripe {i}",
    "am and pm": lambda i, n: f"11/18/2026 12:00:00 PM INFO stripe {i}",
    "letters of one zone": lambda i, n: f"2026-11-18 07:00:00 EST INFO stripe {i}",
    "java's date": lambda i, n: f"Wed Nov 18 13:00:00 CET 2026 INFO stripe {i}",
    "node's inspect": lambda i, n: f"{ISO} {{\n  method: 'POST',\n  path: '/v1/charges',\n  request_id: '{i}'\n}}",
    "woo": lambda i, n: f"2026-11-18T12:00:00+00:00 DEBUG \n====Stripe Version: 8.1.0====\n====Start Log====\nRequest-Id: {i}\n====End Log====",
    "squid": lambda i, n: f"{NOON}.999    123 10.0.0.1 TCP_MISS/200 512 POST http://api.stripe.com/v1/charges {i} HIER_DIRECT/1.2.3.4 text/html",
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "loki's answer": lambda ids: json.dumps({"status": "success", "data": {"resultType": "streams", "result": [{"stream": {}, "values": [[f"{NOON}999999999", f"s {i}"] for i in ids]}]}}),
    "one otlp document": lambda ids: json.dumps(otlp(0) | {"resourceLogs": [otlp(n)["resourceLogs"][0] for n in range(len(ids))]}, indent=1),
    "azure": lambda ids: '"TimeGenerated [UTC]",Message\n' + "".join(f'"11/18/2026, 12:00:00.999 PM","stripe {i}"\n' for i in ids),
    "firehose without line ends": lambda ids: "".join(json.dumps({"time": NOON, "request_id": i}) for i in ids),
}  # fmt: skip


@pytest.mark.parametrize("name", [*LINES, *WHOLE])
def test_id_and_time_are_read(desk: Desk, name: str) -> None:
    ids = [ident(n) for n in range(6)]
    text = "".join(f"{LINES[name](i, n)}\n" for n, i in enumerate(ids)) if name in LINES else WHOLE[name](ids)
    loaded = desk.load(text, "a.csv" if name == "azure" else "a.log")
    found: dict[str, int] = dict(desk.rows("request_id, ts", where="request_id <> ''"))
    assert found == dict.fromkeys(ids, NOON), "fractions are cut, not rounded"
    assert loaded.bad == {} and loaded.notes == {}


@pytest.mark.parametrize("zone", ["IST", "CST", "BST"])
@pytest.mark.parametrize("form", ["2026-11-18 07:00:00 {} INFO stripe {}", '{{"time": "2026-11-18 07:00:00 {}", "request_id": "{}"}}'])
def test_letters_of_several_zones_are_no_time_at_all(desk: Desk, zone: str, form: str) -> None:
    desk.load(form.format(zone, ident(1)) + "\n")
    assert desk.rows("request_id, ts") == [(ident(1), 0)]


# ── fields of proxies and gateways ──

SEEN: dict[str, Any] = {
    "nginx with pairs behind it": f'198.51.100.7 - - [18/Nov/2026:12:00:00 +0000] "GET /v1/customers?limit=100 HTTP/1.1" 200 512 "-" "curl/8.5.0" rid={ident(1)} rt=0.003 uct="0.000"',
    "nginx with an unknown client": f'198.51.100.7 - - [18/Nov/2026:12:00:00 +0000] "GET /v1/customers HTTP/1.1" 200 512 "-" "evil/1" rid={ident(1)} a=1 b=2',
    "envoy": json.dumps({"start_time": ISO, "method": "GET", "path": "/v1/customers", "response_code": 200, "downstream_remote_address": "198.51.100.7:5000", "user_agent": "curl/8", "resp_request_id": ident(1)}),
    "traefik": json.dumps({"StartUTC": ISO, "RequestMethod": "GET", "RequestPath": "/v1/customers", "DownstreamStatus": 200, "ClientAddr": "198.51.100.7:5000", "request_User-Agent": "curl/8", "downstream_Request-Id": ident(1)}),
    "cloudflare": json.dumps({"EdgeStartTimestamp": NOON * 10**9, "ClientRequestMethod": "GET", "ClientRequestURI": "/v1/customers?limit=3", "EdgeResponseStatus": 200, "ClientIP": "198.51.100.7", "ClientRequestUserAgent": "curl/8", "RayID": "8a", "ResponseHeaders": {"request-id": ident(1)}}),
    "api gateway": json.dumps({"requestTime": "18/Nov/2026:12:00:00 +0000", "httpMethod": "GET", "resourcePath": "/v1/customers", "status": "200", "ip": "198.51.100.7", "userAgent": "curl/8", "stripeId": ident(1)}),
    "haproxy": f'Nov 18 12:00:00 lb haproxy[12]: 198.51.100.7:5000 [18/Nov/2026:12:00:00.123] fe be/s1 0/0/1/20/21 200 123 - - ---- 1/1/0/0/0 0/0 {{{ident(1)}|curl/8}} "GET /v1/customers HTTP/1.1"',
    "logfmt": f'time={ISO} method=GET path=/v1/customers status=200 client=198.51.100.7 agent="curl/8" request_id={ident(1)}',
    "stripe logs tail": f"2026-11-18 12:00:00 [200] GET /v1/customers [{ident(1)}]",
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_method_path_status_address_and_client_are_read(desk: Desk, name: str) -> None:
    desk.load("".join(SEEN[name].replace(ident(1), ident(n)) + "\n" for n in range(3)), own=False)
    rows = desk.rows("ts, request_id, method, endpoint, status, ip, agent")
    bare = name == "stripe logs tail"
    agent = "evil" if "unknown" in name else "" if bare else "curl"
    assert rows == [(NOON, ident(n), "GET", "/v1/customers", 200, "" if bare else "198.51.100.7", agent) for n in range(3)]


def test_a_map_reaches_into_lists(tmp_path: Path) -> None:
    from ir.review.ingest.column_map import ColumnMap

    desk = Desk(tmp_path)
    column_map = ColumnMap(columns={"ts": "at", "request_id": "calls.0.ids.1", "method": "calls.0.verb"})
    desk.importer = Importer(desk.engine, desk.store, maps=(column_map,))
    desk.load(json.dumps({"at": NOON, "calls": [{"verb": "GET", "ids": ["x", ident(1)]}]}) + "\n")
    assert desk.rows("request_id, method, ts") == [(ident(1), "GET", NOON)]


# ── logs of ours without Stripe's ids, and how to put them there ──

GUIDE = (Path(__file__).parents[2] / "docs" / "egress-logs.md").read_text()
EXAMPLES: dict[str, str] = {
    part.split("\n", 1)[0]: part.split("```log\n")[1].split("```")[0] for part in GUIDE.split("\n## ")[1:]
}  # fmt: skip


@pytest.mark.parametrize("program", EXAMPLES)
def test_the_guides_example_is_read(desk: Desk, program: str) -> None:
    loaded = desk.load(EXAMPLES[program])
    assert desk.rows("request_id, ts") == [("req_Aa01bbCC02dd03", NOON)] and loaded.bad == {} and loaded.notes == {}


@pytest.mark.parametrize("program", ["nginx", "Envoy", "HAProxy", "Traefik", "Squid"])
def test_a_log_of_ours_without_ids_is_told_how_to_get_them(desk: Desk, program: str) -> None:
    loaded = desk.load(EXAMPLES[program].replace("req_Aa01bbCC02dd03", "-") * 3)
    (note,) = loaded.notes["egress"]
    assert "no request id of Stripe" in note and f"{program.lower()}: " in note and "docs/egress-logs.md" in note


def test_stripe_python_at_info_is_told_too(desk: Desk) -> None:
    line = "2026-11-18 12:00:00,123 INFO stripe: message='Stripe API response' path=https://api.stripe.com/v1/charges response_code=200\n"
    (note,) = desk.load(line * 4).notes["egress"]
    assert "stripe-python: log `last_response.request_id`" in note


# ── events inside strings ──


def dumped(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["id", "payload", "received_at"])
    table.writerows([n, json.dumps(row), "2026-11-18"] for n, row in enumerate(rows))
    return out.getvalue()


def sns(row: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "m", "Message": json.dumps(row), "Timestamp": "2026-11-18T12:00:00.000Z"}


EVENTS: dict[str, Any] = {
    "sns": lambda rows: "".join(json.dumps(sns(row)) + "\n" for row in rows),
    "sqs": lambda rows: "".join(json.dumps({"MessageId": "m", "Body": json.dumps(row)}) + "\n" for row in rows),
    "sqs of sns": lambda rows: "".join(json.dumps({"messageId": "m", "body": json.dumps(sns(row))}) + "\n" for row in rows),
    "what receive-message prints": lambda rows: json.dumps({"Messages": [{"Body": json.dumps(row)} for row in rows]}, indent=1),
    "cloudwatch": lambda rows: "".join(json.dumps({"timestamp": NOON * 1000, "message": json.dumps({"detail-type": "x", "detail": row})}) + "\n" for row in rows),
    "eventbridge target": lambda rows: "".join(json.dumps({"version": "0", "source": "aws.partner/stripe.com/x", "detail": row}) + "\n" for row in rows),
    "a column of a dump": dumped,
    "a row as json": lambda rows: "".join(json.dumps({"id": n, "kind": "stripe", "payload": json.dumps(row)}) + "\n" for n, row in enumerate(rows)),
    "a string in a string": lambda rows: "".join(json.dumps({"id": n, "payload": json.dumps(json.dumps(row))}) + "\n" for n, row in enumerate(rows)),
    "dj-stripe": lambda rows: json.dumps([{"model": "djstripe.event", "pk": n, "fields": {"id": row["id"], "type": row["type"], "created": "2026-11-18T12:00:00Z", "livemode": True, "request_id": row["request"]["id"], "idempotency_key": "", "data": row["data"]}} for n, row in enumerate(rows)]),
    "dj-stripe 2.10": lambda rows: json.dumps([{"model": "djstripe.event", "pk": n, "fields": {"id": row["id"], "stripe_data": row}} for n, row in enumerate(rows)]),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_events_inside_strings_are_events(desk: Desk, name: str) -> None:
    loaded = desk.load(EVENTS[name]([event(n) for n in range(5)]), "a.csv" if "column" in name else "a.jsonl", own=False)
    assert desk.rows("id, request_id, ts, amount", "events", "id <> ''") == [(f"evt_1Aa{n:08d}", ident(n), NOON, 1000) for n in range(5)]
    assert desk.rows("request_id") == [] and loaded.bad == {}


def test_a_page_of_the_api_may_be_one_line_of_any_length(desk: Desk) -> None:
    page = {"object": "list", "has_more": False, "data": [event(n) | {"more": "x" * 4000} for n in range(600)]}
    loaded = desk.load(json.dumps(page), "page.json", own=False)
    assert len(desk.rows("id", "events", "id <> ''")) == 600 and loaded.bad == {} and loaded.notes == {}


def test_our_own_log_that_mentions_events_stays_a_log(desk: Desk) -> None:
    rows = [{"time": NOON, "request_id": ident(n), "payload": json.dumps(event(n))} for n in range(4)]
    desk.load("".join(json.dumps(row) + "\n" for row in rows))
    assert [i for (i,) in desk.rows("request_id")] == [ident(n) for n in range(4)] and desk.rows("id", "events", "id <> ''") == []


# ── one row never costs a file ──


@pytest.mark.parametrize("odd", ["1e30", "99999999999999999999999", "-1e300", "18446744073709551616"])
def test_a_number_beyond_64_bits_costs_itself_alone(desk: Desk, odd: str) -> None:
    rows = [json.dumps({"time": NOON, "request_id": ident(n), "amount": 100}) for n in range(5)]
    loaded = desk.load("\n".join([*rows[:2], rows[2].replace("100", odd), *rows[3:]]) + "\n")
    assert desk.rows("request_id, amount") == [(ident(n), 0 if n == 2 else 100) for n in range(5)]
    assert any("1 number beyond 64 bits" in note for note in loaded.notes["egress"])


def test_an_event_with_an_endless_amount(desk: Desk) -> None:
    rows = [json.dumps(event(n)) for n in range(5)]
    loaded = desk.load("\n".join([*rows[:2], rows[2].replace("1000", "1e30"), *rows[3:]]) + "\n", "e.jsonl", own=False)
    assert desk.rows("id, amount", "events", "id <> ''") == [(f"evt_1Aa{n:08d}", 0 if n == 2 else 1000) for n in range(5)]
    assert any("beyond 64 bits" in note for note in loaded.notes["events"])


@pytest.mark.parametrize("odd", ["1e400", "NaN", "Infinity", '"\x01"'])
def test_a_row_that_is_no_json_is_set_aside_and_its_id_kept(desk: Desk, odd: str) -> None:
    rows = [json.dumps({"time": NOON, "request_id": ident(n), "amount": 100}) for n in range(5)]
    loaded = desk.load("\n".join([*rows[:2], rows[2].replace("100", odd), *rows[3:]]) + "\n")
    assert {i for (i,) in desk.rows("request_id", where="request_id <> ''")} == {ident(n) for n in range(5)}
    assert loaded.bad.get("egress", 0) <= 1


def test_a_control_character_in_a_line_of_text(desk: Desk) -> None:
    rows = [f"2026-11-18 12:00:00 POST /v1/charges 200 {ident(n)}" for n in range(5)]
    desk.load("\n".join([*rows[:2], rows[2] + " a\x01b\x02c", *rows[3:]]) + "\n")
    assert [i for (i,) in desk.rows("request_id")] == [ident(n) for n in range(5)]


@pytest.mark.parametrize("count", [5, 20_000])
def test_a_gzip_with_a_wrong_checksum_is_read_and_said(desk: Desk, count: int) -> None:
    whole = bytearray(
        gzip.compress("".join(json.dumps({"time": NOON, "request_id": f"req_{n:08d}Aa"}) + "\n" for n in range(count)).encode())
    )
    whole[-6] ^= 0xFF
    loaded = desk.load(bytes(whole), "a.jsonl.gz")
    assert len(desk.rows("request_id")) == count
    assert any("checksum" in note for note in loaded.notes["egress"])


@pytest.mark.parametrize("said", ["undefined", "null", "None", "-"])
def test_a_missing_idempotency_key_in_words_is_none(desk: Desk, said: str) -> None:
    desk.load(json.dumps({"time": NOON, "request_id": ident(1), "idempotency_key": said}) + "\n")
    assert desk.rows("idem, idem_format") == [(0, "none")]


@pytest.mark.parametrize(
    "text",
    [
        ('{"Message": "' + "\\" * 400_000 + '"}\n') * 2,
        ("x {" * 100_000 + "\n") * 5,
        "2026-11-18 12:00:00 x\n" + "y\n" * 400_000,
        ('{"a": ' * 400 + "1" + "}" * 400 + "\n") * 300,
        ("12:00:00 " * 50_000 + "\n") * 5,
        "id,payload\n" + '"' * 500_001 + "\n",
        ('{"resourceLogs": [' + "{}," * 100_000 + "{}]}\n") * 3,
    ],
    ids=range(7),
)
def test_hostile_text_is_read_in_linear_time(desk: Desk, text: str) -> None:
    began = time.process_time()
    desk.load(text, own=False)
    assert time.process_time() - began < 30


# ── dumps of databases ──


def copied(text: str) -> str:
    """As COPY writes a cell."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def mysql(text: str) -> str:
    """As mysqldump writes a string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"').replace("\n", "\\n") + "'"


def plain(text: str) -> str:
    """As pg_dump --inserts writes a string."""
    return "'" + text.replace("'", "''") + "'"


PG = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\nCREATE TABLE public.users (\n    id integer,\n    name text\n);\n\n"
PG += "COPY public.users (id, name) FROM stdin;\n" + "".join(f"{n}\tO'Hara \\\\ {n}\n" for n in range(400)) + "\\.\n\n"
MY = "-- MySQL dump 10.13  Distrib 8.4.6\n\nCREATE TABLE `stripe_events` (\n  `id` bigint NOT NULL,\n  `payload` json DEFAULT NULL,\n"
MY += "  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n\nLOCK TABLES `stripe_events` WRITE;\n"
DJ = ("djstripe_id", "id", "livemode", "created", "description", "api_version", "data", "request_id", "idempotency_key", "type")


def dj(row: dict[str, Any], n: int) -> list[str]:
    whole = [str(n), row["id"], "t", "2026-11-18 12:00:00+00", "\\N", "2020-08-27"]
    return [*whole, json.dumps(row["data"]), row["request"]["id"], "", row["type"]]


DUMPS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "pg_dump": lambda rows: PG + "COPY public.events (id, payload) FROM stdin;\n" + "".join(f"{n}\t{copied(json.dumps(row))}\n" for n, row in enumerate(rows)) + "\\.\n",
    "pg_dump --inserts": lambda rows: PG + "".join(f"INSERT INTO public.events VALUES ({n}, {plain(json.dumps(row, indent=1))});\n" for n, row in enumerate(rows)),
    "pg_dump of dj-stripe": lambda rows: PG + f"COPY public.djstripe_event ({', '.join(DJ)}) FROM stdin;\n" + "".join("\t".join(cell if cell == "\\N" else copied(cell) for cell in dj(row, n)) + "\n" for n, row in enumerate(rows)) + "\\.\n",
    "mysqldump": lambda rows: MY + "INSERT INTO `stripe_events` VALUES " + ",".join(f"({n},{mysql(json.dumps(row))})" for n, row in enumerate(rows)) + ";\nUNLOCK TABLES;\n",
    "mysqldump with names": lambda rows: MY + "".join(f"INSERT INTO `stripe_events` (`id`, `payload`) VALUES ({n},{mysql(json.dumps(row))});\n" for n, row in enumerate(rows)),
}  # fmt: skip


@pytest.mark.parametrize("name", DUMPS)
def test_events_in_a_dump_of_a_database_are_events(desk: Desk, name: str) -> None:
    rows = [event(n) for n in range(5)]
    for row in rows:
        row["data"]["object"]["description"] = "it's \"so\" \\ and\nso; (x), 'y'"
    loaded = desk.load(DUMPS[name](rows), "dump.sql", own=False)
    assert desk.rows("id, request_id, ts, amount", "events", "id <> ''") == [(f"evt_1Aa{n:08d}", ident(n), NOON, 1000) for n in range(5)]
    assert loaded.bad == {} and any("a dump of a database: 5 events" in note for note in loaded.notes["events"])


@pytest.mark.parametrize("name", DUMPS)
def test_a_dump_reads_the_same_wherever_its_pieces_end(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = event(1)
    row["data"]["object"]["description"] = "it's 'so'"
    (tmp_path / "a.sql").write_text(DUMPS[name]([row]).replace("O'Hara", "x"))
    told = []
    for size in (1 << 20, 1):
        text = (tmp_path / "a.sql").read_bytes()
        monkeypatch.setattr(database_dumps, "pieces", lambda *_: (text[n : n + size] for n in range(0, len(text), size)))  # noqa: B023
        database_dumps.rewrite_dump(tmp_path / "a.sql", tmp_path / "out", lambda *_: None)
        told.append((tmp_path / "out").read_text())
    assert told[0] == told[1] and json.loads(told[0])["id"] == row["id"]


def test_a_statement_of_a_dump_may_be_longer_than_any_line(desk: Desk) -> None:
    rows = [event(n) | {"more": "x" * 9000} for n in range(400)]
    loaded = desk.load(DUMPS["mysqldump"](rows), "dump.sql", own=False)
    assert len(desk.rows("id", "events", "id <> ''")) == 400 and loaded.bad == {}


def test_a_dump_that_ends_in_a_string_costs_no_more_than_that_row(desk: Desk) -> None:
    rows = [event(n) for n in range(5)]
    loaded = desk.load(DUMPS["mysqldump"](rows).partition("evt_1Aa00000004")[0], "dump.sql", own=False)
    assert len(desk.rows("id", "events", "id <> ''")) == 4
    assert any("ends within a statement" in note for note in loaded.notes["events"])
