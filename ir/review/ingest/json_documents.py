"""JSON documents (a list, an API page, HAR, objects printed over many lines) → one object a line, in bounded memory."""

import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from ir.review.ingest import envelopes
from ir.review.ingest.byte_stream import LONGEST, pieces
from ir.review.ingest.name_pairs import named

Bad = Callable[[int, str, bytes], None]
_TOKEN = re.compile(rb'\\.|["{}\[\]\n]', re.DOTALL)
LISTS = ("data", "entries", "items", "logs", "events", "records", "Records", "value", "results", "rows", "matches")
"""Names that a document may give to its list of records."""
_LIST = re.compile(rb'"(?:' + "|".join(LISTS).encode() + rb'|\w{1,40}Adaptive(?:Groups)?)"\s*:\s*\[\s*(?:\{|$)')
_ANSWERED = re.compile(rb'(?:\{\s*)?"events"\s*:\s*\[\s*\{')
"""New Relic's rows stand in a list of `events` in the only one of its `results`."""
_OPENED = re.compile(rb"(?:\[\s*)+")
_OBJECT = re.compile(rb'"(?:id|type)"\s*:')

_INNER = re.compile(rb"[\[{][^\[\]{}]*[\]}]")
_DEEPEST = 8


def rewrite_document(file: Path, target: Path, bad: Bad, *, own: bool = False) -> list[str]:
    """Write each record of a document as a line, those inside envelopes singly; what is broken goes to `bad`.

    Returns what else is to be said.
    """
    notes: list[str] = []
    stream = pieces(file, notes)
    first = next(stream, b"").lstrip(b"\xef\xbb\xbf")
    written = 0
    with target.open("wb") as out:
        for record in _records(chain([first], stream), *_depth(first), bad):
            for one in (envelopes.unfold(record, own=own) if isinstance(record, dict) else None) or [record]:
                out.write(orjson.dumps(named(one)) + b"\n")
                written += 1
    return notes if written else [*notes, "a JSON document without records"]


def _depth(head: bytes) -> tuple[int, int]:
    """The number of open brackets around a record (none, a list's one, or those of an object that holds the list), and the list's place."""
    opened = _OPENED.match(head.lstrip())
    if opened:
        return opened[0].count(b"["), 0
    found = _LIST.search(head)
    if found is None or _OBJECT.search(_outer(head[: found.start()])):
        return 0, 0
    found = _ANSWERED.match(head, found.end()) or found
    before = head[: found.end()].rstrip(b"{ \t\r\n")
    return before.count(b"{") - before.count(b"}") + before.count(b"[") - before.count(b"]"), found.start()


def _outer(text: bytes) -> bytes:
    """A text without the lists and objects that end in it."""
    for _ in range(_DEEPEST):
        text, taken = _INNER.subn(b"", text)
        if not taken:
            break
    return text


def _records(stream: Iterator[bytes], depth: int, begin: int, bad: Bad) -> Iterator[Any]:
    """Objects that are opened inside `depth` brackets, the innermost a list's, from byte `begin` on.

    One is held at a time; one longer than `LONGEST` is skipped.
    """
    cutter = _Cutter(depth, begin, bad)
    carried = b""
    for piece in stream:
        text = carried + piece
        # an escape is two bytes that must not be parted
        carried = b"\\" if (len(text) - len(text.rstrip(b"\\"))) % 2 else b""
        for found, line in cutter.cut(text[: len(text) - len(carried)]):
            try:
                yield orjson.loads(found)
            except orjson.JSONDecodeError:
                bad(line, "not JSON", found)
    cutter.end()


class _Cutter:
    """Follows brackets and quotes through pieces of text."""

    def __init__(self, depth: int, begin: int, bad: Bad) -> None:
        self._wanted, self._begin, self._bad = depth, begin, bad
        self._depth, self._line, self._quoted = 0, 1, False
        self._inside = depth == 0
        self._held: bytearray | None = None
        self._from = self._long = 0

    def cut(self, text: bytes) -> Iterator[tuple[bytes, int]]:
        """Records that end in this piece, each with the line on which it began."""
        start = 0
        for hit in _TOKEN.finditer(text):
            sign = hit[0]
            if sign == b"\n":
                self._line += 1
            elif sign == b'"':
                self._quoted = not self._quoted
            elif self._quoted or len(sign) > 1:
                continue
            elif sign in b"{[":
                here = self._inside and hit.start() >= self._begin
                if sign == b"{" and self._depth == self._wanted and self._held is None and here:
                    self._held, self._from, start = bytearray(), self._line, hit.start()
                self._depth += 1
                if self._depth == self._wanted:
                    self._inside = sign == b"["
            else:
                self._depth = max(0, self._depth - 1)
                if self._held is not None and self._depth == self._wanted:
                    yield from self._whole(text[start : hit.end()])
        self._begin = max(0, self._begin - len(text))
        if self._held is not None:
            self._hold(text[start:])

    def end(self) -> None:
        """Report what was left open."""
        if self._held is not None or self._quoted or self._depth:
            self._bad(self._from or self._line, "JSON ends too early", bytes(self._held or b""))

    def _hold(self, rest: bytes) -> None:
        held = self._held if self._held is not None else bytearray()
        if len(held) + len(rest) > LONGEST and not self._long:
            self._long = self._from
            self._bad(self._from, "record is too long", bytes(held + rest[:300]))
        if not self._long:
            held += rest

    def _whole(self, rest: bytes) -> Iterator[tuple[bytes, int]]:
        self._hold(rest)
        if not self._long and self._held is not None:
            yield bytes(self._held), self._from
        self._held, self._long = None, 0
