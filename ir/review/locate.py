"""Unreadable lines after the fast way: found again only in the files that have some, counted, kept aside, shown."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import orjson

from ir.model import Json
from ir.review import careful
from ir.review.engine import DuckDb, quoted
from ir.review.personal import ids_of
from ir.review.relations import Shape, lines_of

_KEPT = 100_000


def bad_lines(engine: DuckDb, shape: Shape, files: list[Path], store: Path, batch: int, expected: int) -> list[Json]:
    """Examples `{file, line, why, text}` of unreadable lines; all of them (at most 100,000 a batch) go to `aside.jsonl`.

    `expected` says how many there are; torn lines are told by their ends, and only if that is not enough by parsing all again.
    A Stripe request id that stands in an unreadable line of our own egress log still counts as ours.
    """
    if shape.form != "jsonl":
        return []
    found = _unreadable(engine, files, "NOT (starts_with(l, '{') AND ends_with(rtrim(l), '}'))")
    if len(found) < expected:
        found = _unreadable(engine, files, "NOT json_valid(l) OR json_type(l) <> 'OBJECT'")
    with (store / "aside.jsonl").open("ab") as out:
        out.writelines(orjson.dumps({"file": f, "text": ids_of(text)}) + b"\n" for f, text in found)
    if shape.own:
        _rescue(engine, [text for _, text in found], store, batch)
    texts: dict[str, set[str]] = {}
    for file, text in found:
        texts.setdefault(file, set()).add(text)
    shown: list[Json] = []
    for file, wanted in texts.items():
        shown += _numbered(Path(file), wanted, careful.SHOWN - len(shown))
        if len(shown) >= careful.SHOWN:
            break
    return shown


def _unreadable(engine: DuckDb, files: list[Path], test: str) -> list[tuple[str, str]]:
    names = "[" + ", ".join(quoted(str(f)) for f in files) + "]"
    try:
        return engine.connection.execute(
            f"SELECT filename, l FROM {lines_of(names)} WHERE l IS NOT NULL AND ({test}) LIMIT {_KEPT}"
        ).fetchall()
    except duckdb.Error:
        return []


def _numbered(file: Path, wanted: set[str], most: int) -> Iterator[Json]:
    shown = 0
    for number, line in careful.lines(file, careful.Skipped()):
        if shown >= most:
            return
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        if text in wanted:
            shown += 1
            yield {"file": str(file), "line": number, "why": "not a JSON object", "text": ids_of(text)}


def _rescue(engine: DuckDb, texts: list[str], store: Path, batch: int) -> None:
    from ir.review.fields import REQUEST_ID
    from ir.review.schema import TABLES

    ids = sorted({hit for text in texts for hit in REQUEST_ID.findall(text)})
    if not ids:
        return
    values = {"own": "1", "source": "'egress'", "request_id": "x.id"}
    cells = ", ".join(
        f"CAST({values.get(c.name, repr('') if c.type == 'VARCHAR' else '0')} AS {c.type}) AS {c.name}" for c in TABLES["requests"]
    )
    target = quoted(str(store / f"requests-rescued-{batch:04d}.parquet"))
    engine.connection.execute(
        f"COPY (SELECT {cells}, '' AS file, 0 AS bad FROM (SELECT unnest(?) AS id) x) TO {target} (FORMAT parquet)", [ids]
    )
