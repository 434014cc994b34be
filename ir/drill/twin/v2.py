"""The v2 API beside keys: events, activity logs, event destinations."""

from ir.core.model import Json
from ir.drill.twin import api_keys
from ir.drill.twin import params as p
from ir.drill.twin.call import Call
from ir.drill.twin.error_answers import bad_request, not_found, unknown_url
from ir.drill.twin.paging import v2_page
from ir.drill.twin.v1 import EVENT_DAYS
from ir.drill.twin.world import iso, moment

_EVENTS, _LOGS, _DESTINATIONS = "/v2/core/events", "/v2/iam/activity_logs", "/v2/core/event_destinations"
_LOG_DAYS = 180
_PREVIEW_EVENTS = "v2.iam."


def endpoint(path: str) -> str:
    """The path without ids."""
    for root in (api_keys.PATH, _EVENTS, _LOGS, _DESTINATIONS):
        if path.startswith(root + "/"):
            return f"{root}/{{id}}" + (f"/{path.rsplit('/', 1)[1]}" if path.count("/") > root.count("/") + 1 else "")
    return path


def answer(call: Call) -> Json:
    """The body of a 200.

    Raises:
        ApiError: everything else.
    """
    path = call.request.path
    if path == api_keys.PATH or path.startswith(api_keys.PATH + "/"):
        return api_keys.answer(call)
    for root, read in ((_EVENTS, _events), (_LOGS, _logs), (_DESTINATIONS, _destinations)):
        if call.request.method == "GET" and (path == root or path.startswith(root + "/")):
            rows = read(call)
            return v2_page(rows, call.params, root) if path == root else _one(rows, path.removeprefix(root + "/"))
    raise unknown_url(call.request.method, path)


def _one(rows: list[Json], ident: str) -> Json:
    for row in rows:
        if row["id"] == ident:
            return row
    raise not_found()


def _preview(call: Call) -> bool:
    return call.request.headers.get("stripe-version", "").endswith(".preview")


def _events(call: Call) -> list[Json]:
    call.need("event_read")
    since, until = _window(call)
    since = max(since, iso(call.now - EVENT_DAYS * 86_400))
    types, about = frozenset(p.names(call.params, "types")), call.params.get("object_id")
    rows = [row for row in reversed(call.book.thin) if since <= row["created"] <= until]
    if not _preview(call):
        rows = [row for row in rows if not row["type"].startswith(_PREVIEW_EVENTS)]
    if types:
        rows = [row for row in rows if row["type"] in types]
    return [row for row in rows if about in row.get("data", {}).values()] if about else rows


def _window(call: Call) -> tuple[str, str]:
    # ISO texts of one format sort as times do.
    since, until = iso(0), "9999"
    for name, value in p.table(call.params, "created").items():
        at = moment(str(value))
        if name in ("gt", "gte"):
            since = max(since, iso(at + (0.001 if name == "gt" else 0)))
        elif name in ("lt", "lte"):
            until = min(until, iso(at - (0.001 if name == "lt" else 0)))
        else:
            raise bad_request(f"Unknown field: created.{name}", "unknown_field", param="created")
    return since, until


def _logs(call: Call) -> list[Json]:
    if not _preview(call):
        raise unknown_url(call.request.method, call.request.path)
    call.need("activity_log_read")
    groups, actions = frozenset(p.names(call.params, "action_groups")), frozenset(p.names(call.params, "actions"))
    oldest = iso(call.now - _LOG_DAYS * 86_400)
    rows = [row for row in reversed(call.book.activity) if row["created"] >= oldest]
    if groups:
        rows = [row for row in rows if row["details"]["type"] in groups]
    return [row for row in rows if row["type"] in actions] if actions else rows


def _destinations(call: Call) -> list[Json]:
    call.need("webhook_read")
    rows = call.book.destinations[::-1]
    if "webhook_endpoint.url" in p.names(call.params, "include"):
        return rows
    return [row | {"webhook_endpoint": {"signing_secret": None, "url": None}} for row in rows]
