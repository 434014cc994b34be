#!/usr/bin/env bash
# Four readers of env files make the comment behind a value a part of the value.
#
# Packages: python-dotenv 1.2.4, honcho 2.0.0, python-decouple 3.8, django-environ 0.14.0, starlette 1.10.0 (PyPI);
#   dotenv 18.0.10, env-cmd 11.0.0 (npm).
# Expected: of `KEY=value # comment` a shell, node --env-file, dotenv and python-dotenv read `value`.
# Seen: python-decouple, starlette and django-environ (as its `read_env` is by default) read `value # comment`. With a quoted value
#   before the comment they keep the inner quote marks too, and npm's env-cmd joins them.
# Why it matters: after a rotation someone notes "# rotated on Monday" behind the new key. The store's reader sees the new key, so the
#   service counts as moved; the service itself sends key and comment, and stops with 401 when the old key dies or at its next start.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check \
  python-dotenv==1.2.4 honcho==2.0.0 python-decouple==3.8 django-environ==0.14.0 starlette==1.10.0
npm install --silent --ignore-scripts --no-audit --no-fund --prefix . dotenv@18.0.10 env-cmd@11.0.0 >/dev/null

cat >plain.env <<'ENV'
PLAIN=new # rotated on Monday
QUOTED="new" # was "old"
ENV

cat >read.js <<'JS'
const text = require("node:fs").readFileSync("plain.env", "utf8");
const show = (name, read) => console.log(JSON.stringify([name, read.PLAIN, read.QUOTED]));
show("dotenv (npm)", require("dotenv").parse(text));
import("env-cmd").then(async ({ EnvCmd, GetEnvVars }) => show("env-cmd", await GetEnvVars({ envFile: { filePath: "plain.env" } })));
JS
cat >read.py <<'PY'
import json
import os
from pathlib import Path

import decouple
import dotenv
import environ
import honcho.environ
import starlette.config


def show(name: str, plain: str, quoted: str) -> None:
    print(json.dumps([name, plain, quoted]))


values = dotenv.dotenv_values("plain.env")
show("python-dotenv", values["PLAIN"], values["QUOTED"])
values = honcho.environ.parse(Path("plain.env").read_text())
show("honcho", values["PLAIN"], values["QUOTED"])
config = decouple.Config(decouple.RepositoryEnv("plain.env"))
show("python-decouple", config("PLAIN"), config("QUOTED"))
config = starlette.config.Config("plain.env", environ={})
show("starlette", config("PLAIN"), config("QUOTED"))
environ.Env.read_env("plain.env")
show("django-environ", os.environ["PLAIN"], os.environ["QUOTED"])
PY
{
  # shellcheck disable=SC1091
  (. ./plain.env; printf '["shell", "%s", "%s"]\n' "$PLAIN" "$QUOTED")
  node --env-file=plain.env -p 'JSON.stringify(["node", process.env.PLAIN, process.env.QUOTED])'
  node read.js
  venv/bin/python read.py
} >read.jsonl

python3 - <<'PY'
import json
from pathlib import Path

rows = [json.loads(line) for line in Path("read.jsonl").read_text().splitlines()]
for name, plain, quoted in rows:
    print(f"{name:16} {plain:26} {quoted}")
plain_kept, quoted_kept = "new # rotated on Monday", 'new" # was "old'
assert {name for name, plain, _ in rows if plain == "new"} == {"shell", "node", "dotenv (npm)", "env-cmd", "python-dotenv", "honcho"}
assert {name for name, plain, _ in rows if plain == plain_kept} == {"python-decouple", "starlette", "django-environ"}
assert {name for name, _, quoted in rows if quoted == quoted_kept} == {"env-cmd", "python-decouple", "starlette", "django-environ"}
PY

echo "seen: python-decouple 3.8, django-environ 0.14.0 and starlette 1.10.0 make the comment a part of the key; six others do not"
