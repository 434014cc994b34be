"""Rows in a list inside other records: New Relic's NRQL answers, Cloudflare's GraphQL, breadcrumbs of a Sentry event.

A record that tells a request itself is a row, whatever lists it has. In one that tells none, the rows are what its lists hold: objects
that have a time and say which request it was.
"""

from collections.abc import Callable, Iterator
from typing import Any

from ir.core.model import Json
from ir.review.ingest import column_names
from ir.review.ingest.json_values import objects

_DEEPEST = 8
_LOOKED = 20
"""Objects at the beginning of a list that tell whether it is a list of rows."""
_TELLING = frozenset({"path", "line", "request_id"})


def rows_inside(record: Json) -> list[Json] | None:
    """The rows in the lists of a record, whatever depth they have; None when it tells a request itself, or has no such list."""
    crumbs = _breadcrumbs(record)
    if crumbs:
        fault = {name: value for name, value in record.items() if name not in ("breadcrumbs", "entries")}
        return [fault, *crumbs] if _are_rows([fault]) else crumbs
    found = list(_lists(record, _DEEPEST, _are_rows))
    if not found or _TELLING & set(column_names.find_columns([_without_lists(record)])):
        return None
    return [row for rows in found for row in rows]


def unread(record: Json) -> bool:
    """Whether a list inside a record names several requests: they are in no row of their own."""
    return any(_lists(record, _DEEPEST, lambda rows: len(set(column_names.REQUEST_ID.findall(str(rows)))) > 1))


def _breadcrumbs(record: Json) -> list[Json]:
    """The calls that a program made before the fault that Sentry tells of."""
    held = [record.get("breadcrumbs"), *(one.get("data") for one in objects(record.get("entries")) if one.get("type") == "breadcrumbs")]
    lists = [one.get("values") if isinstance(one, dict) else one for one in held]
    return [crumb for rows in lists for crumb in objects(rows) if _are_rows([crumb])]


def _lists(value: Any, deep: int, fits: Callable[[list[Json]], bool]) -> Iterator[list[Json]]:
    """Lists of objects that fit, the outermost alone: what is in its rows is theirs."""
    rows = objects(value)
    if rows and fits(rows):
        yield rows
        return
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inside if deep else ():
        if isinstance(one, dict | list):
            yield from _lists(one, deep - 1, fits)


def _are_rows(rows: list[Json]) -> bool:
    told = set(column_names.find_columns(rows[:_LOOKED]))
    return "ts" in told and bool(_TELLING & told)


def _without_lists(value: Any) -> Any:
    """A record with what is in no list."""
    if isinstance(value, dict):
        return {name: _without_lists(inner) for name, inner in value.items() if not isinstance(inner, list)}
    return value
