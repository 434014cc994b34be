"""Take records out of other records: batches of a log shipper, and events inside strings, as queues, topics and dumps hold them.

CloudWatch: a subscription's `logEvents`. Docker, journald: a line of text that is JSON itself. Loki: `/loki/api/v1/query_range` and push.
Firehose and Kinesis: `data` in base64, of CloudWatch also gzip. SNS: `Message`. SQS: `Body` or `body`. dj-stripe: `fields` of a dump.
OTLP and Jaeger: `telemetry`. What a query answers: `query_answers`.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from ir.core.model import Json
from ir.review.ingest import inner_lists, query_answers, telemetry
from ir.review.ingest.json_values import objects, parsed
from ir.review.ingest.text_times import stamp

_DEEPEST = 6
_BRACES, _PREFIX = 3, 400
"""Braces and characters before the object at the end of a line."""
_MOST_UNPACKED = 16 << 20
"""Bytes that a packed record may have."""
_TEXTS = ("log", "MESSAGE", "line", "message", "msg", "Message", "_raw", "textPayload", "@message", "raw", "properties")
_TIMES = ("time", "__REALTIME_TIMESTAMP", "timestamp", "@timestamp", "_time", "date", "TimeGenerated", "dt")
"""A line of a program as its shipper wraps it, and the time that the shipper gives it."""
_EVENT_TYPES = ("event", "v2.core.event")


def unfold(record: Json, *, own: bool = False, deep: int = _DEEPEST) -> list[Json] | None:
    """The records in an envelope; None when it is not a known one. A log of our `own` holds no events, it only mentions them."""
    batch = _batch(record) if deep else None
    if batch is None and deep and not is_event(record):
        batch = inner_lists.rows_inside(record)
    if batch is not None:
        return [inner for one in batch for inner in unfold(one, own=own, deep=deep - 1) or [one]]
    if own or is_event(record):
        return None
    events = list(_events(record, _DEEPEST, packed=False))
    return events or None


def is_batch(record: Json) -> bool:
    """Whether it is a batch of a shipper, a queue or a log store. A page of Stripe's API is not, and a line may be of any length."""
    return _batch(record) is not None


def opened(row: Json) -> Json | None:
    """A row of a table with what the JSON object in one of its cells tells; None when no cell holds one."""
    for name, value in row.items():
        inner = _held(value)
        if inner is not None:
            return {**{other: cell for other, cell in row.items() if other != name}, **inner}
    return None


def is_event(record: Json) -> bool:
    """Whether it is an event of Stripe as Stripe writes it."""
    ident = str(record.get("id", ""))
    return record.get("object") in _EVENT_TYPES or (ident.startswith("evt_") and "type" in record and isinstance(record.get("data"), dict))


def _batch(record: Json) -> list[Json] | None:
    return next((found for read in _READERS if (found := read(record)) is not None), None)


def _cloudwatch(record: Json) -> list[Json] | None:
    events = record.get("logEvents")
    return [_message(one, "message") for one in objects(events)] if isinstance(events, list) else None


def _loki(record: Json) -> list[Json] | None:
    data = record.get("data")
    streams = objects(data.get("result") if isinstance(data, dict) else record.get("streams"))
    values = [one["values"] for one in streams if isinstance(one.get("values"), list)]
    return [_line(pair) for pairs in values for pair in pairs if _is_pair(pair)] if values else None


def _queued(record: Json) -> list[Json] | None:
    """Firehose's and Kinesis' records."""
    rows = record.get("records") or record.get("Records")
    if isinstance(rows, list):
        return [one for row in objects(rows) for one in _unpacked(row)] or None
    return (_unpacked(record) or None) if set(record) >= {"data", "recordId"} else None


def _shipped(record: Json) -> list[Json] | None:
    """A line of a program that is JSON itself, in the record that a shipper made of it."""
    wrapped = query_answers.wrapped(record)
    if wrapped is not None:
        return [wrapped]
    time = next((name for name in _TIMES if name in record), "")
    inner = next(filter(None, (_held(record.get(name)) for name in _TEXTS if time)), None)
    return [{"timestamp": record[time], **inner}] if inner is not None and not is_event(inner) else None


def _held(value: Any) -> Json | None:
    """The object that a text is."""
    inner = parsed(value) if isinstance(value, str) else None
    return inner if isinstance(inner, dict) else None


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) >= 2 and isinstance(pair[1], str)


def _line(pair: list[Any]) -> Json:
    """A line of Loki: nanoseconds and text."""
    return _message({"timestamp": pair[0], "message": pair[1]}, "message")


def _message(record: Json, name: str) -> Json:
    """A record whose message is JSON becomes that JSON, with the record's time where it has none."""
    inner = parsed(record.get(name))
    if not isinstance(inner, dict):
        return record
    return {"timestamp": record.get("timestamp"), **inner}


def _unpacked(row: Json) -> list[Json]:
    """What a record of Firehose or Kinesis holds: objects, or lines of text, each with the time of its arrival; empty: neither."""
    inner = row.get("kinesis")
    holder = inner if isinstance(inner, dict) else row
    data = holder.get("data") or holder.get("Data")
    if not isinstance(data, str):
        return []
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return []
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(31).decompress(raw, _MOST_UNPACKED)
        except zlib.error:
            return []
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return []
    at = holder.get("approximateArrivalTimestamp")
    whole = parsed(text)
    found = [whole] if isinstance(whole, dict) else [parsed(line) for line in text.splitlines() if line.strip()]
    return [{"timestamp": at, **(one if isinstance(one, dict) else {"message": str(one)})} for one in found]


_READERS: tuple[Callable[[Json], list[Json] | None], ...] = (
    _cloudwatch,
    telemetry.records_of,
    query_answers.rows_of,
    _loki,
    _queued,
    _shipped,
)


def _events(value: Any, deep: int, *, packed: bool) -> Iterator[Json]:
    """Events in a string or a list somewhere inside; in objects alone, the tables' own envelopes find them."""
    if isinstance(value, dict):
        fields = value.get("fields")
        if isinstance(fields, dict) and str(value.get("model", "")).endswith(".event"):
            yield _of_dump(value, fields)
            return
        if packed and is_event(value):
            yield value
            return
        inside = list(value.values())
    elif isinstance(value, list):
        inside, packed = value, True
    elif isinstance(value, str) and "evt_" in value and (inner := parsed(value)) is not value:
        inside, packed = [inner], True
    else:
        return
    for one in inside if deep else ():
        yield from _events(one, deep - 1, packed=packed)


def _of_dump(row: Json, fields: Json) -> Json:
    """dj-stripe's event: whole in `stripe_data`, or spread over columns."""
    whole = parsed(fields.get("stripe_data"))
    if isinstance(whole, dict) and is_event(whole):
        return whole
    request = {"id": fields.get("request_id") or None, "idempotency_key": fields.get("idempotency_key") or None}
    data = parsed(fields.get("data"))
    return {
        **{name: fields.get(name) for name in ("type", "created", "livemode", "api_version")},
        "id": fields.get("id") or row.get("pk"),
        "object": "event",
        "request": request,
        "data": data if isinstance(data, dict) else {},
    }


def _object_at(line: str, at: int) -> Json | None:
    text = line[at:].rstrip(" []\r\n") if line.rstrip().endswith("]") else line[at:]
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def behind_prefix(line: str) -> Json | None:
    """The JSON object at the end of a line, with the time of the text before it where it has none; None when there is no such object."""
    at, found = line.find("{"), None
    for _ in range(_BRACES):  # labels may stand in braces before it
        if not 0 < at < _PREFIX or not line.rstrip().endswith(("}", "} []", "} [] []")):
            return None
        found = _object_at(line, at)
        if found is not None:
            break
        at = line.find("{", at + 1)
    before = stamp(line[:at])
    return ({"timestamp": before, **found} if before else found) if isinstance(found, dict) else None
