"""Read a file slowly and surely, where loading at once fails: copy the whole lines, one by one, in bounded memory.

A line that is left out becomes an empty one, so that line numbers stay what they were.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson

from ir.review.ingest import column_names
from ir.review.ingest.byte_stream import lines
from ir.review.ingest.unreadable import REASONS

Bad = Callable[[int, str, bytes], None]
Line = tuple[int, bytes, bool]
_COLOURS = re.compile(column_names.COLOURS.pattern.encode())
_LONGEST_RECORD = 64
"""Lines that one quoted CSV record may span."""


def rewrite_lines(file: Path, target: Path, bad: Bad, *, json_only: bool, any_end: bool = False) -> list[str]:
    """Copy the readable lines to `target`, the others to `bad`. Returns further notes."""
    notes: list[str] = []
    with target.open("wb") as out:
        for number, line, too_long in lines(file, notes, any_end=any_end):
            text = b"" if too_long else clean(line, binary=json_only)
            if too_long:
                bad(number, REASONS["long"], line)
            elif text and json_only and not _is_record(text):
                bad(number, REASONS["json"], text)
                text = b""
            out.write(text + b"\n")
    return notes


def clean(line: bytes, *, binary: bool) -> bytes:
    """A line without the characters around it; text also without bytes that the engine takes for ends of columns or that are not UTF-8."""
    text = _COLOURS.sub(b"", line.rstrip(b"\r").removeprefix(b"\xef\xbb\xbf")).strip()
    return text if binary else text.replace(b"\0", b"").replace(b"\x01", b" ").decode("utf-8", "replace").encode()


def texts(file: Path, bad: Bad, notes: list[str], *, blank: bool = False) -> Iterator[tuple[int, bytes, str]]:
    """Numbered lines, as they are and as text without their ends; those that are `blank` only where that is asked for."""
    for number, line, too_long in lines(file, notes):
        if too_long:
            bad(number, REASONS["long"], line)
            continue
        text = line.replace(b"\0", b"").decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n ")  # a last cell may be empty
        text = column_names.COLOURS.sub("", text) if "\x1b" in text else text
        if blank or text.strip():
            yield number, line, text


def _is_record(text: bytes) -> bool:
    if text[:1] != b"{":
        return False
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def rewrite_csv(file: Path, target: Path, bad: Bad, *, delimiter: str, width: int, skip: int, any_end: bool) -> list[str]:
    """The same for CSV: a record is whole if its quotes close and it has no more than `width` fields; else its first line is bad.

    `skip`: lines of text before the heading, which are left out. `any_end`: a carriage return alone ends a line, too.
    """
    notes: list[str] = []
    with target.open("wb") as out:
        waiting: list[tuple[int, bytes]] = []
        for number, line, too_long in from_heading(lines(file, notes, any_end=any_end), skip):
            if too_long:
                bad(number, REASONS["long"], line)
                out.write(b"\n")
                continue
            waiting.append((number, line.rstrip(b"\r").replace(b"\0", b"")))
            while waiting and (whole := _taken(waiting, delimiter, width)):
                _put(waiting, whole, out.write, bad)
        while waiting:
            _put(waiting, _taken(waiting, delimiter, width, last=True), out.write, bad)
    return notes


def from_heading(numbered: Iterable[Line], skip: int) -> Iterator[Line]:
    """The heading and what follows: `skip` lines stand before it that are not blank."""
    before = -1
    for number, line, too_long in numbered:
        before += before < skip and bool(line.strip(b"\r \t\xef\xbb\xbf"))
        if before >= skip:
            yield number, line, too_long


def _put(waiting: list[tuple[int, bytes]], taken: int, write: Callable[[bytes], int], bad: Bad) -> None:
    """Write the first `taken` lines; −1: the first one is bad."""
    if taken < 0:
        number, line = waiting.pop(0)
        bad(number, "quotes do not close" if line.count(b'"') % 2 else "too many fields, or a stray quote", line)
        write(b"\n")
        return
    for _ in range(taken):
        write(waiting.pop(0)[1].decode("utf-8", "replace").encode() + b"\n")


def _taken(waiting: list[tuple[int, bytes]], delimiter: str, width: int, *, last: bool = False) -> int:
    """How many lines make the first record: 0 = more are needed, −1 = the first one is broken."""
    quotes = 0
    for count, (_, line) in enumerate(waiting, 1):
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            text = b"\n".join(line for _, line in waiting[:count]).decode("utf-8", "replace")
            return count if _sound(text, delimiter, width) else -1
    return -1 if last or len(waiting) >= _LONGEST_RECORD else 0


def _sound(text: str, delimiter: str, width: int) -> bool:
    if '"' not in text:
        return text.count(delimiter) < width
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return len(rows) == 1 and len(rows[0]) <= width
