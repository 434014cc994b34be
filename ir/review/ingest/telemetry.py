"""Records in what OpenTelemetry and Jaeger write: a line is a batch of many, and each field of a record is a pair of name and typed value.

OTLP: opentelemetry.proto.logs.v1 and trace.v1 as JSON. Jaeger: `spans` of a trace, as its API and its file of a download have them.
"""

from typing import Any

from ir.core.model import Json
from ir.review.ingest.json_values import objects, parsed


def records_of(record: Json) -> list[Json] | None:
    """The records in a batch; None when it is none of these."""
    if isinstance(record.get("resourceLogs"), list):
        return [_log(one) for one in _under(record, "resourceLogs", ("scopeLogs", "instrumentationLibraryLogs"), "logRecords")]
    if isinstance(record.get("resourceSpans"), list):
        return [_span(one) for one in _under(record, "resourceSpans", ("scopeSpans", "instrumentationLibrarySpans"), "spans")]
    if isinstance(record.get("spans"), list) and "traceID" in record:
        return [one | {"tags": _tags(one)} for one in objects(record["spans"])]
    if isinstance(record.get("attributes"), list) and ("timeUnixNano" in record or "observedTimeUnixNano" in record):
        return [_log(record)]
    return None


def _under(record: Json, outer: str, middle: tuple[str, ...], inner: str) -> list[Json]:
    scopes = [scope for resource in objects(record[outer]) for name in middle for scope in objects(resource.get(name))]
    return [one for scope in scopes for one in objects(scope.get(inner))]


def _attributes(record: Json) -> Json:
    return {str(one.get("key")): _value(one.get("value")) for one in objects(record.get("attributes"))}


def _tags(span: Json) -> Json:
    return {str(one.get("key")): one.get("value") for one in objects(span.get("tags"))}


def _span(record: Json) -> Json:
    return {"startTimeUnixNano": record.get("startTimeUnixNano"), "name": record.get("name"), "attributes": _attributes(record)}


def _log(record: Json) -> Json:
    said, attributes = _value(record.get("body")), _attributes(record)
    time = next((record[name] for name in ("timeUnixNano", "observedTimeUnixNano") if str(record.get(name, "0")) != "0"), None)
    return {"timeUnixNano": time, "body": parsed(said), "attributes": attributes}


def _value(data: Any) -> Any:
    """OTLP's typed values: `{"stringValue": …}`, lists, lists of pairs."""
    if not isinstance(data, dict) or len(data) != 1:
        return data
    name, value = next(iter(data.items()))
    held = value.get("values") if isinstance(value, dict) else None
    if name == "kvlistValue":
        return {str(one.get("key")): _value(one.get("value")) for one in objects(held)}
    if name == "arrayValue":
        return [_value(one) for one in held] if isinstance(held, list) else []
    return value if name.endswith("Value") else data
