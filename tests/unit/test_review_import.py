"""Foreign files into the normalised store: formats, units, zones, and everything that can be wrong with a file."""

import base64
import gzip
import json
import resource
import secrets
from pathlib import Path
from typing import Any

import pytest

from ir.core.errors import BadFile
from ir.review.ingest.column_map import ColumnMap, load_map
from ir.review.ingest.given_files import expand
from ir.review.ingest.importer import Importer
from ir.review.ingest.load_result import Loaded
from ir.review.ingest.personal_data import person
from ir.review.sql.engine import DuckDb
from ir.review.sql.schema import TABLES

NOON = 1_795_003_200  # 2026-11-18T12:00:00Z


class Desk:
    """An importer over a folder, and a look at what came of it."""

    def __init__(self, folder: Path, maps: tuple[ColumnMap, ...] = ()) -> None:
        self.folder, self.engine = folder, DuckDb(folder / "work", memory_limit="256MB", threads=1)
        self.store = folder / "store"
        self.importer = Importer(self.engine, self.store, maps=maps)

    def load(self, *names: str, own: bool = True) -> Loaded:
        self.importer.load([self.folder / name for name in names], own=own)
        self.importer.finish()
        self.engine.attach(self.store)
        return self.importer.loaded

    def rows(self, columns: str, table: str = "requests") -> list[tuple[Any, ...]]:
        where = "own >= 0" if table == "requests" else "id <> ''"
        return self.engine.rows(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY ts, 1")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_own_logs_in_five_formats_give_the_same_request_ids(desk: Desk) -> None:
    ids = [f"req_{n:014x}" for n in range(5)]
    flat = [json.dumps({"time": "2026-11-18T12:00:00Z", "stripe_request_id": i, "msg": "done"}) for i in ids]
    nested = [json.dumps({"@timestamp": NOON * 1000, "response": {"headers": {"request-id": i}}, "x-request-id": "f00"}) for i in ids]
    logfmt = [f'time=2026-11-18T12:00:00Z level=info msg="called stripe" request_id={i} status=200' for i in ids]
    nginx = [f'10.0.0.1 - - [18/Nov/2026:12:00:00 +0000] "POST /v1/charges HTTP/1.1" 200 12 "-" "Stripe/v1 GoBindings/80" {i}' for i in ids]
    csv = ["Date,Request ID,Status", *[f"2026-11-18 12:00:00,{i},200" for i in ids]]
    for name, lines in {"a.jsonl": flat, "b.jsonl": nested, "c.log": logfmt, "d.log": nginx, "e.csv": csv}.items():
        (desk.folder / name).write_text("\n".join(lines) + "\n")
        one = Desk(desk.folder / f"only-{name}")
        one.folder = desk.folder
        one.load(name)
        assert [r for (r,) in one.engine.rows("SELECT request_id FROM requests ORDER BY 1")] == ids, name
        assert one.rows("DISTINCT ts")[0] == (NOON,), name


@pytest.mark.parametrize(
    "stamp",
    [NOON, float(NOON), str(NOON), NOON * 10**3, NOON * 10**6, NOON * 10**9, "2026-11-18T12:00:00Z", "2026-11-18T14:00:00+02:00",
     "2026-11-18 12:00:00", "2026-11-18T12:00:00.250000Z", "18/Nov/2026:13:00:00 +0100", "Nov 18, 2026 12:00:00"],
)  # fmt: skip
def test_a_time_in_any_unit_or_zone(desk: Desk, stamp: object) -> None:
    (desk.folder / "a.jsonl").write_text(json.dumps({"time": stamp, "request_id": "req_abcdefgh"}) + "\n")
    desk.load("a.jsonl")
    assert desk.rows("ts") == [(NOON,)]


def test_torn_lines_are_counted_shown_kept_aside_and_their_id_still_counts(desk: Desk) -> None:
    good = [json.dumps({"ts": NOON + n, "request_id": f"req_{n:08d}"}) for n in range(1000)]
    lines = [*good[:500], '{"ts": 17950, "request_id": "req_torntorn', *good[500:], "\x00\x01 not json"]
    with gzip.open(desk.folder / "a.jsonl.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    loaded = desk.load("a.jsonl.gz")
    assert loaded.rows["egress"] == 1000
    assert loaded.bad["egress"] == 2
    assert {(row["file"], row["line"]) for row in loaded.examples} >= {(str(desk.folder / "a.jsonl.gz"), 501)}
    assert (desk.folder / "store" / "aside.jsonl").read_text().count("\n") == 2
    assert desk.engine.rows("SELECT COUNT(*) FROM requests WHERE request_id = 'req_torntorn' AND own = 1") == [(1,)]


def test_a_truncated_gzip_is_read_up_to_its_end(desk: Desk) -> None:
    whole = gzip.compress(
        "".join(json.dumps({"ts": NOON + n, "request_id": f"req_{n * 7919:012x}"}) + "\n" for n in range(50_000)).encode()
    )
    (desk.folder / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    loaded = desk.load("a.jsonl.gz")
    assert 10_000 < loaded.rows["egress"] < 50_000
    assert any("gzip ends too early" in note for note in loaded.notes["egress"])


def test_duplicated_lines_count_once(desk: Desk) -> None:
    line = json.dumps({"ts": NOON, "request_id": "req_aaaaaaaa"}) + "\n"
    (desk.folder / "a.jsonl").write_text(line * 5)
    (desk.folder / "b.jsonl").write_text(line)
    desk.load("a.jsonl", "b.jsonl")
    assert desk.rows("request_id") == [("req_aaaaaaaa",)]


def test_an_endless_line_binary_junk_and_nothing_harm_nobody(desk: Desk) -> None:
    good = json.dumps({"ts": NOON, "request_id": "req_aaaaaaaa"}).encode()
    with (desk.folder / "long.jsonl").open("wb") as file:
        file.write(good + b'\n{"ts": 1, "x": "')
        for _ in range(192):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + good.replace(b"aaaaaaaa", b"bbbbbbbb") + b"\n")
    (desk.folder / "junk.jsonl").write_bytes(good.replace(b"aaaaaaaa", b"cccccccc") + b"\n" + bytes(range(256)) * 50 + b"\n")
    (desk.folder / "empty.jsonl").write_bytes(b"")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded = desk.load("long.jsonl", "junk.jsonl", "empty.jsonl")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert {"req_aaaaaaaa", "req_bbbbbbbb", "req_cccccccc"} <= {r for (r,) in desk.rows("request_id")}
    assert any(row["why"] == "line is too long" and row["line"] == 2 for row in loaded.examples)
    assert any("empty" in note for note in loaded.notes["egress"])
    assert grown < 300, f"{grown} MB for a line of 192 MB"


def test_missing_columns_are_empty_and_missing_files_are_said(desk: Desk) -> None:
    (desk.folder / "a.csv").write_text("Request ID;Foo\nreq_aaaaaaaa;1\nreq_bbbbbbbb\n")
    loaded = desk.load("a.csv")
    assert desk.rows("request_id, ts, status, ip") == [("req_aaaaaaaa", 0, 0, ""), ("req_bbbbbbbb", 0, 0, "")]
    assert expand([str(desk.folder / "no*such")])[1] == [f"{desk.folder}/no*such: no such file"]
    desk.importer.load([desk.folder / "gone.jsonl"], own=True)
    assert any("cannot be opened" in note for note in loaded.notes["egress"])


def event(n: int) -> dict[str, Any]:
    thing = {
        "id": f"ch_{n}",
        "object": "charge",
        "amount": 500 + n,
        "currency": "JPY",
        "customer": "cus_1",
        "payment_method_details": {"card": {"fingerprint": "fp1", "brand": "visa", "country": "US", "funding": "prepaid"}},
    }
    return {
        "id": f"evt_{n}",
        "object": "event",
        "type": "charge.succeeded",
        "created": NOON,
        "livemode": True,
        "request": {"id": f"req_e{n:07d}", "idempotency_key": None},
        "data": {"object": thing},
    }


def test_events_raw_and_in_both_clouds_envelopes(desk: Desk) -> None:
    bridge = {"version": "0", "detail-type": "charge.succeeded", "source": "aws.partner/stripe.com/ed_1", "detail": event(1)}
    grid = {"specversion": "1.0", "type": "com.stripe.v1", "source": "x", "id": "y", "data": event(2)}
    thin = {
        "id": "evt_test_3",
        "object": "v2.core.event",
        "type": "v2.core.account.created",
        "created": "2026-11-18T12:00:00.000Z",
        "livemode": True,
        "reason": {"type": "request", "request": {"id": "req_thin0001", "idempotency_key": "k"}},
    }
    (desk.folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (event(0), bridge, grid, thin)))
    desk.load("a.jsonl", own=False)
    assert desk.rows("id, request_id, amount, currency, card, card_group, idem_format", "events") == [
        ("evt_0", "req_e0000000", 500, "jpy", "fp1", "visa US prepaid", "none"),
        ("evt_1", "req_e0000001", 501, "jpy", "fp1", "visa US prepaid", "none"),
        ("evt_2", "req_e0000002", 502, "jpy", "fp1", "visa US prepaid", "none"),
        ("evt_test_3", "req_thin0001", 0, "", "", "", "other"),
    ]
    assert {row[0] for row in desk.rows("ts", "events")} == {NOON}


def test_a_json_list_an_api_page_and_a_cut_document(desk: Desk) -> None:
    (desk.folder / "list.json").write_text(json.dumps([event(0), event(1)], indent=1))
    (desk.folder / "page.json").write_text(json.dumps({"object": "list", "data": [event(2)], "has_more": False}))
    (desk.folder / "cut.json").write_text(json.dumps([event(3), event(4)], indent=1)[:-40])
    loaded = desk.load("list.json", "page.json", "cut.json", own=False)
    assert [r[0] for r in desk.rows("id", "events")] == ["evt_0", "evt_1", "evt_2", "evt_3"]
    assert loaded.bad


def test_logs_tail_workbench_csv_and_security_history(desk: Desk) -> None:
    tail = {
        "created_at": NOON,
        "livemode": False,
        "method": "POST",
        "request_id": "req_tail0001",
        "status": 402,
        "url": "/v1/payment_intents",
        "error": {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor"},
    }
    (desk.folder / "tail.jsonl").write_text(json.dumps(tail) + "\n")
    (desk.folder / "workbench.csv").write_text(
        "Date,Method,Path,Status,Request ID,IP address,API key,User agent\n"
        f'"2026-11-18 12:00:01",GET,/v1/customers?limit=100&starting_after=cus_1,200,req_work0001,198.51.100.7,sk_{"live"}_…abcd,curl/8.5\n'
    )
    (desk.folder / "history.csv").write_text(
        "Date,User,Action,IP address\n2026-11-18 12:00:02,a@example.com,Api key created,198.51.100.7\n"
    )
    desk.load("tail.jsonl", "workbench.csv", "history.csv", own=False)
    assert desk.rows("request_id, verb, status, error_code, decline_code, endpoint, paged, page_size, ip, net, agent")[0][:5] == (
        "req_tail0001", "write", 402, "card_declined", "do_not_honor",
    )  # fmt: skip
    work = desk.rows("request_id, endpoint, paged, page_size, ip, net, agent, key_id")[1]
    assert work[:7] == ("req_work0001", "/v1/customers", 1, 100, "198.51.100.7", "198.51.100.0/24", "curl")
    assert work[7].startswith("key:")
    assert desk.engine.rows("SELECT ts, type, actor, ip FROM activity") == [
        (NOON + 2, "api_key_created", person("a@example.com"), "198.51.100.7")
    ]


def test_nothing_secret_survives_the_import(desk: Desk) -> None:
    key, pan = "sk_" + "live_" + "5" * 40, "4242 4242 4242 4242"
    row = {
        "ts": NOON,
        "request_id": "req_aaaaaaaa",
        "path": f"/v1/customers/{pan}?key={key}",
        "key": key,
        "user_agent": f"x {key}",
        "error_code": f"card {pan}",
        "ip": pan,
        "method": "GET",
        "customer": key,
        "status": 200,
    }
    (desk.folder / "a.jsonl").write_text(json.dumps(row) + "\n" + f"torn {key}\n")
    loaded = desk.load("a.jsonl", own=False)
    kept = str(desk.rows("*")) + str(loaded.examples) + (desk.folder / "store" / "aside.jsonl").read_text()
    assert "5" * 12 not in kept
    assert "4242" not in kept


def test_a_column_map_of_a_human(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(
        "kind: requests\nfiles: '*.jsonl'\ncolumns: {at: eventTime, request_id: eventID, endpoint: [service, eventName], verb: readOnly, key_id: who.key}\n"
    )
    desk = Desk(tmp_path, (load_map(str(tmp_path / "map.yaml")),))
    row = {
        "eventTime": "2026-11-18T12:00:00Z",
        "eventID": "e-1",
        "service": "s3",
        "eventName": "GetObject",
        "readOnly": True,
        "who": {"key": "k1"},
    }
    (tmp_path / "trail.jsonl").write_text(json.dumps(row) + "\n")
    desk.load("trail.jsonl", own=False)
    assert desk.rows("ts, request_id, endpoint, verb, key_id, own") == [(NOON, "e-1", "s3:GetObject", "read", "k1", 0)]


def test_a_wrong_map_is_explained(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("columns: {when: eventTime}\n")
    with pytest.raises(BadFile, match="no such column: when"):
        load_map(str(tmp_path / "map.yaml"))


def test_every_column_is_documented() -> None:
    assert all(column.meaning for columns in TABLES.values() for column in columns)


def test_ids_in_paths_are_told_from_words(desk: Desk) -> None:
    wanted = {
        "/v1/charges/ch_3Abc": "/v1/charges/:id",
        "/v1/radar/value_lists": "/v1/radar/value_lists",
        "/v1/test_helpers/test_clocks": "/v1/test_helpers/test_clocks",
        "/v1/accounts/acct_1Ab/capabilities": "/v1/accounts/:id/capabilities",
        "/v2/core/events/evt_test9": "/v2/core/events/:id",
    }
    rows = desk.engine.rows("SELECT p, ir_endpoint(p) FROM (SELECT unnest(?) AS p) x".replace("?", str(list(wanted))))
    assert dict(rows) == wanted


def test_no_secret_passes_as_an_id(desk: Desk) -> None:
    kept = {"ch_3Abc9": "ch_3Abc9", "pi_3Abcdefghijklmn": "pi_3Abcdefghijklmn", "cus_4242": "cus_4242"}
    body = secrets.token_hex(12)
    key = f"sk_{'live'}_{body}"
    gone = [key, f"whsec_{body}", base64.b64encode(f"{key[:26]}:".encode()).decode(), "4242424242424242"]
    rows: dict[str, str] = dict(desk.engine.rows(f"SELECT x, ir_text(x) FROM (SELECT unnest({[*kept, *gone]}) AS x) y"))
    assert {x: rows[x] for x in kept} == kept
    assert not any(secret[6:16] in rows[secret] for secret in gone)
