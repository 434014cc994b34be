"""Gzips that go to the engine through pipes: nothing is lost, nothing waits for ever."""

import gzip
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from ir.review.ingest import damage_scan, locate_unreadable
from ir.review.ingest.byte_stream import WRONG_SUM
from ir.review.ingest.importer import Importer
from ir.review.ingest.load_result import Loaded
from ir.review.ingest.piped_gzips import PipedGzips
from ir.review.sql.engine import DuckDb

LINES = b'{"a": 1}\n{"a": 2}\n{"a": \n' + b'{"a": 3}\n' * 200_000


def packed(file: Path, content: bytes = LINES) -> Path:
    file.write_bytes(gzip.compress(content))
    return file


def test_one_pass_gives_the_bytes_and_finds_torn_lines(tmp_path: Path) -> None:
    one, plain = packed(tmp_path / "one.gz"), tmp_path / "plain.jsonl"
    plain.write_bytes(LINES)
    ids: list[bytes] = []
    with PipedGzips([one, plain], tmp_path / "pipes", ids.append) as piped:
        pipe, same = piped.names
        assert pipe.read_bytes() == LINES
    assert same == plain and piped.whole and list(piped.fed) == [one]
    assert piped.file_of(pipe) == one and piped.file_of(plain) == plain
    assert piped.fed[one].torn.count == 1 and piped.fed[one].torn.kept[0][0] == 3 and ids == [b'{"a": ']
    assert piped.read == one.stat().st_size
    assert not (tmp_path / "pipes").exists()


def test_a_wrong_sum_is_noted_and_a_cut_gzip_is_not_whole(tmp_path: Path) -> None:
    wrong, cut = packed(tmp_path / "wrong.gz"), packed(tmp_path / "cut.gz")
    wrong.write_bytes(wrong.read_bytes()[:-8] + b"\1\2\3\4" + wrong.read_bytes()[-4:])
    cut.write_bytes(cut.read_bytes()[:-200])
    for file, whole in ((wrong, True), (cut, False)):
        with PipedGzips([file], tmp_path / "pipes", lambda _: None) as piped:
            read = piped.names[0].read_bytes()
        assert piped.whole is whole
        assert (read == LINES) is whole
        assert (WRONG_SUM in piped.fed[file].notes) is whole


def test_what_is_not_read_to_its_end_is_not_whole_and_nothing_waits(tmp_path: Path) -> None:
    files = [packed(tmp_path / f"{number}.gz") for number in range(3)]
    with PipedGzips(files, tmp_path / "pipes", lambda _: None) as piped:
        with piped.names[0].open("rb") as begun:
            begun.read(10)
        piped.names[1].read_bytes()
    assert [one.whole for one in piped.fed.values()] == [False, True, False]
    assert not piped.whole and not (tmp_path / "pipes").exists()


def test_a_file_that_is_gone_is_left_to_the_engine(tmp_path: Path) -> None:
    piped = PipedGzips([tmp_path / "gone.gz"], tmp_path / "pipes", lambda _: None)
    assert piped.names == [tmp_path / "gone.gz"] and not piped.fed


def load(folder: Path, *names: str, own: bool) -> tuple[Loaded, DuckDb]:
    engine = DuckDb(folder / "work", memory_limit="256MB")
    importer = Importer(engine, folder / "store")
    importer.load([folder / name for name in names], own=own)
    importer.finish()
    engine.attach(folder / "store")
    return importer.loaded, engine


def test_a_gzip_is_unpacked_once_and_its_torn_lines_are_told_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object) -> None:
        raise AssertionError("it is read again")

    monkeypatch.setattr(damage_scan, "checked", again)
    monkeypatch.setattr(locate_unreadable, "pieces", again)
    row = '{"ts": 1795003200, "request_id": "req_%014x", "path": "/v1/charges"}\n'
    rows = [row % number for number in range(1000)]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("".join(rows).encode()))
    rows[500] = '{"ts": 17, "request_id": "req_feedfacefeed01"\n'
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress("".join(rows).encode()))
    loaded, engine = load(tmp_path, "a.jsonl.gz", "b.jsonl.gz", own=True)
    assert loaded.rows == {"egress": 1999} and loaded.bad == {"egress": 1} and not loaded.notes.get("egress")
    told = [(Path(one["file"]).name, one["line"]) for one in loaded.examples]
    assert told == [("b.jsonl.gz", 501)]
    assert engine.rows("SELECT COUNT(*) FROM requests WHERE own = 1 AND request_id = 'req_feedfacefeed01'") == [(1,)]
    engine.close()


def test_events_with_other_fields_are_loaded_together(tmp_path: Path) -> None:
    event = {"id": "evt_1", "object": "event", "type": "charge.succeeded", "created": 1_795_003_200, "data": {"object": {"id": "ch_1"}}}
    other = event | {"id": "evt_2", "account": "acct_2", "data": {"object": {"id": "po_1", "amount": 5, "destination": "ba_1"}}}
    for name, one in (("a.jsonl", event), ("b.jsonl", other)):
        (tmp_path / name).write_text(json.dumps(one) + "\n")
    _, engine = load(tmp_path, "a.jsonl", "b.jsonl", own=False)
    assert engine.rows("SELECT id, account, object_id, amount, destination FROM events ORDER BY id") == [
        ("evt_1", "", "ch_1", 0, ""),
        ("evt_2", "acct_2", "po_1", 5, "ba_1"),
    ]
    assert len(list((tmp_path / "store").glob("events-*.parquet"))) == 1
    engine.close()


def test_progress_is_told_while_a_file_is_being_closed(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(b"{}\n"))
    piped = PipedGzips([file], tmp_path / "pipes", lambda _: None)
    half_closed = file.open("rb", buffering=0)
    os.close(half_closed.fileno())  # as the thread that reads it leaves it for a moment
    piped._open[file] = half_closed  # noqa: SLF001
    assert piped.read == 0
    with suppress(OSError):
        half_closed.close()
