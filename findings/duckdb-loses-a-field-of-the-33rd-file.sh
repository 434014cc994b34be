#!/usr/bin/env bash
# DuckDB loses a field that none of the first 32 JSON files has, and does not raise as it does for one file.
#
# Package: duckdb 2.0.0 (PyPI).
# Expected: `SELECT *` of JSON logs has a column for each field, or fails. For one file it fails: a field that first appears after the
#   sampled lines stops the read with "unknown key" and a hint at sample_size.
# Seen: with more files than are sampled (`maximum_sample_files`, 32) a field of a later file is left out: no column, no error, the rows
#   counted. `union_by_name=true` brings it back, though the default reads a different field of the second file all the same.
# Why it matters: logs are kept a file a day, and a review reads thirty days and more. The fields of misuse are rare and young: a decline
#   code, an error of the last days. "None seen" is then said of what was never read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check duckdb==2.0.0

cat >read.py <<'PY'
import json
from pathlib import Path

import duckdb

plain = {"request_id": "req_plain", "status": 200}
declined = {"request_id": "req_declined", "status": 402, "decline_code": "stolen_card"}
days = Path("days")
days.mkdir()


def read(files: str, options: str = "") -> tuple[list[str], int]:
    rows = duckdb.sql(f"SELECT * FROM read_json('{files}'{options})")
    return sorted(rows.columns), len(rows.fetchall())


def with_the_declined_on(number: int) -> None:
    for day in range(1, 41):
        (days / f"{day:02}.jsonl").write_text(json.dumps(declined if day == number else plain) + "\n")


Path("one.jsonl").write_text((json.dumps(plain) + "\n") * 20_480 + json.dumps(declined) + "\n")
try:
    read("one.jsonl")
    raise SystemExit("changed: a late field of one file is no error")
except duckdb.InvalidInputException as error:
    assert 'unknown key "decline_code"' in str(error), error
    print("one file, field after the sample: raises, unknown key")

fields, rest = ["decline_code", "request_id", "status"], ["request_id", "status"]
for day, options, columns in ((2, "", fields), (32, "", fields), (33, "", rest), (40, "", rest), (40, ", union_by_name = true", fields)):
    with_the_declined_on(day)
    seen = read("days/*.jsonl", options)
    print(f"forty files, field in number {day}{options}: columns {seen[0]}, rows {seen[1]}")
    assert seen == (columns, 40), f"changed: {seen}"
PY
venv/bin/python read.py

echo "seen: DuckDB 2.0.0 drops a field that is new in the 33rd file or later without a word; in one file the same is an error"
