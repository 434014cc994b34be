#!/usr/bin/env bash
# bunyan drops a line whose fields hold something of their own called level.
#
# Package: bunyan 2.0.5 (npm).
# Expected: bunyan's README lists `level` among the core fields as added by bunyan, an integer that cannot be overridden.
# Seen: a field `level` of the caller replaces it, and the line is then measured by it: a word, or a number below the logger's own
#   level, and the line is not written at all; 60 makes it a fatal one. No error, no warning.
# Why it matters: what is logged beside a payment often has a level of its own (a risk level, a support level). The request ids of
#   exactly those lines are missing from our log, so a comparison with the provider's events takes our own writes for a stranger's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --ignore-scripts --no-audit --no-fund --prefix . bunyan@2.0.5 >/dev/null

cat >log.js <<'JS'
const log = require("bunyan").createLogger({ name: "shop" });
log.info({ request_id: "req_plain" }, "charge made");
log.info({ request_id: "req_word", level: "elevated" }, "charge made");
log.info({ request_id: "req_low", level: 2 }, "charge made");
log.info({ request_id: "req_high", level: 60 }, "charge made");
log.info({ request_id: "req_inside", outcome: { level: "elevated" } }, "charge made");
JS
node log.js >log.jsonl

seen=$(python3 - <<'PY'
import json

with open("log.jsonl") as lines:
    rows = [json.loads(line) for line in lines]
print(*[f"{row['request_id']}={row['level']}" for row in rows])
PY
)
echo "five lines logged at info (30), these were written: $seen"
[ "$seen" = "req_plain=30 req_high=60 req_inside=30" ] || { echo "changed"; exit 1; }

echo "seen: of five lines bunyan 2.0.5 wrote three; those with a level field of 'elevated' and 2 are gone, and 60 became fatal"
