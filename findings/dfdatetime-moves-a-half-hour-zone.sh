#!/usr/bin/env bash
# dfdatetime writes a time west of Greenwich an hour off where the zone has a half hour, as Newfoundland's has.
#
# Package: dfdatetime 20261027 (PyPI), the date library of plaso.
# Expected: what is read from ISO 8601 and written back as ISO 8601 is the same instant: -03:30 stays -03:30.
# Seen: -03:30 is written as -04:30 and -09:30 (Marquesas) as -10:30, 3600 s later; the POSIX time of the same object is right.
#   Zones of whole hours and all zones east are written right.
# Why it matters: a timeline of an incident is merged from sources in many zones and handed on as text. Rows of a St. John's host
#   land an hour late, after their own consequences, and an exposure window in front of them is an hour too short.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check dfdatetime==20261027

cat >zones.py <<'PY'
from datetime import datetime

from dfdatetime import time_elements

off = {}
for zone in ("-03:30", "-09:30", "-03:00", "+05:30", "+05:45", "+00:00"):
    text = f"2026-11-30T10:00:00{zone}"
    read = time_elements.TimeElements()
    read.CopyFromStringISO8601(text)
    written = read.CopyToDateTimeStringISO8601()
    true = datetime.fromisoformat(text).timestamp()
    assert read.CopyToPosixTimestamp() == true, text
    off[zone] = int(datetime.fromisoformat(written).timestamp() - true)
    print(f"{text} is written {written}: {off[zone]} s off")
assert off == {"-03:30": 3600, "-09:30": 3600, "-03:00": 0, "+05:30": 0, "+05:45": 0, "+00:00": 0}, off
PY
venv/bin/python zones.py

echo "seen: dfdatetime 20261027 writes 10:00-03:30 as 10:00-04:30, one hour later than it read"
