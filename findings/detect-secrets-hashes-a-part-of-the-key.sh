#!/usr/bin/env bash
# detect-secrets records the hash of the first 32 characters of a Stripe key, not of the key.
#
# Package: detect-secrets 1.5.0 (PyPI).
# Expected: a baseline's `hashed_secret` is documented as the hash of the secret, so that a key in hand can be told from it.
# Seen: the Stripe detector takes `sk_live_` and 24 characters. Today's keys are longer (107 characters), so its hash is that of a
#   prefix; the whole key stands beside it only if the entropy detector happens to find it, under another type. A 32-character key of
#   old is hashed whole.
# Why it matters: a response starts from an alert and must tell *which* key it is about. Comparing fingerprints says "not ours" of our
#   own leaked key, and one leak is counted as two secrets of two types.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check detect-secrets==1.5.0

cat >scan.py <<'PY'
import hashlib
import json
import secrets
import string
import subprocess
from pathlib import Path


def made_up(length: int) -> str:
    return "sk" + "_live_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length - 8))


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


old, new = made_up(32), made_up(107)
Path("settings.py").write_text(f"OLD = '{old}'\nNEW = '{new}'\n")
scan = subprocess.run(["venv/bin/detect-secrets", "scan", "settings.py"], capture_output=True, text=True, check=True)
found = json.loads(scan.stdout)["results"]["settings.py"]
names = {sha1(old): "the whole key", sha1(new): "the whole key", sha1(new[:32]): "its first 32 characters"}
rows = sorted((row["line_number"], row["type"], names.get(row["hashed_secret"], "something else")) for row in found)
for line, kind, what in rows:
    print(f"line {line}: {kind}: hash of {what}")
stripe = [(line, what) for line, kind, what in rows if kind == "Stripe Access Key"]
assert stripe == [(1, "the whole key"), (2, "its first 32 characters")], "changed"
PY
venv/bin/python scan.py

echo "seen: detect-secrets 1.5.0's Stripe finding of a 107-character key carries the hash of its first 32 characters"
