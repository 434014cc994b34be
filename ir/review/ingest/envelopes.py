"""Take records out of other records: batches of a log shipper, and events inside strings, as queues, topics and dumps hold them.

OTLP: opentelemetry.proto.logs.v1 and trace.v1 as JSON. CloudWatch: a subscription's `logEvents`, the rows of Logs Insights. Azure Monitor:
`tables` of a query. Elasticsearch: `hits`, or a hit a line. Splunk: `result` a line, `rows` under `fields`. Docker, journald: a line of
text that is JSON itself. Loki: `/loki/api/v1/query_range` and push. Firehose and Kinesis: `data` in base64, of CloudWatch also gzip. SNS:
`Message`. SQS: `Body` or `body`. dj-stripe: `fields` of a dump.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator
from typing import Any

import orjson

from ir.core.model import Json
from ir.review.ingest.text_times import stamp

_DEEPEST = 6
_MOST_UNPACKED = 16 << 20
"""Bytes that a packed record may have."""
_TEXTS = ("log", "MESSAGE", "line", "message", "msg", "Message", "_raw", "textPayload")
_TIMES = ("time", "__REALTIME_TIMESTAMP", "timestamp", "@timestamp", "_time", "date", "TimeGenerated")
"""A line of a program as its shipper wraps it, and the time that the shipper gives it."""
_EVENT_TYPES = ("event", "v2.core.event")


def unfold(record: Json, *, own: bool = False, deep: int = _DEEPEST) -> list[Json] | None:
    """The records in an envelope; None when it is not a known one. A log of our `own` holds no events, it only mentions them."""
    batch = _batch(record) if deep else None
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
    if isinstance(record.get("resourceLogs"), list):
        return [_otlp(one) for one in _under(record, "resourceLogs", ("scopeLogs", "instrumentationLibraryLogs"), "logRecords")]
    if isinstance(record.get("resourceSpans"), list):
        return [_span(one) for one in _under(record, "resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans")]
    if isinstance(record.get("attributes"), list) and ("timeUnixNano" in record or "observedTimeUnixNano" in record):
        return [_otlp(record)]
    if isinstance(record.get("logEvents"), list):
        return [_message(one, "message") for one in record["logEvents"] if isinstance(one, dict)]
    table = _table(record)
    if table is not None:
        return table
    data = record.get("data")
    streams = data.get("result") if isinstance(data, dict) else record.get("streams")
    if isinstance(streams, list) and any(isinstance(one, dict) and "values" in one for one in streams):
        return [_line(pair) for one in streams if isinstance(one, dict) for pair in one.get("values") or () if _is_pair(pair)]
    rows = record.get("records") or record.get("Records")
    if isinstance(rows, list):
        return [one for row in rows if isinstance(row, dict) for one in _unpacked(row)] or None
    if set(record) >= {"data", "recordId"}:
        return _unpacked(record) or None
    wrapped = _wrapped(record)
    if wrapped is not None:
        return [wrapped]
    time = next((name for name in _TIMES if name in record), "")
    inner = next(filter(None, (_held(record.get(name)) for name in _TEXTS if time)), None)
    return [{"timestamp": record[time], **inner}] if inner is not None and not is_event(inner) else None


def _wrapped(record: Json) -> Json | None:
    """The one record in Splunk's `result` and Elasticsearch's `_source`."""
    for name, beside in (("result", ("preview", "offset")), ("_source", ("_index", "_id"))):
        inner = record.get(name)
        if isinstance(inner, dict) and any(one in record for one in beside):
            return inner
    return None


def _held(value: Any) -> Json | None:
    """The object that a text is."""
    inner = _parsed(value) if isinstance(value, str) else None
    return inner if isinstance(inner, dict) else None


def _table(record: Json) -> list[Json] | None:
    """Rows of a query: each is a list of cells under the names of columns, or of named fields, or in `_source`."""
    tables, results, hits = record.get("tables"), record.get("results"), record.get("hits")
    if isinstance(tables, list) and tables and all(isinstance(one, dict) and isinstance(one.get("columns"), list) for one in tables):
        return [row for one in tables for row in _named_cells(one)]
    if isinstance(results, list) and results and all(isinstance(row, list) for row in results):
        return [_cells(row) for row in results]
    names, rows = record.get("fields"), record.get("rows")
    if isinstance(names, list) and isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
        return [dict(zip(map(_column, names), row, strict=False)) for row in rows]
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return [one["_source"] for one in hits["hits"] if isinstance(one, dict) and isinstance(one.get("_source"), dict)]
    return None


def _column(name: Any) -> str:
    return str(name.get("name") if isinstance(name, dict) else name)


def _named_cells(table: Json) -> Iterator[Json]:
    names = [str(one.get("name")) for one in table["columns"] if isinstance(one, dict)]
    yield from (dict(zip(names, row, strict=False)) for row in table.get("rows") or () if isinstance(row, list))


def _cells(row: list[Any]) -> Json:
    return {str(cell.get("field")): cell.get("value") for cell in row if isinstance(cell, dict)}


def _under(record: Json, outer: str, middle: tuple[str, ...], inner: str) -> Iterator[Json]:
    for resource in record[outer]:
        for name in middle:
            for scope in (resource.get(name) if isinstance(resource, dict) else None) or ():
                yield from (one for one in (scope.get(inner) if isinstance(scope, dict) else None) or () if isinstance(one, dict))


def _attributes(record: Json) -> Json:
    return {str(one.get("key")): _value(one.get("value")) for one in record.get("attributes") or () if isinstance(one, dict)}


def _span(record: Json) -> Json:
    return {"startTimeUnixNano": record.get("startTimeUnixNano"), "name": record.get("name"), "attributes": _attributes(record)}


def _otlp(record: Json) -> Json:
    said, attributes = _value(record.get("body")), _attributes(record)
    time = next((record[name] for name in ("timeUnixNano", "observedTimeUnixNano") if str(record.get(name, "0")) != "0"), None)
    return {"timeUnixNano": time, "body": _parsed(said), "attributes": attributes}


def _value(data: Any) -> Any:
    """OTLP's typed values: `{"stringValue": …}`, lists, lists of pairs."""
    if not isinstance(data, dict) or len(data) != 1:
        return data
    name, value = next(iter(data.items()))
    if name == "kvlistValue":
        pairs = value.get("values") if isinstance(value, dict) else ()
        return {str(one.get("key")): _value(one.get("value")) for one in pairs or () if isinstance(one, dict)}
    if name == "arrayValue":
        return [_value(one) for one in (value.get("values") if isinstance(value, dict) else ()) or ()]
    return value if name.endswith("Value") else data


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) >= 2 and isinstance(pair[1], str)


def _line(pair: list[Any]) -> Json:
    """A line of Loki: nanoseconds and text."""
    return _message({"timestamp": pair[0], "message": pair[1]}, "message")


def _message(record: Json, name: str) -> Json:
    """A record whose message is JSON becomes that JSON, with the record's time where it has none."""
    inner = _parsed(record.get(name))
    if not isinstance(inner, dict):
        return record
    return {"timestamp": record.get("timestamp"), **inner}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


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
    whole = _parsed(text)
    found = [whole] if isinstance(whole, dict) else [_parsed(line) for line in text.splitlines() if line.strip()]
    return [{"timestamp": at, **(one if isinstance(one, dict) else {"message": str(one)})} for one in found]


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
    elif isinstance(value, str) and "evt_" in value and (inner := _parsed(value)) is not value:
        inside, packed = [inner], True
    else:
        return
    for one in inside if deep else ():
        yield from _events(one, deep - 1, packed=packed)


def _of_dump(row: Json, fields: Json) -> Json:
    """dj-stripe's event: whole in `stripe_data`, or spread over columns."""
    whole = _parsed(fields.get("stripe_data"))
    if isinstance(whole, dict) and is_event(whole):
        return whole
    request = {"id": fields.get("request_id") or None, "idempotency_key": fields.get("idempotency_key") or None}
    data = _parsed(fields.get("data"))
    return {
        **{name: fields.get(name) for name in ("type", "created", "livemode", "api_version")},
        "id": fields.get("id") or row.get("pk"),
        "object": "event",
        "request": request,
        "data": data if isinstance(data, dict) else {},
    }


def behind_prefix(line: str) -> Json | None:
    """The JSON object at the end of a line, with the time of the text before it where it has none; None when there is no such object."""
    at = line.find("{")
    if not 0 < at < 400 or not line.rstrip().endswith("}"):
        return None
    try:
        found = orjson.loads(line[at:])
    except orjson.JSONDecodeError:
        return None
    before = stamp(line[:at])
    return ({"timestamp": before, **found} if before else found) if isinstance(found, dict) else None
