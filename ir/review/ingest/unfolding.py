"""Unfold files whose records are not lines: records inside others, events in a column of a dump, records of several lines."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ir.core.model import Json
from ir.review.ingest import envelopes
from ir.review.ingest.byte_stream import lines
from ir.review.ingest.name_pairs import named
from ir.review.ingest.text_times import begins
from ir.review.ingest.tolerant_reader import Bad, clean, from_heading
from ir.review.ingest.unreadable import REASONS

_MOST_LINES = 200
_MOST_BYTES = 256 << 10
"""The most bytes of one record of several lines."""
_EMPTY = re.compile(rb"\[\s*\]")
"""What a query answers that found nothing."""
_WHERE = 200
"""The first characters of a record, in which its time is."""


def rewrite_records(file: Path, target: Path, bad: Bad, *, own: bool) -> list[str]:
    """JSON lines, also after a prefix: write each record, or those inside it, as a line.

    Of a name that occurs twice, the last value counts.
    """
    notes: list[str] = []
    with target.open("wb") as out:
        for number, line, too_long in lines(file, notes):
            text = b"" if too_long else clean(line, binary=True)
            if too_long or not text:
                _refuse(bad, number, line, too_long=too_long)
                continue
            record = _record(text)
            if record is None:
                bad(number, REASONS["json"], text)
                continue
            found = envelopes.unfold(record, own=own)
            if found == [] and not _EMPTY.search(text):
                bad(number, REASONS["batch"], text)
            for one in [record] if found is None else found:
                out.write(orjson.dumps(one if envelopes.is_event(one) else named(one)) + b"\n")
        written = out.tell()
    return notes if written else [*notes, "no record in it that is known here"]


def _refuse(bad: Bad, number: int, line: bytes, *, too_long: bool) -> None:
    if too_long:
        bad(number, REASONS["long"], line)


def _record(text: bytes) -> dict[str, Any] | None:
    if text[:1] != b"{":
        return envelopes.behind_prefix(text.decode("utf-8", "replace"))
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def rewrite_table(file: Path, target: Path, bad: Bad, *, header: tuple[str, ...], delimiter: str, skip: int, events: bool) -> list[str]:
    """A CSV with a column of JSON: write each of the `events` in it as a line; else each row, with what its JSON tells."""
    notes: list[str] = []
    numbered = _texts(file, notes, bad, skip)
    reader = csv.reader(numbered, delimiter=delimiter)
    next(reader, None)
    with target.open("wb") as out:
        while True:
            try:
                row = next(reader, None)
            except csv.Error:
                bad(reader.line_num + skip, "a cell that cannot be read", b"")
                continue
            if row is None:
                return notes
            cells: Json = dict(zip(header, row, strict=False))
            found = envelopes.unfold(cells) if events else [envelopes.opened(cells) or cells] if any(row) else None
            if not found and any(row):
                bad(reader.line_num + skip, "no event in it", b"")
            for one in found or ():
                out.write(orjson.dumps(one) + b"\n")


def _texts(file: Path, notes: list[str], bad: Bad, skip: int) -> Iterator[str]:
    for number, line, too_long in from_heading(lines(file, notes), skip):
        if too_long:
            bad(number, REASONS["long"], line)
            continue
        yield line.decode("utf-8", "replace").replace("\0", "") + "\n"


def rewrite_spread(file: Path, target: Path, bad: Bad) -> list[str]:
    """Text in which a record goes on over lines without a time: each record as one line, which has the time of its first."""
    notes: list[str] = []
    held: list[bytes] = []
    size = 0
    with target.open("wb") as out:
        for number, line, too_long in lines(file, notes):
            if too_long:
                bad(number, REASONS["long"], line)
                continue
            text = clean(line, binary=False)
            if held and (begins(text[:_WHERE].decode("utf-8", "replace")) or len(held) >= _MOST_LINES or size > _MOST_BYTES):
                out.write(b" ".join(held) + b"\n")
                # a record that is too long goes on under the time of its first line
                held = [] if begins(text[:_WHERE].decode("utf-8", "replace")) else held[:1]
                size = len(held[0]) if held else 0
            if text:
                held.append(text)
                size += len(text)
        if held:
            out.write(b" ".join(held) + b"\n")
    return notes
