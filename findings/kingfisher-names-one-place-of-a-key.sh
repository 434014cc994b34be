#!/usr/bin/env bash
# kingfisher names one of the places in which a key lies, and counts them as one finding.
#
# Package: kingfisher-bin 2.14.0 (PyPI; the program of that version).
# Expected: a scan lists where a secret was found, as gitleaks, betterleaks and TruffleHog do: a file and a line for each place.
# Seen: findings of one value are put together across files before they are reported, and the report names one file and one line; the
#   totals behind it say `"findings": 1`. The other places stand nowhere in the report, not even as a number. `--no-dedup` brings them.
# Why it matters: whoever answers a leak removes the key from the places of the report and believes that it is gone. The place named need
#   not be the oldest one either, so the time at which the key got out is read too late from it.
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
files = {"app/settings.py": f'KEY = "{key}"\n', "ci/deploy.sh": f"export KEY={key}\n", "notes.md": f"the key is {key}\n"}
for name, text in files.items():
    path = Path("repository", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def scan(*options: str) -> tuple[list[str], int]:
    argv = ["venv/bin/kingfisher", "scan", "repository", "--no-validate", "--no-update-check", "--format", "json", *options]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    report, end = json.JSONDecoder().raw_decode(said)
    totals = json.loads(said[end:])
    return sorted(row["finding"]["path"] for row in report["findings"]), totals["findings"]


named, counted = scan()
print(f"by default: {len(named)} place, {counted} finding")
assert len(named) == 1 and counted == 1, f"changed: {named}, {counted}"
named, counted = scan("--no-dedup")
print(f"--no-dedup: {len(named)} places")
assert len(named) == len(files), f"changed: {named}"
PY
venv/bin/python scan.py

echo "seen: kingfisher 2.14.0 reports one place of a key that lies in three files"
