"""Unreadable lines after the fast way: found again only in the files that have some, with their numbers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from ir.review.aside import REASONS
from ir.review.engine import DuckDb, quoted
from ir.review.pieces import blocks
from ir.review.relations import Shape, unread_sql
from ir.review.sniff import unwrapped
from ir.side_by_side import each

Bad = Callable[[int, str, bytes], None]
Torn = list[tuple[int, str, bytes]]
"""Number, why, text."""
Through = tuple[Path, Torn, list[str]]
"""A file, its torn lines, and what else is wrong with it."""
_AT_ONCE = 2


def read_through(shape: Shape, files: list[Path]) -> Iterator[Through]:
    """Each file with its torn lines (of JSON; none of another form) and what else is wrong with it, such as damage inside a gzip.

    Two files at once: what takes the time is to unpack them.
    """

    def look(file: Path) -> Through:
        notes: list[str] = []
        return file, list(_torn(file, notes)) if shape.form == "jsonl" else [], notes

    for first in range(0, len(files), _AT_ONCE):
        yield from each(files[first : first + _AT_ONCE], look)


def bad_lines(engine: DuckDb, shape: Shape, file: Path, expected: int, torn: Torn, bad: Bad, notes: list[str]) -> int:
    """Hand the unreadable lines of one file to `bad`; returns how many were found of the `expected`.

    `torn` and `notes` are what `read_through` says of it. Torn JSON is told by its ends, and only if that is not enough by
    parsing all lines again.
    """
    if shape.form == "jsonl":
        if len(torn) < expected and not notes:
            torn = list(_fieldless(file, shape))
        for number, why, text in torn:
            bad(number, why, text)
        return len(torn)
    if shape.form not in ("text", "logfmt"):
        return 0
    wanted = {str(row[0]).encode() for row in engine.rows(unread_sql(shape, file))}
    found = 0
    for number, line in _lines(file, notes):
        if line.rstrip(b"\r") in wanted:
            found += 1
            bad(number, REASONS["field"], line)
    return found


def _lines(file: Path, notes: list[str]) -> Iterator[tuple[int, bytes]]:
    for number, block, _ in blocks(file, notes):
        for offset, line in enumerate(block.split(b"\n")):
            if line.strip():
                yield number + offset, line


def _torn(file: Path, notes: list[str]) -> Iterator[tuple[int, str, bytes]]:
    """Lines that do not begin and end with braces. Blocks in which all do are not even split."""
    for number, block, _ in blocks(file, notes):
        if block[:1] == b"{" and block[-1:] == b"}" and block.count(b"}\n{") == block.count(b"\n"):
            continue
        for offset, line in enumerate(block.split(b"\n")):
            text = line.strip()
            if text and not (text[:1] == b"{" and text[-1:] == b"}"):
                yield number + offset, REASONS["json"], line


def _fieldless(file: Path, shape: Shape) -> Iterator[tuple[int, str, bytes]]:
    for number, line in _lines(file, []):
        try:
            record: Any = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            yield number, REASONS["json"], line
        elif not _known(record, shape):
            yield number, REASONS["field"], line


def _known(record: dict[str, Any], shape: Shape) -> bool:
    if shape.kind in ("events", "activity") and not shape.mapped:
        inner = unwrapped(record)
        return inner.get("id") is not None and inner.get("type") is not None
    return any(_reached(record, path) for _, paths in shape.columns for path in paths)


def _reached(record: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        record = record.get(step) if isinstance(record, dict) else None
    return record is not None


def rescued(engine: DuckDb, texts: list[bytes], target: Path) -> None:
    """Request ids in unreadable lines of our own logs are ours all the same."""
    from ir.review.fields import REQUEST_ID
    from ir.review.schema import TABLES

    ids = sorted({hit for text in texts for hit in REQUEST_ID.findall(text.decode("utf-8", "replace"))})
    if not ids:
        return
    values = {"own": "1", "source": "'egress'", "request_id": "x.id"}
    cells = ", ".join(
        f"CAST({values.get(c.name, repr('') if c.type == 'VARCHAR' else '0')} AS {c.type}) AS {c.name}" for c in TABLES["requests"]
    )
    engine.connection.execute(
        f"COPY (SELECT {cells}, '' AS file, 0 AS bad FROM (SELECT unnest(?) AS id) x) TO {quoted(str(target))} (FORMAT parquet)", [ids]
    )
