"""Pages: cursors of v1 (newest first, by object), page links of v2."""

import base64
import binascii
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import urlencode

from ir.core.model import Json
from ir.drill.twin import params as p
from ir.drill.twin.error_answers import ApiError, bad_request, no_such
from ir.drill.twin.world import Shelf

_NOT_FILTERS = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})


def v1_page(
    shelf: Shelf,
    params: Json,
    *,
    url: str,
    what: str,
    dated: bool = True,
    floor: float = 0.0,
    keep: Callable[[Json], bool] = lambda _: True,
) -> Json:
    """One page of a v1 list.

    `what` is the kind of object, for the message about a cursor that does not exist; `dated` says that this list knows
    `created`; nothing older than `floor` is returned; `keep` filters beyond plain equality of fields.
    """
    limit = _limit(params)
    after, before = params.get("starting_after"), params.get("ending_before")
    for cursor in (after, before):
        if cursor is not None and shelf.get(cursor) is None:
            raise no_such(what, cursor)
    since, until = _window(params) if dated else (0.0, float("inf"))
    found: Iterator[Json]
    if before:
        found = (one for one in shelf.oldest_first(above=before) if max(since, floor) <= one.get("created", 0) <= until)
    else:
        found = shelf.newest_first(below=after or "", since=max(since, floor), until=until)
    rows = list(islice((one for one in found if _matches(one, params) and keep(one)), limit + 1))
    data = rows[:limit]
    if before:
        data.reverse()
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": data}


def _limit(params: Json) -> int:
    limit = p.integer(params, "limit", 10)
    if not 1 <= limit <= 100:
        words = "less than or equal to 100" if limit > 100 else "greater than or equal to 1"
        raise bad_request(f"This value must be {words}.", "parameter_invalid_integer", param="limit")
    return limit


def _window(params: Json) -> tuple[float, float]:
    created = params.get("created")
    if created is None:
        return 0.0, float("inf")
    if not isinstance(created, dict):
        exact = float(p.integer(params, "created"))
        return exact, exact + 0.999
    since, until = 0.0, float("inf")
    for name in created:
        at = p.integer(created, name)
        if name in ("gt", "gte"):
            since = max(since, at + (name == "gt"))
        elif name in ("lt", "lte"):
            until = min(until, at - (name == "lt") + 0.999)
        else:
            raise bad_request(f"Received unknown parameter: created[{name}]", "parameter_unknown", param="created")
    return since, until


def _matches(found: Json, params: Json) -> bool:
    return all(str(found[name]) == value for name, value in params.items() if name not in _NOT_FILTERS and name in found)


def v2_page(rows: list[Json], params: Json, path: str) -> Json:
    """One page of a v2 list; the links are paths with everything that was asked for."""
    limit = p.integer(params, "limit", 20)
    if limit > 100:
        raise bad_request("limit: The maximum page limit is 100", param="limit")
    if limit < 1:
        raise bad_request("limit: The minimum page limit is 1", param="limit")
    start = _start(rows, params.get("page"))
    end = start + limit
    return {
        "data": rows[start:end],
        "next_page_url": _link(path, params, rows[end - 1]["id"]) if end < len(rows) else None,
        "previous_page_url": _link(path, params, rows[start - limit - 1]["id"] if start > limit else "") if start else None,
    }


def _start(rows: list[Json], page: object) -> int:
    if page is None:
        return 0
    try:
        last = base64.urlsafe_b64decode(str(page)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _bad_page() from None
    if not last:
        return 0
    for index, row in enumerate(rows):
        if row["id"] == last:
            return index + 1
    raise _bad_page()


def _bad_page() -> ApiError:
    return bad_request("page: The page token is invalid", param="page")


def _link(path: str, params: Json, last: str) -> str:
    flat: list[tuple[str, str]] = []
    for name, value in params.items():
        if name == "page":
            continue
        if isinstance(value, list):
            flat += [(f"{name}[{index}]", str(item)) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            flat += [(f"{name}[{inner}]", str(item)) for inner, item in value.items()]
        else:
            flat.append((name, str(value)))
    flat.append(("page", base64.urlsafe_b64encode(last.encode()).decode()))
    return f"{path}?{urlencode(flat)}"
