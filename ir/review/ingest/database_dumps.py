"""Events inside a dump of a database: `COPY … FROM stdin` of pg_dump, and `INSERT INTO` of pg_dump, mysqldump and MariaDB, dj-stripe's too.

Linear in hostile text: strings are matched possessively, and a statement that does not come to its end is given up after some megabytes.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from ir.core.model import Json
from ir.core.wording import counted
from ir.review.ingest import envelopes
from ir.review.ingest.byte_stream import pieces
from ir.review.ingest.tolerant_reader import Bad

_MOST = 8 << 20
"""The most characters of one row, or of anything else that has to be held."""
_DUMP = re.compile(r"-- (?:PostgreSQL|MySQL|MariaDB) (?:database )?(?:cluster )?dump|COPY \S+ \([^)]*\) FROM stdin;|INSERT INTO \S+ ")
_NAME = r"((?:[`\"][^`\"\n]{1,128}[`\"]|[\w.$]{1,128})(?:\.[`\"]?[\w$]{1,128}[`\"]?)?)"
_START = re.compile(
    rf"^(?:COPY {_NAME} \(([^)\n]*)\) FROM stdin;\r?\n"
    rf"|INSERT (?:IGNORE )?INTO {_NAME} ?(?:\(([^)\n]*)\))? ?(?:OVERRIDING \w+ VALUE )?VALUES\s"
    rf"|CREATE TABLE (?:IF NOT EXISTS )?{_NAME} \()",
    re.MULTILINE,
)
_COLUMN = re.compile(r"^\s+[`\"]?(\w+)[`\"]?\s+\w")
_NO_COLUMN = re.compile(r"^\s+(?:PRIMARY|UNIQUE|KEY|CONSTRAINT|INDEX|FOREIGN|FULLTEXT|SPATIAL|CHECK|LIKE|EXCLUDE)\b", re.IGNORECASE)
_REST = r"|([^,()';\s]++)|([(),;])|\s++"
_MYSQL = re.compile(r"'((?:[^'\\]++|\\.|'')*+)'" + _REST, re.DOTALL)
_PLAIN = re.compile(r"'((?:[^']++|'')*+)'" + _REST, re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "", "Z": ""}


def is_dump(lines: Sequence[str]) -> bool:
    """Whether these lines begin a dump, or are inside one."""
    return any(_DUMP.match(line) for line in lines)


def rewrite_dump(file: Path, target: Path, bad: Bad) -> list[str]:
    """Write each event in the rows of any table as a line; rows without one belong to other tables."""
    notes: list[str] = []
    dump = _Dump(bad)
    decode = codecs.getincrementaldecoder("utf-8")("replace")
    found = others = 0
    with target.open("wb") as out:
        for piece in (*pieces(file, notes), b"\n\n"):
            for row in dump.feed(decode.decode(piece)):
                events = _events(*row)
                others += not events
                for one in events:
                    found += 1
                    out.write(orjson.dumps(one) + b"\n")
    if dump.inside:
        notes.append("the dump ends within a statement")
    return [*notes, f"a dump of a database: {counted(found, 'event')}; {counted(others, 'row')} without one"]


def _events(table: str, row: Json) -> list[Json]:
    if table.rpartition(".")[2].lower().endswith("event") and {"id", "type", "data"} <= set(row):
        return envelopes.unfold({"model": "table.event", "fields": row}) or []
    return envelopes.unfold(row) or []


class _Dump:
    """Takes pieces of text and gives (table, row); an incomplete row waits for the next piece."""

    def __init__(self, bad: Bad) -> None:
        self._bad, self._held, self._table, self._mysql, self._cells = bad, "", "", False, list[str | None]()
        self._columns: dict[str, list[str]] = {}
        self.inside = ""
        self._rows = 0

    def feed(self, text: str) -> Iterator[tuple[str, Json]]:
        self._held += text
        going = True
        while going:
            if self.inside == "copy":
                yield from self._copied()
            elif self.inside == "insert":
                yield from self._inserted()
            elif self.inside == "create":
                self._created()
            going = not self.inside and self._begun()
        if len(self._held) > _MOST:
            self._bad(0, "a row of a dump without an end", self._held[:200].encode())
            self._held, self.inside, self._cells = "", "", []

    def _begun(self) -> bool:
        found = _START.search(self._held)
        if found is None:  # the last line may go on
            self._held = self._held[self._held.rfind("\n") + 1 :]
            return False
        copy, copied, insert, inserted, create = found.groups()
        self._held = self._held[found.end() :]
        self.inside = "copy" if copy else "insert" if insert else "create"
        name = str(copy or insert or create)
        self._mysql = "`" in name
        self._table = re.sub(r"[`\"]", "", name)
        columns = copied or inserted
        if columns or create:
            self._columns[self._table] = [re.sub(r"[`\"\s]", "", one) for one in (columns or "").split(",")] if columns else []
        return True

    def _created(self) -> None:
        """Column names of a table whose INSERTs may name none."""
        while "\n" in self._held:
            line, _, self._held = self._held.partition("\n")
            column = _COLUMN.match(line)
            if line.startswith(")"):
                self.inside = ""
                return
            if column and not _NO_COLUMN.match(line):
                self._columns[self._table].append(column[1])

    def _copied(self) -> Iterator[tuple[str, Json]]:
        *whole, self._held = self._held.split("\n")
        for n, line in enumerate(whole):
            if line.rstrip("\r") == "\\.":
                self.inside, self._held = "", "\n".join((*whole[n + 1 :], self._held))
                return
            yield self._row([None if cell == "\\N" else _ESCAPED.sub(_letter, cell) for cell in line.rstrip("\r").split("\t")])

    def _inserted(self) -> Iterator[tuple[str, Json]]:
        token, at = _MYSQL if self._mysql else _PLAIN, 0
        while True:
            found = token.match(self._held, at)
            if found is None or found.end() >= len(self._held) - 1:  # a quote at the end may be the first of two
                break
            at = found.end()
            string, word, sign = found.groups()
            if string is not None:
                text = string.replace("''", "'")
                self._cells.append(_ESCAPED.sub(_letter, text) if self._mysql else text)
            elif word is not None:
                self._cells.append(None if word.upper() == "NULL" else word)
            elif sign == ")":
                yield self._row(self._cells)
                self._cells = []
            elif sign == "(":
                self._cells = []
            elif sign == ";":
                self.inside = ""
                break
        if found is None and at == 0 and self._held and not self._held.lstrip().startswith("'"):
            self._bad(0, "a statement of a dump that cannot be read", self._held[:200].encode())
            self.inside = ""
        self._held = self._held[at:]

    def _row(self, cells: list[str | None]) -> tuple[str, Json]:
        names = self._columns.get(self._table, [])
        return self._table, dict(zip(names if len(names) == len(cells) else map(str, range(len(cells))), cells, strict=False))


def _letter(found: re.Match[str]) -> str:
    return _LETTERS.get(found[1], found[1])
