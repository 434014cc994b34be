"""The bytes of any file in bounded pieces and lines: gzip, torn gzip, UTF-16, lines without end."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from isal import isal_zlib

PIECE = 1 << 18
LONGEST = 1 << 20
"""Bytes of the longest line that is read; a longer one is skipped and counted."""

_TRAILER = 8
WRONG_SUM = "the gzip's checksum is wrong: what was read may have been changed"

Say = list[str]


def pieces(file: Path, notes: Say) -> Iterator[bytes]:
    """The decompressed bytes, UTF-8, in pieces of at most a quarter of a MB; a damaged gzip ends where it is damaged, which is noted.

    Raises:
        OSError: it cannot be opened or read.
    """
    with file.open("rb") as stream:
        yield from unpacked(stream, notes)


def unpacked(file: BinaryIO, notes: Say) -> Iterator[bytes]:
    """The same of an open file."""
    stream = _unpacked(file, notes)
    first = next(stream, b"")
    mark = first[:2]
    if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield decoder.decode(first).encode("utf-8", "replace")
        for piece in stream:
            yield decoder.decode(piece).encode("utf-8", "replace")
        return
    yield first
    yield from stream


def _unpacked(stream: BinaryIO, notes: Say) -> Iterator[bytes]:
    if not _begins_as_gzip(stream):
        while piece := stream.read(PIECE):
            yield piece
        return
    yield from _members(stream, notes)


def is_gzip(file: Path) -> bool:
    """Whether its first bytes say so. Raises OSError."""
    with file.open("rb") as stream:
        return _begins_as_gzip(stream)


def _begins_as_gzip(stream: BinaryIO) -> bool:
    head = stream.read(2)
    stream.seek(0)
    return head == b"\x1f\x8b"


def _members(stream: BinaryIO, notes: Say) -> Iterator[bytes]:
    """The content of one gzip after the other. A wrong checksum at the end costs no data: the end is given apart."""
    unpack, fed, raw, at_end = isal_zlib.decompressobj(wbits=31), False, stream.read(PIECE >> 2), False
    try:
        while raw:  # small steps, so that the data before the damage is still given
            more = stream.read(PIECE >> 2)
            parts = [raw] if more else [raw[:-_TRAILER], raw[-_TRAILER:]]
            for part in filter(None, parts):
                at_end = not more and part is parts[-1]
                while part:
                    fed = True
                    yield unpack.decompress(part, PIECE)
                    part = unpack.unconsumed_tail
                    if unpack.eof:  # another member may follow
                        part, unpack, fed = unpack.unused_data.lstrip(b"\0"), isal_zlib.decompressobj(wbits=31), False
            raw = more
        if fed:
            notes.append("gzip ends too early: read up to there")
    except isal_zlib.error:  # type: ignore[misc]  # its stub calls it a type
        notes.append(WRONG_SUM if at_end else "gzip is damaged: read up to there")


def checked(file: Path) -> list[str]:
    """The fault of a gzip, found by unpacking all of it, because the engine ignores checksums. Raises OSError."""
    notes: Say = []
    with file.open("rb") as stream:
        if _begins_as_gzip(stream):
            for _ in _members(stream, notes):
                pass
    return notes


def whole_lines(read: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Whole lines of what was read, in blocks: the bytes without the last line feed, and whether it is one line that is too long.

    Of a line longer than `LONGEST` only the beginning is given.
    """
    held, dropping = b"", False
    for piece in read:
        if dropping:
            end = piece.find(b"\n")
            if end < 0:
                continue
            piece, dropping = piece[end + 1 :], False  # the rest of an endless line was dropped
        cut = piece.rfind(b"\n")
        if cut >= 0:
            yield b"".join((held, memoryview(piece)[:cut])), False
            held = piece[cut + 1 :]
        else:
            held += piece
        if len(held) > LONGEST:
            yield held[:LONGEST], True
            held, dropping = b"", True
    if held:
        yield held, False


def blocks(read: Iterable[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """The same with the number of the first line."""
    number = 1
    for block, too_long in whole_lines(read):
        yield number, block, too_long
        number += block.count(b"\n") + 1


def _fed(read: Iterable[bytes]) -> Iterator[bytes]:
    """The same text with a line feed for each carriage return, and for both together."""
    held = b""
    for piece in read:
        text = held + piece
        held = text[-1:] if text.endswith(b"\r") else b""
        yield text.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield held.replace(b"\r", b"\n")


def lines(file: Path, notes: Say, *, any_end: bool = False) -> Iterator[tuple[int, bytes, bool]]:
    """Numbered lines of bounded length; the last value says whether the line was cut.

    `any_end`: a carriage return ends one, too. It does so in any case where the file begins without a line feed.
    """
    read: Iterator[bytes] = pieces(file, notes)
    first = next(read, b"")
    any_end = any_end or (b"\n" not in first and b"\r" in first)
    read = chain([first], read)
    for number, block, too_long in blocks(_fed(read) if any_end else read):
        for offset, line in enumerate(block.split(b"\n")):
            yield number + offset, line[:LONGEST], too_long or len(line) > LONGEST
