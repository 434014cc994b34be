"""Logs as programs print them for people: tables with rulers, blocks, YAML, transcripts, headings in other languages, header lists."""

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ir.review.ingest import name_pairs, printed_tables, transcripts, yaml_records
from tests.unit.test_review_forms import NOON, Desk, event, ident

ISO, DAY, MS = "2026-11-18T12:00:00.999Z", "2026-11-18 12:00:00", NOON * 1000 + 999
PATH, IP, AGENT = "/v1/customers?limit=100", "198.51.100.7", "curl/8.5.0"
READ = (NOON, "GET", "/v1/customers", 200, IP, "curl")
Text = Callable[[str, str], str]
"""The text of two requests by their ids."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def both(one: Callable[[str], str], head: str = "", foot: str = "") -> Text:
    return lambda a, b: head + one(a) + one(b) + foot


def lines(one: Callable[[str], Any]) -> Text:
    return both(lambda i: json.dumps(one(i)) + "\n")


def table(head: str, when: str, sign: str = ";") -> Text:
    def written(a: str, b: str) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=sign).writerows([head.split("|"), *([when, "GET", PATH, 200, IP, AGENT, "12,5", i] for i in (a, b))])
        return out.getvalue()

    return written


CELLS = f" {DAY} | GET    | {PATH} |    200 | {IP} | {AGENT} | "
HEAD = "        ts          | method | path  | status | ip | ua | rid "
RULER = "--------------------+--------+-------+--------+----+----+-----"
CURL = (
    "*   Trying 203.0.113.4:443...\n* Connected to api.stripe.com (203.0.113.4) port 443\n> GET /v1/customers?limit=100 HTTP/2\n"
    "> Host: api.stripe.com\n> User-Agent: curl/8.5.0\n> X-Forwarded-For: 198.51.100.7\n>\n< HTTP/2 200\n"
    "< date: Wed, 18 Nov 2026 12:00:00 GMT\n< request-id: {}\n<\n"
    '{{"id": "cus_1",\n  "created": 1795000000}}\n* Connection #0 left intact\n'
)
WAF = {"timestamp": MS, "action": "ALLOW", "responseCodeSent": 200}
ASKED = {"clientIp": IP, "uri": "/v1/customers", "httpMethod": "GET"}
FORMS: dict[str, Text] = {
    "psql": both(lambda i: CELLS + i + "\n", f"{HEAD}\n{RULER}\n", "(2 rows)\n\n"),
    "psql, asked twice": lambda a, b: f"{HEAD}\n{RULER}\n{CELLS}{a}\n(1 row)\n\n{HEAD}\n{RULER}\n{CELLS}{b}\n(1 row)\n",
    "mysql": both(lambda i: f"|{CELLS}{i} |\n", f"+{RULER}+\n|{HEAD}|\n+{RULER}+\n", f"+{RULER}+\n2 rows in set (0.00 sec)\n"),
    "duckdb": both(lambda i: f"|{CELLS}{i} |\n".replace("|", "│"), f"┌{'─' * 9}┬{'─' * 9}┐\n│{HEAD.replace('|', '│')}│\n│{'varchar │' * 7}\n├{'─' * 9}┼{'─' * 9}┤\n", f"└{'─' * 9}┴{'─' * 9}┘\n"),
    "markdown": both(lambda i: f"|{CELLS}{i} |\n", f"|{HEAD}|\n|---|:--|---|--:|---|---|---|\n"),
    "psql, a name a line": both(lambda i: f"-[ RECORD 1 ]-----\nts     | {DAY}\nmethod | GET\npath   | {PATH}\nstatus | 200\nip     | {IP}\nua     | {AGENT}\nrid    | {i}\n"),
    "mysql, a name a line": both(lambda i: f"*************************** 1. row ***************************\n    ts: {DAY}\nmethod: GET\n  path: {PATH}\nstatus: 200\n    ip: {IP}\n    ua: {AGENT}\n   rid: {i}\n"),
    "format-list": both(lambda i: f"\nTimestamp : {DAY}\nMethod    : GET\nPath      : {PATH}\nStatus    : 200\nClientIP  : {IP}\nUserAgent : {AGENT}\nRequestId : {i}\n\n"),
    "gcloud": both(lambda i: f"---\nhttpRequest:\n  remoteIp: {IP}\n  requestMethod: GET\n  requestUrl: https://api.stripe.com{PATH}\n  status: 200\n  userAgent: {AGENT}\njsonPayload:\n  rid: {i}\nlabels:\n- a: b\ntimestamp: '{ISO}'\n"),
    "gcloud, a line of text": both(lambda i: f"---\ninsertId: x\nresource:\n  type: k8s_container\ntextPayload: '{IP} GET {PATH} 200 \"{AGENT}\" {i}'\ntimestamp: '{ISO}'\n"),
    "aws, as YAML": both(lambda i: f"- eventId: '3'\n  message: '{IP} GET {PATH} 200 \"{AGENT}\" {i}'\n  timestamp: {MS}\n", "events:\n", "nextToken: abc\n"),
    "curl": both(CURL.format),
    "a debugger": both(lambda i: f"--> {DAY}\nGET {PATH} HTTP/1.1\nHost: api.stripe.com\nUser-Agent: {AGENT}\nX-Forwarded-For: {IP}\n\n<-- {DAY}\nHTTP/1.1 200 OK\nRequest-Id: {i}\n\n{{}}\n"),
    "pairs of headers": lines(lambda i: {"timestamp": ISO, "request": {"url": PATH, "method": "GET", "headers": [["User-Agent", AGENT], ["X-Forwarded-For", IP], ["Request-Id", i]]}, "status_code": 200}),
    "waf": lines(lambda i: WAF | {"httpRequest": ASKED | {"headers": [{"name": "Host", "value": "x"}, {"name": "User-Agent", "value": AGENT}, {"name": "x-rid", "value": i}]}}),
    "keys and values": lines(lambda i: WAF | ASKED | {"requestHeaders": [{"key": "user-agent", "value": AGENT}, {"key": "rid", "value": i}]}),
    "names and values in turn": lines(lambda i: WAF | ASKED | {"rawHeaders": ["User-Agent", AGENT, "Request-Id", i]}),
    "pino-pretty": both(lambda i: f'[{DAY}.999 +0000] INFO (9): done\n    req: {{\n      "method": "GET",\n      "url": "{PATH}",\n      "remoteAddress": "{IP}",\n      "headers": {{ "user-agent": "{AGENT}" }}\n    }}\n    res: {{\n      "statusCode": 200,\n      "headers": {{ "request-id": "{i}" }}\n    }}\n'),
    "json with carriage returns": lambda a, b: "\r".join(json.dumps({"time": ISO, "method": "GET", "path": PATH, "ip": IP, "status": 200, "user_agent": AGENT, "request_id": i}) for i in (a, b)),
    "cells with tabs": both(lambda i: f"{DAY}\t{IP}\tGET\t{PATH}\t200\t{AGENT}\t{i}\n"),
    "cells with commas": both(lambda i: f"{IP},-,18/Nov/2026:12:00:00 +0000,GET,{PATH},HTTP/1.1,200,512,{AGENT},{i}\n"),
    "real-time": both(lambda i: f"{NOON}.999\t{IP}\t0.002\t200\t512\tGET\thttps\tapi.acme.com\t{PATH}\tHTTP/2.0\tIPv4\t{AGENT}\t-\tMiss\t{i}\n"),
    "zeek": both(lambda i: f"{NOON}.999\tC1\t{IP}\tGET\t{PATH}\t{AGENT}\t200\t{i}\n", "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tmethod\turi\tuser_agent\tstatus_code\trid\n#types\ttime\tstring\taddr\tstring\tstring\tstring\tcount\tstring\n"),
    "german": table("Zeitstempel|Methode|Pfad|Statuscode|IP-Adresse|Browser|Dauer|Anfrage-ID", "18.11.2026 12:00:00"),
    "french": table("Horodatage|Méthode|Chemin|Code d'état|Adresse IP|Agent utilisateur|Durée|Identifiant", "18/11/2026 12:00:00"),
    "dutch": table("Tijdstip|Methode|Pad|Status|IP-adres|User agent|Duur|Verzoek", "18-11-2026 12:00:00"),
    "japanese": table("日時|メソッド|パス|ステータス|IPアドレス|エージェント|時間|番号", "2026/11/18 12:00:00", ","),
    "decimal commas": table("time|method|path|status|ip|user_agent|took|rid", f"{NOON},999"),
    "elastic's fields": lambda a, b: json.dumps({"took": 1, "hits": {"hits": [{"_id": "1", "fields": {"@timestamp": [ISO], "http.request.method": ["GET"], "http.response.status_code": [200], "url.original": [PATH], "source.ip": [IP], "user_agent.original": [AGENT], "rid": [i]}} for i in (a, b)]}}),
    "elastic's columns": lambda a, b: json.dumps({"columns": [{"name": name} for name in ("@timestamp", "method", "path", "status", "ip", "ua", "rid")], "values": [[ISO, "GET", PATH, 200, IP, AGENT, i] for i in (a, b)]}),
    "a header by W3C's name": lines(lambda i: {"timestamp": str(NOON), "c-ip": IP, "sc-status": "200", "cs-method": "GET", "cs-uri-stem": "/v1/customers", "cs(User-Agent)": AGENT, "rid": i}),
    "a path without its slash": lines(lambda i: {"reqTimeSec": f"{NOON}.999", "cliIP": IP, "statusCode": "200", "reqMethod": "GET", "reqPath": "v1/customers", "UA": AGENT, "x": i}),
    "a function's name as path": lines(lambda i: {"timestamp": MS, "path": "api", "proxy": {"method": "GET", "path": PATH, "userAgent": [AGENT], "clientIp": IP, "statusCode": 200}, "message": i}),
    "pairs behind bars": both(lambda i: f"<134>Nov 18 12:00:00 fw CEF:0|Imperva|WAF|1|1|x|5|src={IP} requestMethod=GET request={PATH} status=200 requestClientApplication={AGENT} rt={MS} cs1={i}\n"),
    "stripe's id beside the pairs": both(lambda i: f'{ISO} router at=info method=GET path="{PATH}" request_id=8601b555 fwd="{IP}" status=200 agent="{AGENT}" {i}\n'),
}  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
def test_all_columns_are_read(desk: Desk, own: bool) -> None:
    """All in one load, since each costs half a second."""
    names = {name: (ident(2 * n), ident(2 * n + 1)) for n, name in enumerate(FORMS)}
    for n, (name, ids) in enumerate(names.items()):
        (desk.folder / f"{n}.log").write_text(FORMS[name](*ids))
    desk.importer.load([desk.folder / f"{n}.log" for n in range(len(names))], own=own)
    desk.importer.finish()
    desk.engine.attach(desk.store)
    found: dict[str, Any] = {row[0]: row[1:] for row in desk.rows("request_id, ts, method, endpoint, status, ip, agent")}
    wrong = {name: [found.get(i) for i in ids] for name, ids in names.items() if [found.get(i) for i in ids] != [READ, READ]}
    assert wrong == {}
    assert len(found) == len(desk.rows("ts")) == 2 * len(names), "a ruler, a heading or a footer is no row"
    loaded = desk.importer.loaded
    assert loaded.bad == {} and loaded.notes == {}


def test_of_two_addresses_the_page_asked_for_is_the_one_that_varies(desk: Desk) -> None:
    """As Bunny writes them, without a method, and the page seen before first."""
    line = f"HIT|200|{MS}|412|390|{IP}|https://acme.com/cart|https://api.acme.com/v1/customers?n=%d|DE|{AGENT}|%s|DE\n"
    desk.load("".join(line % (n, ident(n)) for n in range(3)))
    assert desk.rows("request_id, ts, method, endpoint, status, ip, agent") == [(ident(n), NOON, "", *READ[2:]) for n in range(3)]


def test_a_size_is_no_status(desk: Desk) -> None:
    desk.load("".join(f"{DAY} GET,/v1/customers,HTTP/1.1,402,512,{ident(n)}\n" for n in range(3)))
    assert desk.rows("DISTINCT status") == [(402,)]


def test_a_record_that_begins_with_a_time_of_day_is_one_row_without_a_time(desk: Desk) -> None:
    desk.load("".join(f'[12:00:00.999] INFO: done\n    url: "{PATH}"\n    method: "GET"\n    id: "{ident(n)}"\n' for n in range(3)))
    assert desk.rows("request_id, ts") == [(ident(n), 0) for n in range(3)]


def test_an_event_keeps_its_lists(desk: Desk) -> None:
    held = event(1)
    held["data"]["object"]["custom_fields"] = [{"name": "po", "value": "1"}]
    desk.load(json.dumps({"Message": json.dumps(held)}) + "\n", own=False)
    assert desk.rows("id", "events", "true") == [(held["id"],)]


def test_a_header_that_is_sent_twice_keeps_both_values() -> None:
    assert name_pairs.named({"h": [["X-Forwarded-For", "a"], ["X-Forwarded-For", "b"]]}) == {"h": {"X-Forwarded-For": "a, b"}}


def test_what_the_values_tell_twice_is_not_guessed(desk: Desk) -> None:
    """Two columns of times, in a language that is not known here: neither is taken."""
    rows = "".join(f"{DAY};2026-11-19 12:00:00;GET;{PATH};{ident(n)}\n" for n in range(3))
    desk.load("作成;更新;方法;道;番号\n" + rows)
    assert desk.rows("request_id, ts, method") == [(ident(n), 0, "GET") for n in range(3)]


def test_a_request_to_a_proxy_ends_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(
        "> GET /v1/charges HTTP/1.1\n> Host: a\n>\n< HTTP/1.1 402\n<\n> CONNECT api.stripe.com:443 HTTP/1.1\n>\n< HTTP/1.1 200 ok\n"
    )
    assert [(row["path"], row["status"]) for row in transcripts.read(file, lambda *_: None, [])] == [("/v1/charges", "402")]


HOSTILE = {
    "aliases": "---\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "brackets": "---\na: " + "[" * 60_000 + "\n",
    "no end": "---\n" + "a: 'x\n" * 40_000,
    "tags": "---\na: !!python/object/apply:os.system [x]\nb: " + "x" * 70_000 + "\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_yaml_that_is_made_to_cost_much_costs_one_record(tmp_path: Path, name: str) -> None:
    file, bad = tmp_path / "a", list[int]()
    file.write_text(HOSTILE[name] + "---\npath: /v1/charges\n")
    begun = time.process_time()
    read = list(yaml_records.read(file, lambda number, *_: bad.append(number), []))
    assert read == [{"path": "/v1/charges"}] and len(bad) == 1
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "text", ["|" * 100_000, "a | " * 30_000 + "\n" + "--+" * 30_000 + "\n", ("--+--\n" + "a|b\n") * 20_000, "x : " * 50_000]
)
def test_tables_are_read_in_a_time_that_grows_with_their_length(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a"
    file.write_text(text)
    begun = time.process_time()
    printed_tables.form_of(text.splitlines()[:200])
    assert (
        list(printed_tables.ruled(file, lambda *_: None, [])) is not None
        and list(printed_tables.blocks(file, lambda *_: None, [])) is not None
    )
    assert time.process_time() - begun < 3


SDKS = {"stripe-python": ("PythonBindings", "16.1.0"), "stripe-node": ("NodeBindings", "18.1.0"), "stripe-ruby": ("RubyBindings", "12.0.0"), "stripe-php": ("PhpBindings", "16.0.0"), "stripe-java": ("JavaBindings", "29.0.0"), "stripe-go": ("GoBindings", "82.0.0"), "stripe-dotnet": (".NetBindings", "48.0.0")}  # fmt: skip
CLIENTS: dict[str, Callable[[str, str], str]] = {
    "pairs": lambda i, ua: f"time={ISO} method=GET path={PATH} user_agent={ua} ip={IP} request_id={i}",
    "the last pair": lambda i, ua: f"time={ISO} method=GET path={PATH} ip={IP} request_id={i} user_agent={ua}",
    "cef": lambda i, ua: f"<134>Nov 18 12:00:00 fw CEF:0|A|WAF|1|1|x|5|src={IP} requestMethod=GET request={PATH} requestClientApplication={ua} rt={MS} cs1={i}",
    "plus signs": lambda i, ua: json.dumps({"time": ISO, "method": "GET", "path": PATH, "request_id": i, "cs(User-Agent)": ua.replace(" ", "+")}),
    "percent signs": lambda i, ua: json.dumps({"time": ISO, "method": "GET", "path": PATH, "request_id": i, "UA": ua.replace(" ", "%20").replace("/", "%2F")}),
}  # fmt: skip


def test_a_client_is_known_with_its_version_however_its_spaces_are_written(desk: Desk) -> None:
    """Else all SDKs look like one client, and a stranger's is not new."""
    wanted: dict[str, tuple[str, str]] = {}
    for n, name in enumerate(CLIENTS):
        wanted |= {ident(10 * n + m): (family, version) for m, (family, (_, version)) in enumerate(SDKS.items())}
        told = [CLIENTS[name](ident(10 * n + m), f"Stripe/v1 {sdk}/{version}") for m, (sdk, version) in enumerate(SDKS.values())]
        (desk.folder / f"{n}.log").write_text("\n".join(told) + "\n")
    desk.importer.load([desk.folder / f"{n}.log" for n in range(len(CLIENTS))], own=True)
    desk.importer.finish()
    desk.engine.attach(desk.store)
    assert {row[0]: tuple(row[1:]) for row in desk.rows("request_id, agent, agent_version")} == wanted


def paired(when: str) -> Callable[[str], str]:
    return lambda i: f"{when} method=GET path={PATH} request_id={i}"


def fields(**more: Any) -> Callable[[str], str]:
    return lambda i: json.dumps(more | {"method": "GET", "path": PATH, "request_id": i})


WHEN: dict[str, Callable[[str], str]] = {
    "a pair with a space": paired("time=2026-11-18 12:00:00"),
    "and an offset": paired("time=2026-11-18 14:00:00 +0200"),
    "and letters": paired("time=2026-11-18 07:00:00 EST"),
    "a pair and words": paired(f"ts={NOON} renewed until 2027-01-01 00:00:00"),
    "a pair and its zone": paired("ts=2026-11-18T14:00:00 +0200 level=info"),
    "three pairs": paired('date=2026-11-18 time=14:00:00 tz="+0200"'),
    "three fields": fields(date="2026-11-18", time="14:00:00", tz="+0200"),
    "a zone by name": fields(timestamp="2026-11-18 13:00:00", timezone="Europe/Berlin"),
    "an offset": fields(timestamp="2026-11-18T14:00:00", tz_offset="+02:00"),
    "a zone twice": fields(timestamp="2026-11-18T12:00:00Z", timezone="Europe/Berlin"),
    "seconds apart": fields(ts={"seconds": NOON, "nanos": 5}),
}


def test_a_time_is_read_with_its_clock_and_its_zone(desk: Desk) -> None:
    """Else it is off by hours, and nobody is told."""
    for n, name in enumerate(WHEN):
        (desk.folder / f"{n}.log").write_text("".join(WHEN[name](ident(2 * n + m)) + "\n" for m in range(2)))
    desk.importer.load([desk.folder / f"{n}.log" for n in range(len(WHEN))], own=True)
    desk.importer.finish()
    desk.engine.attach(desk.store)
    found: dict[str, int] = dict(desk.rows("request_id, ts"))
    assert {name: [found[ident(2 * n + m)] for m in range(2)] for n, name in enumerate(WHEN)} == {name: [NOON, NOON] for name in WHEN}
