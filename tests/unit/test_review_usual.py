"""Usual values are looked up: the rows are the same as without, whatever stands in a log, and nothing raw stays in the engine."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ir.review.ingest import importer, usual_values
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.importer import Importer
from ir.review.ingest.lookups import Usual
from ir.review.sql.engine import DuckDb
from ir.review.sql.schema import TABLES

_ODD: tuple[Any, ...] = (
    None,
    "",
    " ",
    "\t",
    "null",
    "-",
    "undefined",
    0,
    17,
    True,
    {"a": 1},
    ["x"],
    "\x00",
    "a\nb",
    "\ud800",
    "Ünïcode",
    "x" * 300,
)
_VALUES: dict[str, tuple[Any, ...]] = {
    "service": ("checkout", "Checkout", "CHECKOUT ", "jane.roe@example.org"),
    "request_id": ("req_Aa1", "req_aA1", "see req_Bb2 twice", "other-1"),
    "method": ("GET", "get", " post", "POST", "HEAD /x", "delete"),
    "path": (
        "/v1/charges", "/V1/charges", "/v1/charges/", "/v1/customers/cus_A1?expand[]=sources&limit=3", "https://api.stripe.com/v1/refunds?a=1",
        "GET /v1/balance HTTP/1.1", "/v1/charges?starting_after=ch_Zz99&limit=100", "v1/charges",
    ),
    "status": ("200", 402, "4e2", "99999"),
    "key": ("mk_1", "MK_1", "Bearer sk_" + "live_" + "Q" * 24, "sk_" + "live_" + "q" * 24),
    "ip": ("10.0.0.1", "10.0.0.1:443", "2001:DB8::1", "2001:db8::1", "999.1.2.3.4"),
    "user_agent": ("Stripe/v1 NodeBindings/18.1", "stripe/v1 nodebindings/18.1", "curl/8.1", "Mozilla/5.0 (X11)"),
    "idempotency_key": ("stripe-node-retry-1", "none", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    "stripe_version": ("2026-10-28.endive", "2026-10-28", "20261028", "2026-10-28.Endive"),
    "ts": (1_795_003_200, "2026-11-18T12:00:00Z", "1795003200000", "0000000001", "999999999a", "+795003200"),
}  # fmt: skip


def _lines() -> list[bytes]:
    """Each value of each field often, beside ever other values of the others; then each with blanks and other letters."""
    turns = {name: cycle((*values, *_ODD)) for name, values in _VALUES.items()}
    made = [json.dumps({"path": "/v1/" + "y" * 40_000, "ip": "1" * 40_000}).encode()] * 2
    made += [json.dumps({name: next(values) for name, values in turns.items()}).encode() for _ in range(1500)]
    made += [json.dumps({name: str(value).swapcase() + " " for name, (*_, value) in _VALUES.items()}).encode()]
    made += [b'{"ts": 17', b"", b"[]", b'"text"', b"{}", b"{}", *[b'{"path": "/v1/\xff\xfe", "ip": "\xc3"}'] * 2]
    return made


def _rows(folder: Path, file: Path, *, own: bool) -> list[tuple[Any, ...]]:
    engine = DuckDb(folder / "work", memory_limit="256MB")
    load = Importer(engine, folder / "store")
    load.load([file], own=own)
    told = [(sorted(load.loaded.rows.items()), sorted(load.loaded.bad.items()))]
    names = ", ".join(column.name for column in TABLES["requests"])
    stored = engine.rows(f"SELECT {names}, bad FROM read_parquet('{folder}/store/requests-*.parquet', union_by_name = true) ORDER BY ALL")
    assert not engine.rows("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '%usual%'")
    assert not list((folder / "store").glob("sample*"))
    engine.close()
    return [*told, *stored]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_looked_up_rows_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool, packed: bool) -> None:
    file = tmp_path / ("log.jsonl.gz" if packed else "log.jsonl")
    text = b"\n".join(_lines()) + b"\n"
    file.write_bytes(gzip.compress(text) if packed else text)
    plain = _rows(tmp_path / "plain", file, own=own)  # so small a file is not worth a sample
    tables: dict[str, int] = {}

    @contextmanager
    def watched(engine: DuckDb, shape: Shape, files: list[Path], target: Path) -> Iterator[Usual]:
        with usual_values.found(engine, shape, files, target, worth=0) as usual:
            tables.update({name: engine.rows(f"SELECT COUNT(*) FROM usual_{name}")[0][0] for name in usual})
            yield usual

    monkeypatch.setattr(importer, "usual_values", type("With", (), {"found": staticmethod(watched)}))
    looked_up = _rows(tmp_path / "looked-up", file, own=own)
    assert tables.keys() == {"callers", "addresses", "paths"} and min(tables.values()) >= 10
    assert len(plain) > 1400 and looked_up == plain


def test_values_that_never_come_again_get_no_table(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(
        "".join(json.dumps({"request_id": f"req_{n}", "path": f"/v1/charges/ch_{n}A", "ip": "10.0.0.1"}) + "\n" for n in range(900))
    )
    engine = DuckDb(tmp_path / "work", memory_limit="256MB")
    shape = Importer(engine, tmp_path / "store")._shape(file, own=True)  # noqa: SLF001
    assert shape is not None
    with usual_values.found(engine, shape, [file], tmp_path / "sample.jsonl", worth=0) as usual:
        assert usual == {"addresses": ("ip",)}
    engine.close()


def test_a_statement_that_lacks_memory_is_tried_with_half_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / f"{n}.jsonl" for n in range(8)]
    for n, file in enumerate(files):
        file.write_text(json.dumps({"request_id": f"req_{n}A", "path": "/v1/charges"}) + "\n")
    engine = DuckDb(tmp_path / "work", memory_limit="256MB")
    load, sizes, copy = Importer(engine, tmp_path / "store"), [], Importer._copy  # noqa: SLF001

    def narrow(self: Importer, shape: Shape, files: list[Path], *rest: Any) -> None:
        sizes.append(len(files))
        if len(files) > 4:
            raise duckdb.OutOfMemoryException("failed to allocate")
        copy(self, shape, files, *rest)

    monkeypatch.setattr(Importer, "_copy", narrow)
    load.load(files, own=True)
    assert sizes == [8, 4, 4] and load.loaded.rows == {"egress": 8}
    engine.close()


def test_more_memory_is_lent_and_given_back(tmp_path: Path) -> None:
    engine = DuckDb(tmp_path / "work", memory_limit="256MB")
    limit = "SELECT current_setting('memory_limit')"
    before = engine.rows(limit)
    with engine.more(64):
        assert engine.rows(limit) != before
    assert engine.rows(limit) == before
    with pytest.raises(duckdb.Error), engine.more(64):
        engine.rows("SELECT * FROM nowhere")
    assert engine.rows(limit) == before
    engine.close()
