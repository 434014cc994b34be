"""Rows in the answer of a query: CloudWatch's Logs Insights, Azure Monitor's `tables`, Elasticsearch's `hits`, Splunk, ClickHouse.

Splunk: `result` a line (export), `rows` under `fields` (json_rows). ClickHouse: `data` under `meta` (JSONCompact). elasticdump: one hit
a line.
"""

from collections.abc import Iterator
from typing import Any

from ir.core.model import Json
from ir.review.ingest.json_values import objects


def rows_of(record: Json) -> list[Json] | None:
    """Rows of a query: each is a list of cells under the names of columns, or of named fields, or in `_source`."""
    columnar = record.get("tables")
    if isinstance(columnar, list) and columnar and all(isinstance(one, dict) and isinstance(one.get("fields"), list) for one in columnar):
        return [row for one in columnar for row in _turned(one)]
    tables, results, hits = record.get("tables"), record.get("results"), record.get("hits")
    if isinstance(tables, list) and tables and all(isinstance(one, dict) and isinstance(one.get("columns"), list) for one in tables):
        return [row for one in tables for row in _named_cells(one)]
    if isinstance(results, list) and results and all(isinstance(row, list) for row in results):
        return [_cells(row) for row in results]
    for heading, body in (("fields", "rows"), ("meta", "data"), ("columns", "values"), ("columns", "rows")):
        names, rows = record.get(heading), record.get(body)
        if isinstance(names, list) and isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
            return [dict(zip(map(_column, names), row, strict=False)) for row in rows]
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return [_hit(one) for one in objects(hits["hits"])]
    return None


def _hit(hit: Json) -> Json:
    """A document as it was sent, or the fields that were asked for, each in a list."""
    source, fields = hit.get("_source"), hit.get("fields")
    shown = (
        {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in fields.items()}
        if isinstance(fields, dict)
        else {}
    )
    return {**shown, **source} if isinstance(source, dict) else shown


def _column(name: Any) -> str:
    return str(name.get("name") if isinstance(name, dict) else name)


def _named_cells(table: Json) -> Iterator[Json]:
    names, rows = [str(one.get("name")) for one in objects(table["columns"])], table.get("rows")
    yield from (dict(zip(names, row, strict=False)) for row in (rows if isinstance(rows, list) else ()) if isinstance(row, list))


def _turned(table: Json) -> Iterator[Json]:
    """Axiom's rows: each column is a list under `columns`, its name in `fields`."""
    columns = [one for one in table.get("columns") or () if isinstance(one, list)] if isinstance(table.get("columns"), list) else []
    names = list(map(_column, table["fields"]))
    yield from (dict(zip(names, row, strict=False)) for row in zip(*columns, strict=False))


def _cells(row: list[Any]) -> Json:
    return {str(cell.get("field")): cell.get("value") for cell in objects(row)}


def wrapped(record: Json) -> Json | None:
    """The one record in Splunk's `result` and Elasticsearch's `_source`."""
    for name, beside in (("result", ("preview", "offset")), ("_source", ("_index", "_id"))):
        inner = record.get(name)
        if isinstance(inner, dict) and any(one in record for one in beside):
            return inner
    return None
