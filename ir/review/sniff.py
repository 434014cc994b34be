"""What a file is: its format and its kind, told from its first 256 kB."""

import csv
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from ir.model import Json
from ir.review import fields
from ir.review.fields import Found

_SAMPLE = 256 << 10
_LINES = 200
_PAIR = re.compile(r'([A-Za-z_][\w.@-]*)=("(?:[^"\\]|\\.)*"|\S+)')
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Sniffed:
    """One file, as far as its beginning tells.

    Attributes:
        form: `jsonl`, `json`, `csv`, `logfmt`, `text` or `empty`.
        kind: `requests`, `events`, `activity` or `webhooks`.
        columns: column → paths; CSV and logfmt have paths of one name.
        delimiter: of a CSV.
    """

    form: str
    kind: str
    columns: Found
    delimiter: str = ""


def sniff(file: Path) -> Sniffed:
    """Look at the beginning of a file. Never raises for its content; OSError if it cannot be opened."""
    text = _beginning(file)
    lines = [line for line in text.splitlines()[:_LINES] if line.strip()]
    if not lines:
        return Sniffed("empty", "requests", {})
    records = [record for record in map(_record, lines) if record is not None]
    first = _record(lines[0].lstrip("\ufeff"))
    if records and (len(records) * 2 >= len(lines) or first is not None) and not _is_list(records[0]):
        return _of_records("jsonl", records)
    if lines[0].lstrip("\ufeff \t")[:1] in ("[", "{"):
        return Sniffed("json", "requests", {})
    return _of_csv(lines) or _of_logfmt(lines) or Sniffed("text", "requests", {})


def _beginning(file: Path) -> str:
    with file.open("rb") as stream:
        raw = stream.read(_SAMPLE)
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(wbits=47).decompress(raw, _SAMPLE)
        except zlib.error:
            raw = b""
    cut = raw.rfind(b"\n")
    if len(raw) >= _SAMPLE - 1 and cut > 0:
        raw = raw[:cut]
    return raw.decode("utf-8", "replace")


def _record(line: str) -> Json | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_list(record: Json) -> bool:
    return isinstance(record.get("data"), list) or isinstance(record.get("log"), dict) or isinstance(record.get("entries"), list)


def _of_records(form: str, records: list[Json]) -> Sniffed:
    kind = kind_of(records)
    names = fields.ACTIVITY_NAMES if kind == "activity" else None
    return Sniffed(form, kind, fields.find_columns(records, names))


def kind_of(records: list[Json]) -> str:
    """What most of the records are."""
    votes = [_vote(record) for record in records]
    return max(("requests", "events", "activity", "webhooks"), key=votes.count)


def _vote(record: Json) -> str:
    inner = unwrapped(record)
    ident, kind = str(inner.get("id", "")), str(inner.get("type", ""))
    if inner.get("object") in ("event", "v2.core.event") or (ident.startswith("evt_") and "." in kind and "data" in inner):
        return "events"
    if inner.get("object") == "v2.iam.activity_log" or ident.startswith("accact_"):
        return "activity"
    text = str(record)
    if fields.EVENT_ID.search(text) and not fields.REQUEST_ID.search(text):
        return "webhooks"
    return "requests"


def unwrapped(record: Json) -> Json:
    """The event inside a cloud's envelope, or the record itself."""
    for name in ("detail", "data", "body", "event", "payload"):
        inner = record.get(name)
        if isinstance(inner, dict) and "type" in inner and record.get("object") not in ("event", "v2.core.event"):
            return inner
    return record


def _of_csv(lines: list[str]) -> Sniffed | None:
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.DictReader(lines, delimiter=delimiter))
        except csv.Error:  # a cell without end
            return None
        header = list(rows[0]) if rows else next(csv.reader(lines[:1], delimiter=delimiter), [])
        if len(header) < 2 or any(name is None for name in header):
            continue
        found = fields.find_columns(rows) if rows else _of_header(header)
        names = {fields.canonical(name) for name in header if name}
        if names & {"action", "activity"} and names & {"user", "actor", "user_email", "email"} and "path" not in found:
            return Sniffed("csv", "activity", fields.find_columns(rows, fields.ACTIVITY_NAMES), delimiter)
        if len(found) >= 2:
            votes = "webhooks" if "object_id" in found and "request_id" not in found else "requests"
            return Sniffed("csv", votes, found, delimiter)
    return None


def _of_header(header: list[str]) -> Found:
    return fields.find_columns([dict.fromkeys(header, "")])


def pairs(line: str) -> dict[str, str]:
    """The `key=value` pairs of a logfmt line."""
    return {name: value.strip('"') for name, value in _PAIR.findall(line)}


def _of_logfmt(lines: list[str]) -> Sniffed | None:
    records: list[Json] = [dict(pairs(line)) for line in lines]
    if sum(len(record) >= 3 for record in records) * 2 < len(lines):
        return None
    found = fields.find_columns(records)
    return Sniffed("logfmt", kind_of(records), found) if found else None
