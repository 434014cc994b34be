"""Everything that can be wrong with a file: what was skipped is said, the rest is right, nothing crashes, memory stays bounded."""

import gzip
import json
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ir.review.ingest import locate_unreadable, unreadable
from ir.review.ingest.column_map import ColumnMap
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.importer import Importer
from ir.review.ingest.load_result import Loaded
from ir.review.sql.engine import DuckDb

NOON = 1_795_003_200  # 2026-11-18T12:00:00Z
HUGE = int(os.environ.get("IR_TEST_LINE_MB", "48"))
"""MB of the line without end; 1024 is the size that was promised, run by hand."""


def line(n: int, **more: object) -> str:
    return json.dumps({"ts": NOON + n, "request_id": f"req_{n:08d}", **more}) + "\n"


class Desk:
    def __init__(self, folder: Path, *maps: ColumnMap) -> None:
        self.folder, self.store = folder, folder / "store"
        self.engine = DuckDb(folder / "work", memory_limit="256MB", threads=1)
        self.importer = Importer(self.engine, self.store, maps=maps)

    def load(self, data: dict[str, str | bytes], *, own: bool = True) -> Loaded:
        for name, text in data.items():
            (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        self.importer.load([self.folder / name for name in data], own=own)
        self.repeated = self.importer.finish()
        self.engine.attach(self.store)
        return self.importer.loaded

    def ids(self) -> list[str]:
        return [str(i) for (i,) in self.engine.rows("SELECT request_id FROM requests WHERE request_id <> '' ORDER BY 1")]

    def aside(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in (self.store / "aside.jsonl").read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_broken_csv_lines_are_kept_aside_and_the_rest_is_read(desk: Desk) -> None:
    rows = [f"2026-11-18 12:00:0{n},req_{n:08d},200" for n in range(8)]
    rows[2] = '"2026-11-18 never closed,req_lost0001,200'
    rows[4] = "2026-11-18 12:00:04,req_lost0002,200,too,many"
    rows[6] = '2026-11-18 12:00:06,"two\nlines of req_00000006",200'
    loaded = desk.load({"a.csv": "\n".join(["Date,Request ID,Status", *rows]) + "\n"})
    assert {"req_00000000", "req_00000001", "req_00000003", "req_00000005", "req_00000006", "req_00000007"} <= set(desk.ids())
    assert {"req_lost0001", "req_lost0002"} <= set(desk.ids()), "an id of ours in a broken line is still ours"
    assert loaded.bad == {"egress": 2}
    assert [(Path(row["file"]).name, row["line"], row["why"]) for row in desk.aside()] == [
        ("a.csv", 4, "quotes do not close"),
        ("a.csv", 6, "too many fields, or a stray quote"),
    ]


def test_a_csv_that_is_not_utf_8(desk: Desk) -> None:
    text = "Date,Request ID,Status,Note\n" + "".join(f"2026-11-18 12:00:00,req_{n:08d},200,caf\u00e9\n" for n in range(3))
    loaded = desk.load({"a.csv": text.encode("latin-1")})
    assert desk.ids() == [f"req_{n:08d}" for n in range(3)]
    assert not loaded.bad


@pytest.mark.parametrize("name", ["a.log.gz", "a.csv.gz", "a.jsonl.gz", "a.logfmt.gz"])
def test_a_truncated_gzip_of_any_format(desk: Desk, name: str) -> None:
    spoken = random.Random(4)  # noqa: S311 # noise, no secret
    shapes = {
        "a.log.gz": '10.0.0.1 - - [18/Nov/2026:12:00:00 +0000] "POST /v1/charges HTTP/1.1" 200 1 "-" "x" {}',
        "a.csv.gz": "2026-11-18 12:00:00,{},200",
        "a.jsonl.gz": '{{"ts": 1795003200, "request_id": "{}"}}',
        "a.logfmt.gz": "time=2026-11-18T12:00:00Z level=info request_id={} status=200",
    }
    head = ["Date,Request ID,Status"] if "csv" in name else []
    whole = gzip.compress("\n".join([*head, *[shapes[name].format(f"req_{spoken.getrandbits(60):015x}") for _ in range(5000)]]).encode())
    loaded = desk.load({name: whole[: len(whole) // 2]})
    assert 1000 < len(desk.ids()) < 4000
    assert any("gzip ends too early" in note for note in loaded.notes["egress"])


def test_bytes_damaged_inside_a_gzip(desk: Desk) -> None:
    noise = random.Random(5)  # noqa: S311 # noise, no secret
    whole = bytearray(gzip.compress("".join(line(n, x=noise.getrandbits(200)) for n in range(5000)).encode()))
    whole[len(whole) // 2 : len(whole) // 2 + 64] = b"\xaa" * 64
    loaded = desk.load({"a.jsonl.gz": bytes(whole), "b.jsonl": line(9999)})
    assert 1000 < len(desk.ids()) < 4500
    assert "req_00009999" in desk.ids()
    assert any("gzip" in note for note in loaded.notes["egress"])


def test_units_and_zones_mixed_in_one_file(desk: Desk) -> None:
    stamps = [NOON, NOON * 10**3, NOON * 10**6, NOON * 10**9, "2026-11-18T14:00:00+02:00", "2026-11-18T12:00:00Z", "2026-11-18 12:00:00,5",
              "Wed, 18 Nov 2026 12:00:00 GMT", "20261118120000", "2026-11-18T07:00:00-05:00[America/New_York]", "18/Nov/2026:13:00:00 +0100"]  # fmt: skip
    desk.load({"a.jsonl": "".join(json.dumps({"time": t, "request_id": f"req_{n:08d}"}) + "\n" for n, t in enumerate(stamps))})
    assert desk.engine.rows("SELECT request_id, ts FROM requests WHERE ts <> 1795003200") == []


def test_times_without_a_zone_are_in_the_maps(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ColumnMap(zone="Europe/Berlin", columns={"ts": "when", "request_id": "id"}))
    desk.load({"a.csv": "when,id\n2026-11-18 13:00:00,req_00000001\n2026-07-18 14:00:00,req_00000002\n2026-11-18T12:00:00Z,req_00000003\n"})
    assert desk.engine.rows("SELECT request_id, ts FROM requests ORDER BY 1") == [
        ("req_00000001", NOON), ("req_00000002", NOON - 123 * 86400), ("req_00000003", NOON),
    ]  # fmt: skip


def test_repeated_lines_and_files_count_once_and_it_is_said(desk: Desk) -> None:
    desk.load({"a.jsonl": line(1) * 3 + line(2), "b.jsonl": line(2)})
    assert desk.ids() == ["req_00000001", "req_00000002"]
    assert desk.repeated["requests"] == 3


def test_binary_junk_archives_and_nothing(desk: Desk) -> None:
    junk = random.Random(1).randbytes(200_000)  # noqa: S311 # noise, no secret
    loaded = desk.load(
        {
            "junk.bin": junk,
            "empty.log": b"",
            "blank.log": b"\n\n  \n",
            "a.zip": b"PK\x03\x04" + junk,
            "a.zst": b"\x28\xb5\x2f\xfd" + junk,
            "junk.gz": b"\x1f\x8b\x08\x00" + junk,
            "good.jsonl": line(1) + "\0\0\0 torn\n" + line(2),
        }
    )
    assert {"req_00000001", "req_00000002"} <= set(desk.ids())
    said = " ".join(loaded.notes["egress"])
    for name in ("empty.log: empty", "blank.log: empty", "a.zip: a zip archive", "a.zst: compressed with zstd", "junk.gz"):
        assert name in said, name
    assert loaded.bad["egress"] > 100, "lines of junk are counted"


def test_columns_that_are_missing_are_empty_and_lines_without_any_are_counted(desk: Desk) -> None:
    text = '{"ts": 1795003200}\n{"request_id": "req_00000001"}\n{"other": 1}\n[1, 2]\n"text"\n7\n'
    loaded = desk.load({"a.jsonl": line(7) * 5 + text})
    assert "req_00000001" in desk.ids()
    assert loaded.bad == {"egress": 4}
    assert [(row["line"], row["why"]) for row in desk.aside()] == [
        (8, "no field that is known here"), (9, "not a JSON object"), (10, "not a JSON object"), (11, "not a JSON object"),
    ]  # fmt: skip


def test_events_among_other_lines(desk: Desk) -> None:
    event = {"id": "evt_1", "object": "event", "type": "charge.succeeded", "created": NOON, "data": {"object": {"id": "ch_1"}}}
    loaded = desk.load(
        {"a.jsonl": json.dumps(event) + "\n" + '{"msg": "started"}\n' + json.dumps(event | {"id": "evt_2"})[:-20] + "\n"}, own=False
    )
    assert desk.engine.rows("SELECT id FROM events") == [("evt_1",)]
    assert loaded.bad == {"events": 2}
    assert {row["line"] for row in desk.aside()} == {2, 3}


def test_text_lines_that_say_nothing_are_kept_aside(desk: Desk) -> None:
    text = "nothing here\n2026-11-18 12:00:00 INFO stripe req_00000001 done\n2026-11-18 12:00:01 INFO x\n"
    loaded = desk.load({"a.log": text})
    assert desk.ids() == ["req_00000001"]
    assert loaded.bad == {"egress": 1}
    assert desk.aside()[0] | {"file": ""} == {
        "source": "egress", "file": "", "line": 1, "why": "no field that is known here", "text": "",
    }  # fmt: skip


def test_keys_in_lines_that_were_kept_aside_are_scrubbed(desk: Desk) -> None:
    key = "sk_" + "live_" + "7" * 30
    desk.load(
        {"a.jsonl": line(1) + f'{{"authorization": "Bearer {key}", "card": "4242 4242 4242 4242", "request_id": "req_00000002", torn\n'}
    )
    kept = (desk.store / "aside.jsonl").read_text()
    assert "req_00000002" in kept
    assert "7777" not in kept
    assert "4242 4242" not in kept


@pytest.mark.parametrize("name", ["a.jsonl", "a.log", "a.csv", "a.json", "a.logfmt"])
def test_a_line_without_end_is_skipped_in_bounded_memory(tmp_path: Path, name: str) -> None:
    """Two good records around one of many MB, in a process of its own so that its memory is its own."""
    shapes = {
        "a.jsonl": ("", '{"ts": 1795003200, "request_id": "REQ"}', '{"ts": 1, "x": "', '"}', ""),
        "a.log": ("", "2026-11-18 12:00:00 INFO stripe REQ done", "2026-11-18 12:00:00 ", "", ""),
        "a.csv": ("Date,Request ID,Status\n", "2026-11-18 12:00:00,REQ,200", "2026-11-18 12:00:00,", ",200", ""),
        "a.json": ('[\n{"ts": 1795003200, "request_id": "req_00000000"},\n', '{"ts": 1795003200, "request_id": "REQ"},', '{"ts": 1, "x": "', '"},', '{"ts": 3}]'),
        "a.logfmt": ("", "time=2026-11-18T12:00:00Z level=info request_id=REQ", "time=2026-11-18T12:00:00Z level=info x=", "", ""),
    }  # fmt: skip
    head, good, before, after, tail = shapes[name]
    with (tmp_path / name).open("w") as out:
        out.write(head + good.replace("REQ", "req_00000001") + "\n" + before)
        for _ in range(HUGE):
            out.write("x" * (1 << 20))
        out.write(after + "\n" + good.replace("REQ", "req_00000002") + "\n" + tail)
    script = """
        import resource, sys
        from pathlib import Path
        from tests.unit.test_review_bad_input import Desk
        desk = Desk(Path(sys.argv[1]))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        desk.importer.load([Path(sys.argv[1]) / sys.argv[2]], own=True)
        desk.importer.finish()
        desk.engine.attach(desk.store)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
        print(grown, desk.importer.loaded.bad.get("egress"), *[e["why"] for e in desk.importer.loaded.examples], sep="|")
        print(*desk.ids(), sep="|")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), name], capture_output=True, text=True, timeout=600, check=True
    )
    told, ids = done.stdout.splitlines()
    grown, bad, *why = told.split("|")
    assert {"req_00000001", "req_00000002"} <= set(ids.split("|"))
    assert (bad, [w.split(" is ")[1] for w in why]) == ("1", ["too long"])
    assert int(grown) < 200, f"{grown} MB more for a line of {HUGE} MB"


def test_a_line_of_junk_with_carriage_returns_is_one_line(desk: Desk) -> None:
    read = "".join(f"2026-11-18 12:00:00 POST /v1/charges 200 req_{n:08d}\n" for n in range(9))
    loaded = desk.load({"a.log": "junk\rmore junk\rreq_\n" + "junk\r\n" + "junk\n" + read})
    assert loaded.bad == {"egress": 3}
    assert [row["line"] for row in desk.aside()] == [1, 2, 3]


def test_an_old_file_of_carriage_returns_alone(desk: Desk) -> None:
    loaded = desk.load({"a.log": "".join(f"2026-11-18 12:00:00 POST /v1/charges 200 req_{n:08d}\r" for n in range(50)) + "junk\rmore\r"})
    assert len(desk.ids()) == 50
    assert loaded.bad == {"egress": 2}
    assert [row["line"] for row in desk.aside()] == [51, 52]


def test_torn_lines_are_counted_all_and_held_only_as_ids(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate_unreadable, "KEPT", 3)
    monkeypatch.setattr(unreadable, "KEPT", 3)
    torn = '{"request_id": "req_torn%04d", "note": "' + "x" * 5000
    file = desk.folder / "a.jsonl"
    file.write_text(line(1) + "".join(torn % n + "\n" for n in range(40)) + line(2))
    found = locate_unreadable.torn_json(Shape("jsonl", "requests", (), own=True), file, 40, [], lambda _: None)
    assert found.count == 40
    assert found.kept == [(n + 2, "not a JSON object", b"req_torn%04d" % n) for n in range(3)], "not their five thousand letters"
    desk.importer.load([file], own=True)
    desk.importer.finish()
    desk.engine.attach(desk.store)
    assert desk.importer.loaded.bad == {"egress": 40}
    assert len(desk.ids()) == 42, "ids of ours in lines that were not kept are ours all the same"
    assert len(desk.aside()) == 3
    assert any("37 further unreadable lines" in note for note in desk.importer.loaded.notes["egress"])


def test_an_unreadable_line_is_found_by_its_number_however_the_file_was_cut(desk: Desk) -> None:
    """Whole pieces are passed over where nothing is wrong: junk at their edges, in their midst, first and last."""
    rows = [line(n, note="y" * 900) for n in range(3000)]
    torn = (0, 1, 272, 273, 274, 1500, 2999)
    for at in torn:
        rows[at] = rows[at][:-3] + "\n"
    rows[700] = "  " + rows[700].rstrip() + " \n"
    rows[701] = "\n"
    text = "".join(rows).rstrip("\n")
    loaded = desk.load({"a.jsonl": text, "b.jsonl.gz": gzip.compress(text.encode())})
    assert loaded.bad == {"egress": 2 * len(torn)}
    found = sorted((Path(row["file"]).name, row["line"]) for row in desk.aside())
    assert found == [(name, at + 1) for name in ("a.jsonl", "b.jsonl.gz") for at in torn]
