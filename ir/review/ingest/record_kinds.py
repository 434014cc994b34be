"""Tell what records of JSON are: requests, events, entries of the activity log, or deliveries of webhooks."""

from ir.core.model import Json
from ir.review.ingest import column_names


def kind_of(records: list[Json], *, own: bool = False) -> str:
    """The kind of most records; an archive may hold other lines, too, and our own log names requests among other things."""
    votes = [_vote(record) for record in records]
    kind = max(("requests", "events", "activity", "webhooks"), key=votes.count)
    if kind == "requests" and not own:
        kind = next((told for told in ("events", "activity") if votes.count(told) * 3 >= len(votes)), kind)
    if own and kind == "webhooks" and column_names.REQUEST_ID.search(str(records)):
        return "requests"
    return kind


def _vote(record: Json) -> str:
    inner = unwrapped(record)
    ident, kind = str(inner.get("id", "")), str(inner.get("type", ""))
    if inner.get("object") in ("event", "v2.core.event") or (ident.startswith("evt_") and "." in kind and "data" in inner):
        return "events"
    if inner.get("object") == "v2.iam.activity_log" or ident.startswith("accact_"):
        return "activity"
    text = str(record)
    if column_names.EVENT_ID.search(text) and not column_names.REQUEST_ID.search(text):
        return "webhooks"
    return "requests"


def unwrapped(record: Json) -> Json:
    """The event inside a cloud's envelope, or the record itself."""
    for name in ("detail", "data", "body", "event", "payload"):
        inner = record.get(name)
        if isinstance(inner, dict) and "type" in inner and record.get("object") not in ("event", "v2.core.event"):
            return inner
    return record
