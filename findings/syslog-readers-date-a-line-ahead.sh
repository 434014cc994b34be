#!/usr/bin/env bash
# Three syslog readers date a line of last December into the December to come.
#
# Packages: glossy 0.1.7 and nsyslog-parser 0.10.1 (npm), syslogmp 0.4 (PyPI).
# Expected: RFC 3164 has no year in its time, so a reader must choose one; a log line was written before it is read, so the choice is
#   the latest year that does not lie ahead.
# Seen: all three choose the year of the clock. A line of the day after tomorrow's date, which can only be a year old, is read as two
#   days in the future. None has an option for it. (In the last two days of a year there is no such line; then one of January is read.)
# Why it matters: logs of an incident over New Year, or read weeks later, move by a year: lines fall out of the exposure window that
#   they belong to, and first use seems to come after the kill.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check syslogmp==0.4
npm install --silent --ignore-scripts --no-audit --no-fund --prefix . glossy@0.1.7 nsyslog-parser@0.10.1 >/dev/null

export TZ=UTC
export LINE
LINE=$(python3 - <<'PY'
from datetime import datetime, timedelta

moment = datetime.now() + timedelta(days=2)
if moment.year != datetime.now().year:
    moment = datetime.now().replace(month=1, day=15)
print(f"<13>{moment:%b} {moment.day:2d} 12:00:00 shop checkout[1]: charge made")
PY
)
echo "line: $LINE"

cat >read.js <<'JS'
const line = process.env.LINE;
console.log("glossy", require("glossy").Parse.parse(line).time.toISOString());
console.log("nsyslog-parser", new Date(require("nsyslog-parser")(line).ts).toISOString());
JS
cat >read.py <<'PY'
import os

import syslogmp

print("syslogmp", syslogmp.parse(os.environ["LINE"].encode()).timestamp.isoformat() + "+00:00")
PY
{ node read.js; venv/bin/python read.py; } >read.txt
cat read.txt

python3 - <<'PY'
from datetime import datetime, timedelta, timezone
from pathlib import Path

now = datetime.now(timezone.utc)
ahead = (now + timedelta(days=2)).year == now.year
rows = [row.split() for row in Path("read.txt").read_text().splitlines()]
assert len(rows) == 3, rows
for name, text in rows:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    assert moment.year == now.year, f"changed: {name} chose another year than the clock's"
    assert (moment > now) == ahead, f"changed: {name} read {moment}"
PY

echo "seen: glossy 0.1.7, nsyslog-parser 0.10.1 and syslogmp 0.4 date a line of a day that is still to come into the future"
