"""Which column of a table is which, told by its values: for tables without a heading, and for headings in a language unknown here."""

import re
from collections.abc import Mapping, Sequence

from ir.core.model import Json
from ir.review.ingest.column_names import Found
from ir.review.ingest.text_times import stamp

_LOOKED = 100
_EPOCH = re.compile(r"1\d{9}(?:[.,]\d{1,9})?|1\d{12}(?:\d{3}){0,2}")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}")
_VERB = re.compile(r"GET|POST|DELETE|PUT|PATCH|HEAD|OPTIONS")
_PATH = re.compile(r"(?:https?://[^\s/]+)?/\S*")
_CLIENT = re.compile(r"(?!HTTP/)[A-Za-z][\w.-]{1,30}/v?\d|Mozilla|.{0,3}Stripe(?:/|%2F)v|[A-Za-z][\w.-]{1,30}%2F\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?[/.-]\d\d?[/.-]\d{4}")
_CLOCK = re.compile(r"\d\d?:\d\d:\d\d(?:[.,]\d{1,9})?")
_STATUS = frozenset(
    map(
        str,
        (*range(200, 207), *range(301, 309), *range(400, 418), 422, 424, 425, 426, 428, 429, 431, 451, 499, *range(500, 505)),
    )
)
_NONE = ("", "-")


def columns_of(cells: Mapping[str, Sequence[str]], *, sure: bool) -> dict[str, str]:
    """Column → the name of the field whose values are such; `date` and `clock` where no field has both.

    `sure`: only where no other field could be it, too.
    """
    values = {name: [cell.strip(' "[]') for cell in several[:_LOOKED]] for name, several in cells.items()}
    values = {name: [cell for cell in several if cell not in _NONE] for name, several in values.items()}
    whole = {name for name, several in values.items() if len(several) == len(cells[name][:_LOOKED])}
    found: dict[str, str] = {}
    for column, fits in _KINDS.items():
        hits = [name for name, several in values.items() if several and name not in found.values() and all(map(fits, several))]
        hits = [name for name in hits if name in whole] or hits
        if hits and not (sure and len(hits) > 1):
            found[column] = _best(column, hits, values)
    return {column: name for column, name in found.items() if column not in ("date", "clock") or "ts" not in found}


def unnamed(header: Sequence[str], rows: Sequence[Json], found: Found) -> Found:
    """Columns whose names are of a language that is not known here; none unless names or values tell the path of a request."""
    used = {path[-1] for paths in found.values() for path in paths}
    rest = {name: [str(row.get(name) or "") for row in rows] for name in header if name not in used}
    told = {column: name for column, name in columns_of(rest, sure=True).items() if column not in found}
    if "path" not in {*found, *told} or not {"method", "status", "ip"} & {*found, *told}:
        return {}
    if {"date", "clock"} <= set(told) and "ts" not in found:
        told |= {"ts": told["date"], "ts_clock": told["clock"]}
    return {column: ((name,),) for column, name in told.items() if column not in ("date", "clock")}


def _best(column: str, hits: list[str], values: Mapping[str, Sequence[str]]) -> str:
    """The first; of several addresses of pages the one that varies most, which no page that was seen before does."""
    if column != "path":
        return hits[0]
    return max(hits, key=lambda name: (len(set(values[name])), not values[name][0].startswith("http")))


def _is_time(cell: str) -> bool:
    return bool(_EPOCH.fullmatch(cell)) or len(stamp(cell)) > 0.9 * len(cell)


_KINDS = {
    "ts": _is_time,
    "date": lambda cell: bool(_DATE.fullmatch(cell)),
    "clock": lambda cell: bool(_CLOCK.fullmatch(cell)),
    "ip": lambda cell: bool(_ADDRESS.fullmatch(cell)),
    "method": lambda cell: bool(_VERB.fullmatch(cell)),
    "status": lambda cell: cell in _STATUS,
    "path": lambda cell: bool(_PATH.fullmatch(cell)),
    "agent": lambda cell: bool(_CLIENT.match(cell)),
}
