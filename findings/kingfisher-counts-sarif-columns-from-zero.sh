#!/usr/bin/env bash
# kingfisher writes SARIF columns that begin at zero, where the standard begins at one.
#
# Package: kingfisher-bin 2.14.0 (PyPI; the program of that version).
# Expected: SARIF 2.1.0 counts columns from 1 (§3.30.6: `startColumn` is a positive integer), and `endColumn` is the column behind the
#   last character (§3.30.8). The schema has `"minimum": 1` for both.
# Seen: a key at the beginning of a line has `"startColumn": 0`, which the schema refuses; any other key is shown one column too far to
#   the left. `endColumn` is the column of the last character, counted from zero.
# Why it matters: a viewer that validates drops the report, and with it the leak; one that cuts the region out of the file, as tools do
#   that mask or hash a secret, gets the key with the quote before it and without its last characters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check kingfisher-bin==2.14.0

cat >scan.py <<'PY'
import json
import secrets
import string
import subprocess
from pathlib import Path

key = "sk" + "_live_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(99))
lines = [key, f'KEY = "{key}"']
Path("repository").mkdir()
Path("repository", "notes.txt").write_text("\n".join(lines) + "\n")
options = ["--no-validate", "--no-update-check", "--no-dedup", "--format", "sarif"]
said = subprocess.run(["venv/bin/kingfisher", "scan", "repository", *options], capture_output=True, text=True, check=False).stdout
report, _ = json.JSONDecoder().raw_decode(said)
regions = [row["locations"][0]["physicalLocation"]["region"] for row in report["runs"][0]["results"]]
for region in sorted(regions, key=lambda region: region["startLine"]):
    begins = lines[region["startLine"] - 1].index(key) + 1
    print(f"line {region['startLine']}: columns {region['startColumn']} to {region['endColumn']}; "
          f"the standard: {begins} to {begins + len(key)}")
    assert (region["startColumn"], region["endColumn"]) == (begins - 1, begins + len(key) - 2), "changed"
PY
venv/bin/python scan.py

echo "seen: kingfisher 2.14.0 writes startColumn 0 into SARIF 2.1.0"
