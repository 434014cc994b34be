"""The slow, sure way through a file that the fast one cannot read: torn gzip, endless lines, binary junk, JSON documents.

It streams in pieces of 1 MB, keeps nothing longer than `LONGEST`, and writes what is whole to a plain JSONL or text file.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from ir import foreign_json
from ir.model import Json
from ir.review.personal import ids_of

PIECE = 1 << 20
LONGEST = 1 << 20
"""Bytes of the longest line that is read; a longer one is skipped and counted."""
_BIGGEST_DOCUMENT = 256 << 20
SHOWN = 20


@dataclass
class Skipped:
    """What could not be read in one file: how many lines, the first of them, and what else is to be said."""

    lines: int = 0
    examples: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, line: int, why: str, text: bytes = b"") -> None:
        """Count one line; of the first few, keep the ids that stand in it."""
        self.lines += 1
        if len(self.examples) < SHOWN:
            self.examples.append({"line": line, "why": why, "text": ids_of(text.decode("utf-8", "replace"))})


def pieces(file: Path, skipped: Skipped) -> Iterator[bytes]:
    """The decompressed bytes of a file in bounded pieces; a damaged gzip ends where it is damaged, and is noted."""
    with file.open("rb") as stream:
        head = stream.read(2)
        stream.seek(0)
        if head != b"\x1f\x8b":
            while piece := stream.read(PIECE):
                yield piece
            return
        unpack, fed = zlib.decompressobj(wbits=31), False
        try:
            while raw := stream.read(PIECE):
                while raw:
                    fed = True
                    yield unpack.decompress(raw, PIECE)
                    raw = unpack.unconsumed_tail
                    if unpack.eof:  # Another member may follow.
                        raw, unpack, fed = unpack.unused_data.lstrip(b"\0"), zlib.decompressobj(wbits=31), False
            if fed:
                skipped.notes.append("gzip ends too early: read up to there")
        except zlib.error:
            skipped.notes.append("gzip is damaged: read up to there")


def lines(file: Path, skipped: Skipped) -> Iterator[tuple[int, bytes]]:
    """Numbered lines of bounded length."""
    held, number, dropping = b"", 1, False
    for piece in pieces(file, skipped):
        held += piece
        *whole, held = held.split(b"\n")
        for line in whole:
            if dropping:
                dropping = False
            elif len(line) > LONGEST:
                skipped.add(number, "line is too long", line)
            else:
                yield number, line
            number += 1
        if len(held) > LONGEST:
            if not dropping:
                skipped.add(number, "line is too long", held)
            held, dropping = b"", True
    if held and not dropping:
        yield number, held


def rewrite_lines(file: Path, target: Path, *, json_only: bool) -> Skipped:
    """Copy the readable lines to `target`; the rest is counted and the first ones are kept as examples."""
    skipped = Skipped()
    with target.open("wb") as out:
        for number, line in lines(file, skipped):
            text = line.rstrip(b"\r").lstrip(b"\xef\xbb\xbf")
            if not text.strip():
                continue
            if json_only and not _is_record(text):
                skipped.add(number, "not a JSON object", text)
            elif not json_only:
                out.write(text.replace(b"\0", b"").decode("utf-8", "replace").encode() + b"\n")
            else:
                out.write(text + b"\n")
    return skipped


def _is_record(text: bytes) -> bool:
    if text[:1] != b"{":
        return False
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def rewrite_document(file: Path, target: Path) -> Skipped:
    """A JSON document (list, `data: [...]`, HAR, or objects printed over many lines) → JSONL."""
    skipped, whole = Skipped(), bytearray()
    for piece in pieces(file, skipped):
        whole += piece
        if len(whole) > _BIGGEST_DOCUMENT:
            skipped.notes.append("JSON document above 256 MB: not read; give it one object a line")
            whole.clear()
            break
    text = whole.decode("utf-8-sig", "replace")
    with target.open("wb") as out:
        for record in _records(text, skipped):
            out.write(orjson.dumps(record) + b"\n")
    return skipped


def _records(text: str, skipped: Skipped) -> Iterator[Json]:
    position = 0
    while position < len(text):
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if position >= len(text):
            return
        try:
            value, position = foreign_json.first(text, position)
        except ValueError:
            yield from _torn(text, position, skipped)
            return
        yield from _inside(value)


def _torn(text: str, position: int, skipped: Skipped) -> Iterator[Json]:
    """What is whole inside a list that was cut off."""
    skipped.add(text.count("\n", 0, position) + 1, "JSON ends or breaks here", text[position : position + 120].encode())
    start = text.find("[", position)
    if start >= 0 and start - position < 4096:
        at = start + 1
        while True:
            while at < len(text) and text[at] in " \t\r\n,":
                at += 1
            try:
                value, at = foreign_json.first(text, at)
            except ValueError:
                return
            yield from _inside(value)


def _inside(value: object) -> Iterator[Json]:
    if isinstance(value, list):
        yield from (record for record in value if isinstance(record, dict))
    elif isinstance(value, dict):
        log = value.get("log")
        inner = value.get("data") or value.get("entries") or (log.get("entries") if isinstance(log, dict) else None)
        if isinstance(inner, list) and value.get("type") is None:
            yield from (record for record in inner if isinstance(record, dict))
        else:
            yield value
