#!/usr/bin/env bash
# Two logfmt readers spoil a quoted value with an escape in it, and one of them loses the rest of the line.
#
# Packages: logfmt 0.4 and logfmtkv 0.2.1 (PyPI), logfmt 1.4.0 and @jclem/logfmt2 2.4.3 (npm).
# Expected: logfmt writers put a line break inside a quoted value as \n, a tab as \t and other letters as \u00e9, as JSON does; a reader
#   gives the text back, and the pairs after it.
# Seen: Python's logfmt answers True for that value and ends there: what follows, with it the request id, is gone, without an error.
#   Both npm readers drop the backslash and keep the letter: `refused\nat charge` becomes `refusednat charge`. logfmtkv reads it right.
# Why it matters: lines with an error text are the ones that hold line breaks, and the ones a review needs. Their request ids are lost
#   or their paths changed, while every plain line of the same log reads well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check logfmt==0.4 logfmtkv==0.2.1
npm install --silent --ignore-scripts --no-audit --no-fund --prefix . logfmt@1.4.0 @jclem/logfmt2@2.4.3 >/dev/null

cat >lines.log <<'LOG'
level=error err="refused\nat charge" request_id=req_1 status=402
LOG

cat >read.py <<'PY'
from pathlib import Path

import logfmt
import logfmtkv

with Path("lines.log").open() as lines:
    (lost,) = logfmt.parse(lines)
right = logfmtkv.parse(Path("lines.log").read_text().rstrip("\n"))
print("logfmt (PyPI):    ", lost)
print("logfmtkv (PyPI):  ", right)
assert lost == {"level": "error", "err": True}, "changed"
assert right == {"level": "error", "err": "refused\nat charge", "request_id": "req_1", "status": "402"}, "changed"
PY
venv/bin/python read.py

cat >read.js <<'JS'
const assert = require("node:assert");
const line = require("node:fs").readFileSync("lines.log", "utf8").trimEnd();
const first = require("logfmt").parse(line);
const second = require("@jclem/logfmt2").decode(line);
console.log("logfmt (npm):     ", JSON.stringify(first));
console.log("logfmt2 (npm):    ", JSON.stringify(second));
for (const read of [first, second]) {
  assert.strictEqual(read.err, "refusednat charge");
  assert.strictEqual(read.request_id, "req_1");
}
JS
node read.js

echo "seen: of one valid line logfmt 0.4 (PyPI) loses request id and status, both npm readers turn a line break into the letter n"
