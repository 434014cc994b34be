"""Tell the format and the kind of a file from its first 256 kB."""

import codecs
import csv
import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ir.core.model import Json
from ir.review.ingest import (
    column_names,
    database_dumps,
    date_order,
    dialects,
    envelopes,
    folds,
    inner_lists,
    listed_fields,
    printed_tables,
    programs,
    told_by_value,
)
from ir.review.ingest.byte_stream import pieces
from ir.review.ingest.column_names import Found
from ir.review.ingest.file_shape import Sniffed
from ir.review.ingest.json_documents import LISTS
from ir.review.ingest.record_kinds import kind_of
from ir.review.ingest.text_times import stamp

_SAMPLE = 256 << 10
_LINES = 200
_LONGEST = 32 << 10
"""Characters of a sampled line of text; JSON is looked at whole."""
_PAIR = re.compile(r'([A-Za-z_][\w.@-]*+)(?:=(?!>)("(?:[^"\\]|\\.)*"|\S+))?')
"""A name without a value is a hit, too: a search that began again at each letter of a long one would never end."""
_END = re.compile(r"\r?\n|\r")
"""A form feed or a U+2028 inside a message is no end of a line."""
_QUOTED = re.compile(r'"[^"]*+"')
_BARE = re.compile(r"\r(?!\n|$)")
_DELIMITERS = (",", ";", "\t", "|")
_TITLES = 6
_PAGE = {
    "object", "url", "has_more", "next_page_url", "previous_page_url", "nextPageToken", "nextToken", "meta", "links", "preview",
    "init_offset", "messages", "fields", "highlighted", "result_info", "success", "errors", "total", "count",
    "statistics", "rows_before_limit_at_least",
}  # fmt: skip
"""The fields of an answer beside its list (Stripe, Google, AWS, Datadog, Splunk, Cloudflare, ClickHouse); a line of a log has others."""
_LIST = re.compile(r"\s*\[\s*([{\[]|$)")
_VALUE = re.compile(r"^[\d.:-]+$|\d{4}-\d\d-\d\d|\d:\d\d|[{}=]")
_FOREIGN = {
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"PAR1": "Parquet",
    b"\xd0\xcf\x11\xe0": "an Excel file",
}


HEADED = ("titled", "ends")
"""What stays a CSV when it is rewritten."""
_INSIDE = "lists in its records name several requests; they are in no row of their own"


def sniff(file: Path, *, own: bool = False, fields_of: frozenset[str] = frozenset(), unfolded: bool = False) -> Sniffed:
    """Look at the beginning of a file. Never raises for its content; OSError if it cannot be opened.

    `own`: it was given as our own egress log, so a line that tells a request of ours counts, whatever else it tells.
    `fields_of`: names that a map knows; a CSV is one whose heading has any of them.
    `unfolded`: each line is a record that the careful way wrote; what still looks like others' envelope holds none.
    """
    with file.open("rb") as stream:
        magic = stream.read(8)
    for mark, name in _FOREIGN.items():
        if magic.startswith(mark):
            return Sniffed("foreign", "requests", {}, why=f"{name}: not read; unpack it to text or gzip")
    text = next(pieces(file, []), b"")[:_SAMPLE].decode("utf-8", "replace")
    cut = text.rfind("\n")
    if len(text) >= _SAMPLE - 4096 and cut > 0:
        text = text[:cut]
    text = column_names.COLOURS.sub("", text.removeprefix("\ufeff"))
    lines = [line for line in _END.split(text, _LINES)[:_LINES] if line.strip()]
    sequence = text.startswith("\x1e")
    found = Sniffed("jsonl", "requests", {}, folded="sequence") if sequence else _told(lines, own=own, mapped=fields_of, unfolded=unfolded)
    if found.form == "jsonl" and not found.folded and _BARE.search(text):
        found = replace(found, folded="ends")
    if found.form == "csv" and not found.folded:
        found = replace(found, folded="ends" if _BARE.search(_QUOTED.sub("", text)) else "titled" if found.skip else "")
    many = any(len(set(column_names.REQUEST_ID.findall(line))) > 1 for line in lines)
    program = programs.program(lines) if own and lines and not any(map(column_names.REQUEST_ID.search, lines)) else ""
    return replace(found, many=many, program=program, plain=magic[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _told(lines: list[str], *, own: bool, mapped: frozenset[str], unfolded: bool) -> Sniffed:
    if not lines:
        return Sniffed("empty", "requests", {})
    records = [record for record in map(_record, lines) if record is not None]
    if records and unfolded:
        return _of_records("jsonl", records, own=own)
    whole = records and (len(records) * 2 >= len(lines) or _record(lines[0]) is not None)
    if whole and (not _is_list(records[0], alone=len(lines) == 1) or envelopes.is_batch(records[0])):
        fold = folds.of_records(lines, records, own=own)
        return Sniffed("jsonl", "requests", {}, folded=fold) if fold else _of_records("jsonl", records, own=own)
    if lines[0].lstrip(" \t")[:1] == "{" or _LIST.match(lines[0]):
        return Sniffed("json", "requests", {})
    return _of_text([line[:_LONGEST] for line in lines], own=own, mapped=mapped)


def _of_text(lines: list[str], *, own: bool, mapped: frozenset[str]) -> Sniffed:
    listed = listed_fields.form_of(lines)
    if listed:
        return Sniffed("jsonl", "requests", {}, folded=listed)
    if not own and database_dumps.is_dump(lines):
        return Sniffed("text", "events", {}, folded="dump")
    if folds.access_lines(lines):
        return _plain_text(lines)  # whatever pairs come after them
    if folds.behind_prefixes(lines, own=own):
        return Sniffed("jsonl", "requests", {}, folded="prefix")
    table = _of_csv(lines, own=own, mapped=mapped)
    if table is None and printed_tables.separator_of(lines):
        return Sniffed("jsonl", "requests", {}, folded="bare")
    told = table or _of_logfmt(lines, own=own) or _plain_text(lines)
    return replace(told, folded="lines") if told.form in ("text", "logfmt") and folds.spread(lines, own=own) else told


def _plain_text(lines: list[str]) -> Sniffed:
    return Sniffed("text", "requests", {}, dates=date_order.of(map(stamp, lines)), dialect=dialects.of(lines))


def _record(line: str) -> Json | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_list(record: Json, *, alone: bool) -> bool:
    """Whether it is an API page or a HAR; a field of a log line may be called `data` or `log`, too.

    `alone`: a file that holds nothing else is a list where what stands beside it names no request.
    """
    log = record.get("log")
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        return True
    told = record.get("object") == "list" or "has_more" in record or "next_page_url" in record
    page = told or len(record) <= 2 or _PAGE.issuperset(set(record).difference(LISTS))
    lists = [value for name, value in record.items() if name in LISTS and isinstance(value, list)]
    if alone and not page:
        beside = column_names.find_columns([{name: value for name, value in record.items() if name not in LISTS}])
        page = not {"path", "line", "request_id"} & set(beside)
    return page and any(not value or isinstance(value[0], dict) for value in lists)


def _of_records(form: str, records: list[Json], *, own: bool) -> Sniffed:
    kind = kind_of(records, own=own)
    if kind == "events":  # in Stripe's own form: its fields are known
        return Sniffed(form, kind, {})
    names = column_names.ACTIVITY_NAMES if kind == "activity" else None
    found = column_names.find_columns(records, names)
    why = _INSIDE if kind == "requests" and not own and any(map(inner_lists.unread, records)) else ""
    return Sniffed(form, kind, found, dates=_dates(records, found), why=why)


def _dates(records: list[Json], found: Found) -> str:
    """The order of day and month in the fields that tell the time."""
    wanted = found.get("ts", ())
    return date_order.of(str(value) for record in records for path, value in column_names.flatten(record) if path in wanted)


def _of_csv(lines: list[str], *, own: bool, mapped: frozenset[str]) -> Sniffed | None:
    """A CSV. Titles may come before the heading: the first line that names two columns is the heading."""
    for skip in range(min(_TITLES, len(lines))):
        for delimiter in _DELIMITERS:
            found = _under_heading(lines[skip:], delimiter, mapped)
            if found is not None:
                return replace(found, skip=skip)
    return None


def _under_heading(lines: list[str], delimiter: str, mapped: frozenset[str]) -> Sniffed | None:
    header = next(iter(_cells(lines[:1], delimiter)), ())
    if len(header) < 2 or len(set(header)) < len(header) or column_names.REQUEST_ID.search(lines[0]) or not _is_heading(header):
        return None
    pad = " " if delimiter == "|" else ""
    rows: list[Json] = [dict(zip(header, (cell.strip(pad) for cell in row), strict=False)) for row in _cells(lines[1:], delimiter)]
    rows = rows or [dict.fromkeys(header, "")]
    found = column_names.find_columns(rows)
    names = {column_names.canonical(name) for name in header}
    if names & {"action", "activity"} and names & {"user", "actor", "user_email", "email"} and "path" not in found:
        kind, found = "activity", column_names.find_columns(rows, column_names.ACTIVITY_NAMES)
    elif "object_id" in found and "request_id" not in found:
        kind = "webhooks"
    else:
        kind = "requests"
        found = found if mapped else found | told_by_value.unnamed(header, rows, found)
    if any(envelopes.unfold(row) for row in rows):
        return Sniffed("csv", "events", {}, delimiter, header, folded="table")
    if kind == "requests" and not mapped & set(header) and not {"path", "line"} & set(found):
        told = column_names.find_columns([row for row in map(envelopes.opened, rows) if row])
        if "path" in told:
            return Sniffed("csv", "requests", {}, delimiter, header, folded="table")
    if len(found) < 2 and "request_id" not in found and not mapped & set(header):
        return None
    return Sniffed("csv", kind, found, delimiter, header, dates=_dates(rows, found))


def _cells(lines: list[str], delimiter: str) -> list[tuple[str, ...]]:
    """Rows up to the first that the parser gives up on: a cell without end, or a stray NUL."""
    found: list[tuple[str, ...]] = []
    with suppress(csv.Error):
        found.extend(map(tuple, csv.reader(lines, delimiter=delimiter)))
    return found


def _is_heading(header: tuple[str, ...]) -> bool:
    """Whether they are names and not values: none of them is empty, a number, a time or an object."""
    return all(name.strip() and not _VALUE.search(name) for name in header)


def pairs(line: str) -> dict[str, str]:
    """The `key=value` pairs of a logfmt line."""
    return {name: value.rstrip(",;}").strip('"') for name, value in _PAIR.findall(line) if value}


def _of_logfmt(lines: list[str], *, own: bool) -> Sniffed | None:
    records: list[Json] = [dict(pairs(line)) for line in lines]
    if sum(len(record) >= 3 for record in records) * 2 < len(lines):
        return None
    found = column_names.find_columns(records)
    return Sniffed("logfmt", kind_of(records, own=own), found, dates=_dates(records, found)) if found else None
