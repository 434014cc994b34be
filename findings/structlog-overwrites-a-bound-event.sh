#!/usr/bin/env bash
# structlog writes its message over a bound value called event, and its time over one called timestamp.
#
# Package: structlog 26.1.0 (PyPI).
# Expected: what was bound to a logger stands in each of its lines. Given with a call, the same name is refused: `log.info(…, event=…)`
#   raises TypeError.
# Seen: bound before, `event` is replaced by the message without a word, and `timestamp` and `level` by those of the usual processors.
#   The value is in no line.
# Why it matters: in a webhook's code the thing at hand *is* called event, and its id is what a review joins our log to the provider's
#   record with. The log looks whole, each line has its time and text, and the ids of all handled events are missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check structlog==26.1.0

cat >log.py <<'PY'
import io
import json

import structlog

out = io.StringIO()
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.PrintLoggerFactory(out),
)
log = structlog.get_logger()
log.bind(event="evt_bound", event_id="evt_named", timestamp="2026-11-30T10:00:00Z").info("webhook handled")
try:
    log.info("webhook handled", event="evt_given")
    raise SystemExit("changed: the name is taken with a call")
except TypeError as error:
    print("given with the call:", type(error).__name__)

line = json.loads(out.getvalue())
print("bound before:", json.dumps(line))
assert line["event_id"] == "evt_named", line
assert line["event"] == "webhook handled" and "evt_bound" not in out.getvalue(), "changed"
assert line["timestamp"] != "2026-11-30T10:00:00Z", "changed"
PY
venv/bin/python log.py

echo "seen: with structlog 26.1.0 a bound event and a bound timestamp are in no line; the same name with a call raises"
