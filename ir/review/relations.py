"""How a group of alike files becomes a relation for the normalising SELECT."""

from dataclasses import dataclass
from pathlib import Path

from ir.review.activitynormal import activity_sql, flat_activity_sql
from ir.review.columnmap import ColumnMap
from ir.review.engine import quoted
from ir.review.eventnormal import events_sql, unwrapped_sql
from ir.review.normal import requests_sql
from ir.review.sniff import Sniffed

_LINES = "delim = '\x01', quote = '', escape = '', header = false, auto_detect = false, strict_mode = false"

# Web servers, proxies and plain text: what can be told from any line.
_TEXT = {
    "ts": r"COALESCE(NULLIF(regexp_extract(l, '\[([^\]]{8,40})\]', 1), ''), NULLIF(regexp_extract(l, "
    r"'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?'), ''))",
    "request_id": r"NULLIF(regexp_extract(l, '\breq_[A-Za-z0-9]{4,64}'), '')",
    "method": r"NULLIF(regexp_extract(l, '\b(GET|POST|DELETE|PUT|PATCH|HEAD) ', 1), '')",
    "path": r"NULLIF(regexp_extract(l, '\b(?:GET|POST|DELETE|PUT|PATCH|HEAD) ([^ \"]+)', 1), '')",
    "status": r"NULLIF(regexp_extract(l, '\" (\d{3})\b', 1), '')",
    "ip": r"NULLIF(regexp_extract(l, '^(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+) ', 1), '')",
    "agent": r"NULLIF(regexp_extract(l, '\"((?:Stripe/v1|curl|python|Mozilla|PostmanRuntime|Go-http)[^\"]*)\"', 1), '')",
}


@dataclass(frozen=True)
class Shape:
    """What makes files alike: same format, kind, columns and side.

    Attributes:
        mapped: a human's map says so; several paths of a column are joined by `:` instead of tried in order.
        origin: of events, `api` or `archive`.
    """

    form: str
    kind: str
    columns: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    own: bool
    delimiter: str = ""
    mapped: bool = False
    origin: str = "archive"

    @classmethod
    def of(cls, sniffed: Sniffed, *, own: bool) -> "Shape":
        """From what a file looks like. Webhook logs are our own in any case."""
        columns = tuple(sorted(sniffed.columns.items()))
        return cls(sniffed.form, sniffed.kind, columns, own, sniffed.delimiter)

    @classmethod
    def of_map(cls, column_map: ColumnMap, sniffed: Sniffed, *, own: bool) -> "Shape":
        """From a human's map; only the format is sniffed."""
        side = own if column_map.own is None else column_map.own
        columns = tuple(sorted(column_map.paths().items()))
        return cls(sniffed.form, column_map.kind, columns, side, sniffed.delimiter or ",", mapped=True)

    @property
    def label(self) -> str:
        """Name of the source in coverage."""
        if self.kind == "requests":
            return "egress" if self.own else "request-log"
        return {"webhooks": "webhook-log"}.get(self.kind, self.kind)


def select_sql(shape: Shape, files: list[Path]) -> str:
    """The SELECT that normalises these files, with `file` and `bad`."""
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
    return requests_sql(columns, relation, own=int(shape.own), source=shape.label)


def _objects(names: str) -> str:
    # A line that is not JSON comes as NULL.
    return (
        f"(SELECT json AS j, filename FROM read_json_objects({names}, format = 'newline_delimited', ignore_errors = true, filename = true))"
    )


def lines_of(names: str) -> str:
    """A relation of `l` (a line) and `filename`."""
    return f"read_csv({names}, columns = {{'l': 'VARCHAR'}}, {_LINES}, filename = true)"


def _relation(shape: Shape, names: str) -> tuple[str, dict[str, str]]:
    if shape.form == "jsonl":
        return _json(shape, names)
    if shape.form == "csv":
        relation = (
            f"read_csv({names}, all_varchar = true, header = true, delim = {quoted(shape.delimiter)}, quote = '\"', "
            "escape = '\"', null_padding = true, ignore_errors = true, filename = true, union_by_name = true)"
        )
        return relation, {name: _pick(shape, [_name(p[-1]) for p in paths]) for name, paths in shape.columns}
    if shape.form == "logfmt":
        columns = {name: _pick(shape, [_pair(p[-1]) for p in paths]) for name, paths in shape.columns}
        return lines_of(names), columns
    return lines_of(names), dict(_TEXT)


def _json(shape: Shape, names: str) -> tuple[str, dict[str, str]]:
    tops: dict[str, str] = {}
    for _, paths in shape.columns:
        for path in paths:
            nested = len(path) > 1
            tops[path[0]] = "JSON" if nested or tops.get(path[0]) == "JSON" else "VARCHAR"
    columns = {name: _pick(shape, [_leaf(path, tops) for path in paths]) for name, paths in shape.columns}
    typed = ", ".join(f"{quoted(top)}: '{kind}'" for top, kind in (tops or {"request_id": "VARCHAR"}).items())
    relation = (
        f"read_json({names}, format = 'newline_delimited', columns = {{{typed}}}, ignore_errors = true, "
        "filename = true, maximum_object_size = 4194304)"
    )
    return relation, columns


def _leaf(path: tuple[str, ...], tops: dict[str, str]) -> str:
    if len(path) == 1:
        return f"json_extract_string({_name(path[0])}, '$')" if tops[path[0]] == "JSON" else _name(path[0])
    steps = "".join('."' + step.replace('"', "") + '"' for step in path[1:])
    return f"json_extract_string({_name(path[0])}, {quoted('$' + steps)})"


def _pair(name: str) -> str:
    escaped = "".join(c if c.isalnum() or c == "_" else "\\" + c for c in name)
    pattern = "(?:^|\\s)" + escaped + '=("(?:[^"\\\\]|\\\\.)*"|\\S+)'
    return f"NULLIF(trim(regexp_extract(l, {quoted(pattern)}, 1), '\"'), '')"


def _pick(shape: Shape, expressions: list[str]) -> str:
    if len(expressions) == 1:
        return f"CAST({expressions[0]} AS VARCHAR)"
    if shape.mapped:
        return "concat_ws(':', " + ", ".join(expressions) + ")"
    return "COALESCE(" + ", ".join(expressions) + ")"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _webhook(columns: dict[str, str]) -> dict[str, str]:
    """Our own log of webhook deliveries: what went wrong becomes one of two codes."""
    said = "lower(" + columns.get("error_code", "''") + ")"
    code = (
        f"CASE WHEN {said} LIKE '%tolerance%' OR {said} LIKE '%timestamp%' OR {said} LIKE '%too old%' THEN 'stale_timestamp' "
        f"WHEN {said} LIKE '%signature%' OR {said} LIKE '%no signatures found%' THEN 'bad_signature' END"
    )
    return {**columns, "error_code": code}
