#!/usr/bin/env bash
# python-dotenv's set_key takes the word export away from the line that it changes.
#
# Package: python-dotenv 1.2.4 (PyPI).
# Expected: set_key changes the value of a key in a file. The line's own form, `export KEY=…`, which the library reads, stays.
# Seen: the line is written anew as `KEY='…'`, without the export and without the comment behind it. Its neighbours keep theirs.
#   Only a caller who passes `export=True` gets the word, and then for each key, also those that never had it.
# Why it matters: start scripts source such a file. The shell then still knows the new key, the service that it starts does not: it
#   comes up without a key, though a reader of the file proves the new one in place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check python-dotenv==1.2.4

cat >service.env <<'ENV'
export STRIPE_KEY=old # owner: payments
export STRIPE_ACCOUNT=main
ENV
child() { bash -c '. ./service.env; env' | grep -E '^STRIPE_' | sort | tr '\n' ' '; }

before=$(child)
venv/bin/python -c 'from dotenv import dotenv_values, set_key
set_key("service.env", "STRIPE_KEY", "new")
print("python-dotenv reads:", dict(dotenv_values("service.env")))'
after=$(child)

echo "the file now:"
sed 's/^/  /' service.env
echo "a child of the shell before: $before"
echo "a child of the shell after:  $after"
[ "$before" = "STRIPE_ACCOUNT=main STRIPE_KEY=old " ] || { echo "the file was not sourced"; exit 1; }
[ "$after" = "STRIPE_ACCOUNT=main " ] || { echo "changed: the child still has the key"; exit 1; }
[ "$(head -1 service.env)" = "STRIPE_KEY='new'" ] || { echo "changed: the line was kept"; exit 1; }

echo "seen: after set_key of python-dotenv 1.2.4 the key is in the file and no longer in the environment of what the shell starts"
