"""Turn a group of alike files into a relation for the normalising SELECT."""

from dataclasses import replace
from pathlib import Path

from ir.review.ingest import date_order, requests_table
from ir.review.ingest.activity_table import activity_sql, flat_activity_sql
from ir.review.ingest.byte_stream import LONGEST
from ir.review.ingest.column_names import BEHIND, FORWARDED, REQUEST_SHAPE, canonical
from ir.review.ingest.dialects import COLUMNS
from ir.review.ingest.events_table import events_sql, unwrapped_sql
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.line_patterns import TEXT, told_by
from ir.review.ingest.lookups import Usual
from ir.review.ingest.requests_table import requests_sql
from ir.review.sql.engine import quoted

_SEARCHED = 100_000
_SAID = ("MESSAGE", "message", "msg", "log", "line", "_raw", "textPayload")
"""Fields in which a program's line stands as it was printed: with colours, of journald also as a list of its bytes."""
_SIZES = f"max_line_size = {LONGEST + (64 << 10)}, buffer_size = {8 * LONGEST}"
_LINES = "delim = '\x01', quote = '', escape = '', header = false, auto_detect = false, strict_mode = false, " + _SIZES


def select_sql(shape: Shape, files: list[Path], usual: Usual) -> str:
    """The SELECT that normalises these files, with `file` and `bad`; `usual`: tables of usual values."""
    names = "[" + ", ".join(quoted(str(file)) for file in files) + "]"
    if shape.kind == "events":
        return events_sql(unwrapped_sql(_objects(names)), source=shape.origin)
    if shape.kind == "activity" and shape.form == "jsonl" and not shape.mapped:
        return activity_sql(_objects(names))
    relation, columns = _relation(shape, names)
    if shape.kind == "activity":
        return flat_activity_sql(columns, relation)
    columns = columns or {"request_id": "CAST(NULL AS VARCHAR)"}
    if shape.kind == "webhooks":
        return requests_sql(_webhook(columns), relation, own=1, source="webhook-log")
    return requests_sql(columns, relation, own=int(shape.own), source=shape.label, usual=usual)


def usual_sql(shape: Shape, sample: Path, name: str) -> tuple[str, dict[str, tuple[tuple[str, ...], str]]]:
    """The SELECT of the raw rows of a sample of JSON lines, and how to make tables of usual values of these rows, kept as `name`."""
    relation, columns = _relation(shape, "[" + quoted(str(sample)) + "]")
    return requests_table.raw_sql(columns, relation), requests_table.usual_sql(columns, name, own=int(shape.own))


def _objects(names: str) -> str:
    # a line that is not JSON comes as NULL
    return (
        f"(SELECT json AS j, filename FROM read_json_objects({names}, format = 'newline_delimited', ignore_errors = true, filename = true))"
    )


def lines_of(names: str, *, strict: bool = True) -> str:
    """A relation of `l` (a line that is not blank) and `filename`; one that is not strict leaves out what cannot be read."""
    lines = f"read_csv({names}, columns = {{'l': 'VARCHAR'}}, {_LINES}, ignore_errors = {str(not strict).lower()}, filename = true)"
    return f"(SELECT ir_plain(l) AS l, filename FROM {lines} WHERE l IS NOT NULL AND trim(l) <> '')"


def unread_sql(shape: Shape, file: Path) -> str:
    """SHA-256 of each unreadable line of a text file: short, however long the lines are."""
    relation, columns = _relation(shape, f"[{quoted(str(file))}]")
    nothing = " AND ".join(f"({expression}) IS NULL" for expression in columns.values())
    return f"SELECT DISTINCT sha256(l) FROM {relation} WHERE {nothing} LIMIT {_SEARCHED}"


def missed_sql(files: list[Path], part: Path) -> str:
    """Requests of ours whose id is in a line outside of its fields, or as a second one."""
    names = "[" + ", ".join(quoted(str(file)) for file in files) + "]"
    ids = f"regexp_extract_all(l, {quoted(REQUEST_SHAPE)})"
    told = f"SELECT request_id FROM read_parquet({quoted(str(part))}) WHERE request_id <> ''"
    relation = (
        f"(SELECT * FROM (SELECT l, filename, unnest({ids}) AS found FROM {lines_of(names, strict=False)} WHERE contains(l, 'req_')) "
        f"ANTI JOIN ({told}) t ON found = t.request_id)"
    )
    return requests_sql({**TEXT, "request_id": "found"}, relation, own=1, source="egress")


def _relation(shape: Shape, names: str) -> tuple[str, dict[str, str]]:
    if shape.form == "jsonl":
        relation, columns = _json(shape, names)
    elif shape.form == "csv":
        relation, columns = _csv(shape, names)
    elif shape.form == "logfmt":
        relation = lines_of(names)
        columns = {name: _pick(shape, name, paths, [_PAIRS.get(name, _pair)(p[-1]) for p in paths]) for name, paths in shape.columns}
        if not shape.mapped:  # a prefix before the pairs often has the time, and Stripe's id may stand alone
            ident = columns.pop("request_id", "CAST(NULL AS VARCHAR)")
            told = (
                f"list_transform([{ident}], lambda x: CASE WHEN contains(x, 'req_') THEN x ELSE COALESCE({TEXT['request_id']}, x) END)[1]"
            )
            columns = {"ts": TEXT["ts"], **columns, "request_id": told}
    else:
        relation, columns = lines_of(names), TEXT | COLUMNS.get(shape.dialect, {})
    if "line" in columns:
        columns = told_by(columns.pop("line")) | columns
    rest = [columns.pop(name) for name in ("ts_clock", "ts_zone") if name in columns]
    if rest:
        columns["ts"] = f"concat_ws(' ', {', '.join([columns['ts'], *rest])})"
    if "ts" in columns:
        columns["ts"] = date_order.read_sql(shape.dates, columns["ts"])
    return relation, columns


def dates_sql(shape: Shape, file: Path) -> str:
    """The greatest first and second numbers of the dates of a file whose order is not known."""
    relation, columns = _relation(replace(shape, dates=""), f"[{quoted(str(file))}]")
    return date_order.greatest_sql(columns["ts"], relation)


def _csv(shape: Shape, names: str) -> tuple[str, dict[str, str]]:
    """CSV. DuckDB rejects the lines that it cannot read, and the importer then reads those files line by line."""
    header = dict.fromkeys((*shape.header, *(paths[-1] for _, several in shape.columns for paths in several)))
    there = shape.header or tuple(header)
    typed = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in there)
    relation = (
        f"read_csv({names}, columns = {{{typed}}}, auto_detect = false, header = true, "
        f"skip = {shape.skip}, delim = {quoted(shape.delimiter)}, "
        f"quote = '\"', escape = '\"', null_padding = true, {_SIZES}, "
        f"parallel = false, store_rejects = true, filename = true)"
    )
    return relation, {
        name: _pick(shape, name, paths, [_cell(shape, p[-1]) if p[-1] in there else "CAST(NULL AS VARCHAR)" for p in paths])
        for name, paths in shape.columns
    }


def _cell(shape: Shape, name: str) -> str:
    return f"trim({_name(name)})" if shape.delimiter == "|" else _name(name)  # psql pads them


def _json(shape: Shape, names: str) -> tuple[str, dict[str, str]]:
    tops: dict[str, str] = {}
    for _, paths in shape.columns:
        for path in paths:
            nested = len(path) > 1
            tops[path[0]] = "JSON" if nested or tops.get(path[0]) == "JSON" else "VARCHAR"
    columns = {name: _pick(shape, name, paths, [_leaf(path, tops) for path in paths]) for name, paths in shape.columns}
    typed = ", ".join(f"{quoted(top)}: '{kind}'" for top, kind in (tops or {"request_id": "VARCHAR"}).items())
    relation = (
        f"read_json({names}, format = 'newline_delimited', columns = {{{typed}}}, ignore_errors = true, "
        "filename = true, maximum_object_size = " + f"{LONGEST})"
    )
    return relation, columns


def _leaf(path: tuple[str, ...], tops: dict[str, str]) -> str:
    if path[-1] in _SAID:
        return f"ir_plain(ir_said({_field(path, tops)}))"
    return _field(path, tops)


def _field(path: tuple[str, ...], tops: dict[str, str]) -> str:
    if len(path) == 1:
        return f"json_extract_string({_name(path[0])}, '$')" if tops[path[0]] == "JSON" else _name(path[0])
    steps = "".join(f"[{step}]" if step.isascii() and step.isdigit() else '."' + step.replace('"', "") + '"' for step in path[1:])
    return f"json_extract_string({_name(path[0])}, {quoted('$' + steps)})"


def _pair(name: str) -> str:
    return f"NULLIF(trim(rtrim({_value(name, _VALUE)}, ',;}}'), '\"'), '')"


_VALUE = '("(?:[^"\\\\]|\\\\.)*"|\\S+)'
_WORDS = '([^\\s"]\\S*(?: [^\\s=]+)+)(?:\\s|$)'
"""A value without quotes that goes on until the next name begins."""
_BEFORE = "(?:^|[\\s{(\\[,|;^])"
_ZONED = "Z$|[+-][0-9]{2}:?[0-9]{2}$|^[0-9.]+$"


def _value(name: str, pattern: str) -> str:
    escaped = "".join(c if c.isalnum() or c == "_" else "\\" + c for c in name)
    pattern = _BEFORE + escaped + "=" + pattern
    return f"regexp_extract(l, {quoted(pattern)}, 1)"


def _client(name: str) -> str:
    """A client's name, of which the first word tells too little."""
    begun = name + '="'
    quotes = f"contains(l, {quoted(begun)})"  # the usual form: no further search is needed
    return f"CASE WHEN {quotes} THEN {_pair(name)} ELSE COALESCE(NULLIF({_value(name, _WORDS)}, ''), {_pair(name)}) END"


def _moment(name: str) -> str:
    """A time that may have spaces, as far as it is one: a day alone would be read as its midnight, and one without its zone as UTC."""
    found = f"list_transform([{_value(name, _WORDS)}], lambda l: {TEXT['ts']})[1]"
    return (
        f"list_transform([{_pair(name)}], lambda x: CASE WHEN regexp_matches(x, '{_ZONED}') THEN x "
        f"WHEN starts_with({found}, x) THEN {found} ELSE x END)[1]"
    )


_PAIRS = {"agent": _client, "ts": _moment}


def _pick(shape: Shape, column: str, paths: tuple[tuple[str, ...], ...], expressions: list[str]) -> str:
    if column == "ip" and not shape.mapped and any(canonical(path[-1]) in BEHIND for path in paths):
        return _caller([canonical(path[-1]) for path in paths], expressions)
    if len(expressions) == 1:
        return f"CAST({expressions[0]} AS VARCHAR)"
    if shape.mapped:
        return "concat_ws(':', " + ", ".join(expressions) + ")"
    if column == "request_id":  # a text without an id must not hide the field that has one
        expressions = [f"NULLIF(ir_id({expression}), '')" for expression in expressions]
    return "COALESCE(" + ", ".join(expressions) + ")"


def _caller(names: list[str], expressions: list[str]) -> str:
    """The address that a program saw itself; where that is none, or a proxy's in a private network, the one that the proxy saw."""
    told = list(zip(names, expressions, strict=True))
    seen = [field for name, field in told if name not in BEHIND]
    hops = [f"ir_hop({field})" for name, field in told if name in FORWARDED] + [field for name, field in told if name in BEHIND - FORWARDED]
    behind, direct = f"COALESCE({', '.join(hops)})", f"COALESCE({', '.join(seen or expressions)})"
    if not seen:
        return f"COALESCE({behind}, {direct})"
    return f"CASE WHEN {direct} IS NULL OR ir_private(ir_ip({direct})) THEN COALESCE({behind}, {direct}) ELSE {direct} END"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _webhook(columns: dict[str, str]) -> dict[str, str]:
    """Our own log of webhook deliveries: every failure becomes one of two codes."""
    said = "lower(" + columns.get("error_code", "''") + ")"
    code = (
        f"CASE WHEN {said} LIKE '%tolerance%' OR {said} LIKE '%timestamp%' OR {said} LIKE '%too old%' THEN 'stale_timestamp' "
        f"WHEN {said} LIKE '%signature%' OR {said} LIKE '%no signatures found%' THEN 'bad_signature' END"
    )
    return {**columns, "error_code": code}
