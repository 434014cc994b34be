#!/usr/bin/env bash
# localstripe lists the oldest objects first, where Stripe lists the newest first.
#
# Package: localstripe 1.15.10 (PyPI).
# Expected: Stripe's lists are sorted by creation date, the most recent first; `limit=1` of events is the latest event, and a reader that
#   goes on until it meets an event that it knows has read everything new.
# Seen: the oldest object comes first, of customers and of events, and `starting_after` goes on to newer ones. `ending_before`, which
#   would turn that round, is refused as unexpected.
# Why it matters: code that looks for news at the head of a list passes its tests against Stripe only, or, worse, was turned round to pass
#   here and then reads at Stripe what is oldest: an account looks quiet because nothing new is seen.
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

cat >order.py <<'PY'
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
made = []
for _ in range(3):
    made.append(call("/v1/customers", {"description": "made up"})["id"])
    time.sleep(1.1)
customers = [row["id"] for row in call("/v1/customers")["data"]]
events = [row["data"]["object"]["id"] for row in call("/v1/events?type=customer.created&limit=1")["data"]]
print("customers, by the order of their making:", [made.index(one) + 1 for one in customers])
print("the one event of type=customer.created&limit=1 is about customer", made.index(events[0]) + 1)
assert customers == made and events == made[:1], "changed"
PY
venv/bin/python order.py "$port"

echo "seen: localstripe 1.15.10 lists the oldest first; Stripe lists the newest first"
