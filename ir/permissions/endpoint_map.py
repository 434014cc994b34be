"""The map endpoint → permission. It is data (`data/endpoints.txt`), each row with its source and date; this file only reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ID = ":id"
_ORIGIN = re.compile(r"^(?:https?://[^/]*)")
_FIELD = re.compile(r"[a-z_]+")


@dataclass(frozen=True)
class EndpointSource:
    """Where a row is from. `date`: ISO 8601, of the source or, where it has none, of the day on which it was read."""

    name: str
    date: str
    says: str
    where: str


@dataclass(frozen=True)
class EndpointRow:
    """One endpoint.

    Attributes:
        path: `:id` stands for an id.
        permissions: names as Stripe's key API takes them; all of them are needed, or it is not known which one is.
        direct: they cannot authorize Connect call patterns.
        sourced: a source names this method and path; else its object alone, and the rest is inferred.
        checks: further sources that say the same.
    """

    method: str
    path: str
    permissions: tuple[str, ...]
    direct: bool
    sourced: bool
    source: EndpointSource
    checks: tuple[EndpointSource, ...] = ()

    @property
    def endpoint(self) -> str:
        """`GET /v1/charges`."""
        return f"{self.method} {self.path}"


def lines(name: str) -> Iterator[str]:
    """Of a data file, without remarks."""
    for line in files("ir.permissions").joinpath(f"data/{name}").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


@cache
def sources() -> dict[str, EndpointSource]:
    """By name."""
    return {one.name: one for one in (EndpointSource(*map(str.strip, line.split("|"))) for line in lines("sources.txt"))}


@cache
def rows() -> tuple[EndpointRow, ...]:
    """All of the map, in order of paths."""
    return tuple(map(_row, lines("endpoints.txt")))


def _row(line: str) -> EndpointRow:
    method, path, permissions, how, grade, source, checks = line.split()
    known = sources()
    told = tuple(known[name] for name in checks.split(",") if name != "-")
    return EndpointRow(method, path, tuple(permissions.split(",")), how == "direct", grade == "sourced", known[source], told)


@cache
def _by_shape() -> dict[tuple[str, int], list[tuple[list[str], EndpointRow]]]:
    """Rows of one method and length, those with the fewest ids first."""
    found: dict[tuple[str, int], list[tuple[list[str], EndpointRow]]] = {}
    for row in rows():
        steps = row.path.split("/")
        found.setdefault((row.method, len(steps)), []).append((steps, row))
    for same in found.values():
        same.sort(key=lambda pair: pair[0].count(_ID))
    return found


def permission_for(method: str, path: str) -> EndpointRow | None:
    """The row of a call; None: the map does not know it.

    Args:
        method: any case; HEAD counts as GET.
        path: `/v1/charges/ch_1`, with `:id` for an id or not, with its host and query or not.
    """
    method = {"HEAD": "GET"}.get(method.upper(), method.upper())
    steps = _ORIGIN.sub("", path).split("?", 1)[0].split("#", 1)[0].rstrip("/").split("/")
    for wanted, row in _by_shape().get((method, len(steps)), []):
        if all(want in (step, _ID) and step for want, step in zip(wanted[1:], steps[1:], strict=True)):
            return row
    return None


@cache
def _expanded() -> dict[str, tuple[str, ...]]:
    pairs = (map(str.strip, line.split("|")) for line in lines("expanded.txt"))
    return {field: tuple(permissions.split(",")) for field, permissions in pairs}


def reads_expanded(field: str) -> tuple[str, ...] | None:
    """What `expand[]=data.latest_charge.customer` needs to be read; () where nothing is expanded, None where a field is not known."""
    steps = [step for step in field.split(".") if step != "data"]
    known = [_expanded().get(step) for step in steps if _FIELD.fullmatch(step)]
    if None in known or len(known) < len(steps):
        return None
    return tuple(dict.fromkeys(name for one in known for name in one or ()))
