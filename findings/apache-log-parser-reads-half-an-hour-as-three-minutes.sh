#!/usr/bin/env bash
# apache-log-parser takes half an hour of a zone for three minutes: +0530 becomes 5 hours and 3 minutes.
#
# Package: apache-log-parser 1.7.0 (PyPI).
# Expected: of `[30/Nov/2026:12:00:00 +0530]` the field `time_received_utc_isoformat` is the instant in UTC, 06:30.
# Seen: it is 06:57, and `time_received_tz_isoformat` says `+05:03`. +0545 is read as +05:04, -0330 as -03:03. Zones of whole hours are
#   right, so a test with servers in Europe or America notices nothing.
# Why it matters: requests of our own are matched with Stripe's events by their time, and a leaked key's use is told from the time at which
#   it got out. A log of a server in India is 27 minutes late in that comparison, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check apache-log-parser==1.7.0

cat >zones.py <<'PY'
from datetime import UTC, datetime

import apache_log_parser

read = apache_log_parser.make_parser("%h %t")
off = {}
for zone in ("+0000", "-0500", "+0200", "+0530", "+0545", "-0330"):
    text = f"30/Nov/2026:12:00:00 {zone}"
    found = datetime.fromisoformat(read(f"203.0.113.9 [{text}]")["time_received_utc_isoformat"])
    meant = datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
    off[zone] = int((found - meant).total_seconds()) // 60
    print(f"{zone}: {meant:%H:%M} UTC, read as {found:%H:%M} ({off[zone]:+} min)")
assert off == {"+0000": 0, "-0500": 0, "+0200": 0, "+0530": 27, "+0545": 41, "-0330": -27}, f"changed: {off}"
PY
venv/bin/python -W ignore zones.py

echo "seen: apache-log-parser 1.7.0 is 27 minutes off in zones of half hours"
