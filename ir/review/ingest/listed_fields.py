"""Text in which each field has a name of its own: W3C extended logs, LTSV, journald's export, JSON text sequences.

W3C extended log files (IIS, CloudFront, many proxies): https://www.w3.org/TR/WD-logfile, times are UTC. LTSV: http://ltsv.org, with its
labels. journald: https://systemd.io/JOURNAL_EXPORT_FORMATS. JSON text sequences: RFC 7464. Each is rewritten to one object a line.

Linear in hostile text: nothing is looked at twice, and what has no end is given up after `LONGEST` bytes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson

from ir.core.model import Json
from ir.review.ingest import envelopes, printed_tables, transcripts, yaml_records
from ir.review.ingest.byte_stream import LONGEST, pieces
from ir.review.ingest.tolerant_reader import Bad, texts
from ir.review.ingest.unreadable import REASONS

_HEAD = 12
"""Lines in which the heading of a log is looked for."""
_HEADING = re.compile(r"#(?:Fields:|fields\t)")
"""W3C's heading, and Zeek's."""
_CELL = re.compile(r'"((?:[^"]|"")*+)"|(\S++)')
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,64}:")
_ADDRESS = re.compile(r"\[?[0-9a-fA-F.:]{3,45}\]?$")
_W3C = {"cs-method": "method", "cs-uri": "path", "cs-uri-stem": "path", "cs-uri-path": "path", "sc-status": "status", "c-ip": "client_ip"}
_RECORD_SEPARATOR = b"\x1e"
_FIELD = re.compile(rb"[A-Z0-9_]{1,64}")


def form_of(head: Sequence[str]) -> str:
    """The form of a file by its first lines, one of `FORMS`; "" for another."""
    if any(map(_HEADING.match, head[:_HEAD])):
        return "w3c"
    if any(line.startswith("__REALTIME_TIMESTAMP=") for line in head[:_HEAD]):
        return "export"
    if yaml_records.is_yaml(head):
        return "yaml"
    if transcripts.is_transcript(head):
        return "transcript"
    printed = printed_tables.form_of(head)
    if printed:
        return printed
    labelled = sum(line.count("\t") >= 2 and all(map(_LABEL.match, line.split("\t"))) for line in head)
    return "ltsv" if 2 * labelled >= len(head) else ""


def rewrite_listed(file: Path, target: Path, bad: Bad, *, form: str, own: bool) -> list[str]:
    """Write each record as a line; what is no record goes to `bad`."""
    notes: list[str] = []
    with target.open("wb") as out:
        for record in _READERS[form](file, bad, notes):
            for one in envelopes.unfold(record, own=own) or [record]:
                out.write(orjson.dumps(one) + b"\n")
    return notes


def _w3c(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """A program that starts again writes a new heading, maybe with other fields."""
    names: list[str] = []
    day = ""
    for number, line, text in texts(file, bad, notes):
        if text[0] == "#":
            word, _, rest = text.replace("\t", ":", 1).partition(":")
            if word.lower() == "#fields":
                names = rest.split()
            elif word == "#Date":
                day = rest.split()[0] if rest.strip() else ""
            continue
        cells = text.split("\t") if "\t" in text else [quoted or bare for quoted, bare in _CELL.findall(text)]
        if len(cells) != len(names):
            bad(number, "its fields are not those of the heading", line)
            continue
        yield _of_w3c(dict(zip(names, cells, strict=True)), day)


def _of_w3c(cells: dict[str, str], day: str) -> Json:
    row: Json = {_W3C.get(name, name): value for name, value in cells.items() if value not in ("-", "")}
    clock, day = row.pop("time", ""), row.pop("date", day)
    if clock and day:
        row["timestamp"] = f"{day}T{clock}Z"
    query = row.pop("cs-uri-query", "")
    if query and "path" in row:
        row["path"] = f"{row['path']}?{query}"
    agent = row.pop("cs(User-Agent)", "")
    if agent:  # neither program writes a space into it
        row["user_agent"] = agent.replace("+", " ").replace("%20", " ")
    return row


def _ltsv(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    for number, line, text in texts(file, bad, notes):
        pairs = [cell.partition(":") for cell in text.split("\t")]
        row: Json = {name: value.strip("[]") for name, sign, value in pairs if sign and value not in ("-", "")}
        if not row:
            bad(number, REASONS["field"], line)
            continue
        if _ADDRESS.match(str(row.get("host", ""))):
            row.setdefault("remote_addr", row.pop("host"))
        if "req" in row:
            row["request"] = row.pop("req")
        yield row


class _Bytes:
    """A file's bytes, taken by line or by number."""

    def __init__(self, file: Path, notes: list[str]) -> None:
        self._stream = pieces(file, notes)
        self._held, self._at = b"", 0

    def _more(self) -> bool:
        piece = next(self._stream, None)
        if piece is None:
            return False
        self._held, self._at = self._held[self._at :] + piece, 0
        return True

    def line(self) -> bytes | None:
        """The next line without its end; the beginning of one that is too long; None at the end of the file."""
        found = b""
        while True:
            end = self._held.find(b"\n", self._at)
            part = self._held[self._at : end if end >= 0 else None]
            found += part[: LONGEST - len(found)]
            if end >= 0:
                self._at = end + 1
                return found
            self._at = len(self._held)
            if not self._more():
                return found or None

    def exactly(self, count: int) -> bytes:
        """So many bytes, of which the first `LONGEST` are given; fewer at the end of the file."""
        found = b""
        while count > 0:
            part = self._held[self._at : self._at + count]
            found += part[: LONGEST - len(found)]
            self._at += len(part)
            count -= len(part)
            if count and not self._more():
                break
        return found

    def counted(self, count: int) -> bytes:
        """As `exactly`, and the end of the line behind them."""
        found = self.exactly(count)
        self.line()
        return found


def _export(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """Fields are `NAME=text`, or `NAME` with the length of what follows; a blank line ends a record."""
    stream, row, size = _Bytes(file, notes), dict[str, str](), 0
    number = 0
    while (line := stream.line()) is not None:
        number += 1
        name, sign, value = line.partition(b"=")
        if not line and row:
            yield row
            row, size = {}, 0
        elif line and not _FIELD.fullmatch(name):
            bad(number, REASONS["field"], line)
        elif line:
            length = len(value) if sign else int.from_bytes(stream.exactly(8), "little")
            value = value if sign else stream.counted(length)
            size += len(line) + len(value)
            if len(value) < length:
                bad(number, REASONS["long"], value)
            elif size <= LONGEST:
                row[name.decode()] = value.decode("utf-8", "replace")
    if row:
        yield row


def _sequence(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """Texts begin with a record separator; one that was torn ends where the next begins."""
    number = 1
    for text, too_long in _parted(pieces(file, notes)):
        if text.strip():
            record = None if too_long else _object(text)
            if record is None:
                bad(number, REASONS["long" if too_long else "json"], text)
            else:
                yield record
        number += text.count(b"\n")


def _parted(stream: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    held: list[bytes] = []
    size = 0
    for piece in stream:
        *ended, rest = piece.split(_RECORD_SEPARATOR)
        for part in ended:
            yield b"".join((*held, part)), size + len(part) > LONGEST
            held, size = [], 0
        if size <= LONGEST:
            held.append(rest)
        size += len(rest)
    yield b"".join(held), size > LONGEST


def _object(text: bytes) -> Json | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


_READERS: dict[str, Callable[[Path, Bad, list[str]], Iterator[Json]]] = {
    "w3c": _w3c,
    "ltsv": _ltsv,
    "export": _export,
    "sequence": _sequence,
    "yaml": yaml_records.read,
    "transcript": transcripts.read,
    "ruled": printed_tables.ruled,
    "blocks": printed_tables.blocks,
    "bare": printed_tables.bare,
}
FORMS = tuple(_READERS)
"""What `Sniffed.folded` may be for a file of this kind."""
