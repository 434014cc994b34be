#!/usr/bin/env bash
# localstripe makes a second object for a repeated request with the same idempotency key.
#
# Package: localstripe 1.15.10 (PyPI).
# Expected: a stand-in for Stripe answers a repeated POST that has the same `Idempotency-Key` with the first answer, and refuses the key
#   with other parameters (`idempotency_error`), as Stripe does. Stripe's libraries send that header with every POST that they retry.
# Seen: each POST makes an object of its own; with other parameters, too.
# Why it matters: a retry after a lost answer looks like a double charge in tests, and code that leaves the header out looks no worse
#   than code that sends it. What keeps a payment from being made twice is not tested by it.
set -euo pipefail
folder=$(mktemp -d)
server= state=/tmp/localstripe.pickle # it keeps its objects there, without an option
tidy() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -f "$state"
  [ ! -e "$folder/before" ] || mv "$folder/before" "$state"
  rm -rf "$folder"
}
trap tidy EXIT
cd "$folder"
[ ! -e "$state" ] || mv "$state" before

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check localstripe==1.15.10
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/python -m localstripe --from-scratch --port "$port" >server.log 2>&1 &
server=$!

cat >twice.py <<'PY'
import base64
import json
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

server, login = f"http://127.0.0.1:{sys.argv[1]}", base64.b64encode(("sk" + "_test_" + secrets.token_hex(12) + ":").encode()).decode()


def call(path: str, body: dict[str, str] | None = None, **headers: str) -> dict[str, object]:
    data = urllib.parse.urlencode(body).encode() if body else None
    request = urllib.request.Request(server + path, data, {"Authorization": f"Basic {login}", **headers})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


for _ in range(100):
    try:
        call("/v1/balance")
        break
    except (urllib.error.URLError, ConnectionError):
        time.sleep(0.2)
name = {"Idempotency-Key": secrets.token_hex(8)}
first, again = (call("/v1/customers", {"description": "one"}, **name)["id"] for _ in range(2))
other = call("/v1/customers", {"description": "another"}, **name)["id"]
print(f"three POSTs with one Idempotency-Key: {len({first, again, other})} customers")
assert len({first, again, other}) == 3, "changed"
PY
venv/bin/python twice.py "$port"

echo "seen: localstripe 1.15.10 makes three customers under one idempotency key"
