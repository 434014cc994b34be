"""Find unreadable lines again after loading at once, with their numbers, only in the files that have some."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ir.review.ingest.byte_stream import blocks, pieces, whole_lines
from ir.review.ingest.column_names import REQUEST_ID
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.personal_data import ids_of
from ir.review.ingest.record_kinds import unwrapped
from ir.review.ingest.relations import unread_sql
from ir.review.ingest.unreadable import KEPT, REASONS
from ir.review.sql.engine import DuckDb, quoted
from ir.review.sql.schema import TABLES

Bad = Callable[[int, str, bytes], None]
"""Takes a line: its number, why it is not readable, its text."""
_OPEN, _CLOSE = b"{}"


@dataclass
class Torn:
    """Unreadable lines of one file: how many, and of the first `KEPT` the number, why, and the ids that stand in them."""

    count: int = 0
    kept: list[tuple[int, str, bytes]] = field(default_factory=list)

    def add(self, number: int, why: str, text: bytes) -> None:
        """Add one line."""
        self.count += 1
        if len(self.kept) < KEPT:
            self.kept.append((number, why, ids_of(text.decode("utf-8", "replace")).encode()))


def torn_json(
    shape: Shape, file: Path, expected: int, notes: list[str], own_ids: Callable[[bytes], None], found: Torn | None = None
) -> Torn:
    """The unreadable lines of a JSON log; `notes` gets what else is wrong with it, such as damage inside a gzip.

    Torn lines are told by their ends, and only if that finds fewer than the `expected` by parsing all lines again.
    `own_ids` is given each of them, to save the ids in it. `found` are those that were told by their ends while the file was loaded.
    """
    found = found or torn_lines(pieces(file, notes), own_ids)
    return found if found.count >= expected or notes else _kept(_fieldless(file, shape), own_ids)


def torn_lines(read: Iterable[bytes], own_ids: Callable[[bytes], None]) -> Torn:
    """The lines of what is read that do not begin and end with braces."""
    return _kept(_torn(read), own_ids)


def _kept(lines: Iterator[tuple[int, str, bytes]], own_ids: Callable[[bytes], None]) -> Torn:
    found = Torn()
    for number, why, line in lines:
        own_ids(line)
        found.add(number, why, line)
    return found


def unread_lines(engine: DuckDb, shape: Shape, file: Path, bad: Bad, notes: list[str]) -> int:
    """Hand the lines of a text file to `bad` in which nothing is readable; returns how many the engine counts them as.

    It takes a carriage return inside a line for an end, too; here that is one line.
    """
    wanted = {str(row[0]) for row in engine.rows(unread_sql(shape, file))}
    found = 0
    for number, line in _lines(file, notes):
        parts = sum(hashlib.sha256(part).hexdigest() in wanted for part in line.split(b"\r"))
        if parts:
            found += parts
            bad(number, REASONS["field"], line)
    return found


def _lines(file: Path, notes: list[str]) -> Iterator[tuple[int, bytes]]:
    for number, block, _ in blocks(pieces(file, notes)):
        # an old file may have only carriage returns
        end = b"\n" if number > 1 or b"\n" in block else b"\r"
        for offset, line in enumerate(block.split(end)):
            if line.strip():
                yield number + offset, line


def _torn(read: Iterable[bytes]) -> Iterator[tuple[int, str, bytes]]:
    """One look at the ends of each line; only where one is odd, blanks are allowed for. All lines of a log pass here."""
    number = 1
    for block, _ in whole_lines(read):
        lines = block.split(b"\n")
        if not _plain(lines):
            for offset, line in enumerate(lines):
                text = line.strip()
                if text and not (text[:1] == b"{" and text[-1:] == b"}"):
                    yield number + offset, REASONS["json"], line
        number += len(lines)


def _plain(lines: list[bytes]) -> bool:
    """Whether each line begins and ends with a brace."""
    try:
        return not [None for line in lines if line[0] != _OPEN or line[-1] != _CLOSE]
    except IndexError:  # a blank line
        return False


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


class Rescued:
    """Request ids in unreadable lines of our own logs: they are ours all the same. Kept in a file, however many there are.

    Args:
        file: is made when there is the first, one id a line.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._one_at_a_time = file, threading.Lock()

    def add(self, text: bytes) -> None:
        """The ids in a line."""
        ids = dict.fromkeys(REQUEST_ID.findall(text.decode("utf-8", "replace"))) if b"req_" in text else ()
        if ids:
            with self._one_at_a_time, self._file.open("a", encoding="ascii") as out:
                out.writelines(f"{one}\n" for one in ids)

    def write(self, engine: DuckDb, target: Path) -> None:
        """Write them as rows of `requests`, once each."""
        if not self._file.exists():
            return
        values = {"own": "1", "source": "'egress'", "request_id": "x.id"}
        cells = ", ".join(
            f"CAST({values.get(c.name, repr('') if c.type == 'VARCHAR' else '0')} AS {c.type}) AS {c.name}" for c in TABLES["requests"]
        )
        ids = f"read_csv({quoted(str(self._file))}, columns = {{'id': 'VARCHAR'}}, header = false, auto_detect = false)"
        engine.connection.execute(
            f"COPY (SELECT {cells}, '' AS file, 0 AS bad FROM (SELECT DISTINCT id FROM {ids}) x) TO {quoted(str(target))} (FORMAT parquet)"
        )
        self._file.unlink()
