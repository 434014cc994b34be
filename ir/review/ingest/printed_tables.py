"""Tables as programs print them for people: with rulers (psql, mysql, DuckDB, Markdown), as blocks of names and values, without a heading.

Rulers and the number of rows at the end are no rows. Blocks: psql's and mysql's a name a line, PowerShell's Format-List.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ir.core.model import Json
from ir.review.ingest import column_names, told_by_value
from ir.review.ingest.tolerant_reader import Bad, texts
from ir.review.ingest.unreadable import REASONS

_BOX = str.maketrans(
    {**dict.fromkeys("│┃║", "|"), **dict.fromkeys("─━═┄┈", "-"), **dict.fromkeys("┌┬┐├┼┤└┴┘╭╮╰╯╒╤╕╞╪╡╘╧╛╔╦╗╠╬╣╚╩╝┏┳┓┡╇┩", "+")}
)
_FOOT = re.compile(r"\(?\d{1,12} (?:rows?|Zeilen?|lignes?|filas?)\b")
_RECORD = re.compile(r"-\[ RECORD \d+ \]|\*{5,99} \d+\. row \*{5,99}")
_LISTED = re.compile(r"([A-Za-z_][\w@.]{0,60}) *: ")
_MOST_HELD = 3
_FEWEST = 5
"""Cells of a row that may be told by their values alone."""
_SEPARATORS = ("\t", "|", ",", ";")
_UNEVEN = "its fields are not those of the heading"


def form_of(head: Sequence[str]) -> str:
    """`ruled` or `blocks` by the first lines of a file; "" for neither."""
    if any(map(_is_ruler, map(_plain, head))):
        rows = list(_under_rulers(map(_numbered, head), lambda *_: None))
        return "ruled" if rows and column_names.find_columns(rows) else ""
    if _RECORD.match(head[0]):
        return "blocks"
    names = [found[1] for found in map(_LISTED.match, head) if found]
    return "blocks" if 5 * len(names) >= 4 * len(head) and names.count(names[0]) > 1 and len(set(names)) >= _FEWEST - 1 else ""


def separator_of(head: Sequence[str]) -> str:
    """What stands between the cells of a table without a heading whose values tell a time and a request; "" = it is none."""
    return next((sign for sign in _SEPARATORS if _names(head, sign)), "")


def ruled(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """The rows under the headings; a heading is the line above a ruler."""
    yield from _under_rulers(((number, line, text) for number, line, text in texts(file, bad, notes, blank=True)), bad)


def blocks(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """Records of lines with a name and a value each; a mark or a blank line ends one."""
    row: dict[str, str] = {}
    sign, last = ":", ""
    for number, line, text in texts(file, bad, notes, blank=True):
        if not text or _RECORD.match(text):
            sign = "|" if text.startswith("-[") else sign
            yield from [row] if row else ()
            row, last = {}, ""
            continue
        name, found, value = text.partition(sign)
        if found and (sign == "|" or not text[0].isspace() or "row **" in text or not last or len(name.strip().split()) == 1):
            last = name.strip()[:64]
            row[last] = value.strip()
        elif last and len(row[last]) < 4096:  # a value that was wrapped
            row[last] += " " + text.strip()
        else:
            bad(number, REASONS["field"], line)
    yield from [row] if row else ()


def bare(file: Path, bad: Bad, notes: list[str]) -> Iterator[Json]:
    """Rows of a table without a heading, under names that its values tell."""
    head = [text for _, _, text in _first(file)]
    sign = separator_of(head)
    names = _names(head, sign)
    for number, line, text in texts(file, bad, notes):
        cells = _cells(text, sign)
        if len(cells) != len(names):
            bad(number, _UNEVEN, line)
            continue
        yield {name: cell.strip(' "[]') for name, cell in zip(names, cells, strict=True) if cell.strip() not in ("", "-")}


def _first(file: Path) -> list[tuple[int, bytes, str]]:
    found = []
    for one in texts(file, lambda *_: None, []):
        found.append(one)
        if len(found) == 200:
            break
    return found


_NAMED = {"ts": "timestamp", "date": "date", "clock": "clock", "path": "url", "status": "status", "ip": "client_ip", "agent": "user_agent"}


def _names(head: Sequence[str], sign: str) -> list[str]:
    """A name for each cell; empty where the cells do not tell a time and a request."""
    rows = [_cells(text, sign) for text in head]
    width, often = Counter(map(len, rows)).most_common(1)[0]
    if width < _FEWEST or 10 * often < 9 * len(rows):
        return []
    even = [row for row in rows if len(row) == width]
    told = told_by_value.columns_of({str(n): [row[n] for row in even] for n in range(width)}, sure=False)
    if not {"path", "status"} <= set(told) or not ({"ts"} <= set(told) or {"date", "clock"} <= set(told)):
        return []
    by_place = {int(place): _NAMED.get(column, column) for column, place in told.items()}
    return [by_place.get(n, f"c{n}") for n in range(width)]


def _cells(text: str, sign: str) -> list[str]:
    if sign in "\t|" or '"' not in text:
        return text.split(sign)
    try:
        return next(csv.reader([text], delimiter=sign, skipinitialspace=True), [])
    except csv.Error:
        return []


def _numbered(line: str) -> tuple[int, bytes, str]:
    return 0, b"", line


def _plain(text: str) -> str:
    return text.translate(_BOX) if not text.isascii() else text


def _is_ruler(text: str) -> bool:
    return "--" in text and ("+" in text or "|" in text) and not text.strip(" |+:=-\t")


def _row(text: str) -> list[str]:
    cells = [cell.strip() for cell in text.strip().split("|")]
    return cells[1:-1] if len(cells) > 2 and not cells[0] and not cells[-1] else cells


def _under_rulers(numbered: Iterator[tuple[int, bytes, str]], bad: Bad) -> Iterator[Json]:
    names: list[str] = []
    held: list[tuple[int, bytes, str]] = []
    begins = True
    for number, line, said in numbered:
        text = _plain(said)
        if _is_ruler(text):
            if begins and held:
                names, held, begins = _row(held[0][2]), [], False
            continue
        ended = not text.strip() or bool(_FOOT.match(text.strip()))
        if not ended and begins:
            held.append((number, line, text))
        if ended or len(held) > _MOST_HELD:  # no heading, since no ruler is under it
            for one in held:
                yield from _named_row(names, *one, bad)
            held, begins = [], ended
            continue
        if not begins:
            yield from _named_row(names, number, line, text, bad)
    for one in held:
        yield from _named_row(names, *one, bad)


def _named_row(names: list[str], number: int, line: bytes, text: str, bad: Bad) -> Iterator[Json]:
    cells = _row(text)
    if len(cells) == len(names):
        yield {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    else:
        bad(number, _UNEVEN, line)
