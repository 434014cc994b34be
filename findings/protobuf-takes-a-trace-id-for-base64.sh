#!/usr/bin/env bash
# Protobuf's own JSON reader takes the trace id of an OTLP log for base64, and makes another id of it without an error.
#
# Packages: opentelemetry-proto 1.45.2, protobuf 7.36.2 (PyPI).
# Expected: OTLP/JSON is described as Protobuf's JSON mapping; its messages are read with `json_format.Parse`. A trace id has 16 bytes, a
#   span id 8.
# Seen: OTLP writes both in hexadecimal, Protobuf's mapping of bytes is base64, and 32 (16) hexadecimal digits are valid base64. The ids
#   come out as 24 and 12 other bytes. All else of the record is right. Written again, they are the digits that were read, so a copy of the
#   file by the same reader looks right, too.
# Why it matters: a log exported by a collector names a request by its trace id. Rows that are read like this join with no other log,
#   and "no request of ours has this id" is what tells a stranger's use of a key from our own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check opentelemetry-proto==1.45.2 protobuf==7.36.2

cat >read.py <<'PY'
import json

from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

row = {
    "timeUnixNano": "1796000400000000000",
    "severityNumber": 9,
    "body": {"stringValue": "charge made"},
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
}
text = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [row]}]}]})
read = json_format.Parse(text, LogsData())
found = read.resource_logs[0].scope_logs[0].log_records[0]
print(f"trace id: {row['traceId']} is read as {found.trace_id.hex()} ({len(found.trace_id)} bytes)")
print(f"span id:  {row['spanId']} is read as {found.span_id.hex()} ({len(found.span_id)} bytes)")
assert found.body.string_value == "charge made" and found.time_unix_nano == 1796000400 * 10**9, "changed"
assert (len(found.trace_id), len(found.span_id)) == (24, 12) and found.trace_id != bytes.fromhex(row["traceId"]), "changed"
again = json_format.MessageToDict(read)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
assert again["traceId"] == row["traceId"], f"changed: {again}"
PY
venv/bin/python read.py

echo "seen: protobuf 7.36.2 reads a trace id of OTLP/JSON as 24 other bytes, without an error"
