#!/usr/bin/env bash
# trailscraper writes a policy that allows what AWS denied.
#
# Package: trailscraper 0.10.0 (PyPI).
# Expected: "Generates a policy that allows the events passed in", for rights cut down to what was used. An event with `errorCode`
#   AccessDenied is a call that did not happen.
# Seen: `errorCode` is not looked at. Calls that were denied are in the policy beside the one that succeeded, with the same weight, and
#   nothing tells them apart.
# Why it matters: after a leak the log is full of a stranger's tries, and so is the log of a program that asks for more than it needs. A
#   role "from the log" then gives the next key the right to delete the secret, which the leaked key did not have.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check trailscraper==0.10.0

cat >policy.py <<'PY'
import json
import subprocess


def event(name: str, **more: str) -> dict[str, object]:
    return {
        "eventVersion": "1.09",
        "userIdentity": {"type": "IAMUser", "userName": "checkout"},
        "eventTime": "2026-11-30T01:00:00Z",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.9",
        "requestParameters": {"secretId": "prod/stripe"},
        "responseElements": None,
        **more,
    }


records = [event("GetSecretValue"), event("DeleteSecret", errorCode="AccessDenied", errorMessage="not authorized")]
done = subprocess.run(["venv/bin/trailscraper", "generate"], input=json.dumps({"Records": records}), capture_output=True, text=True, check=True)
allowed = [action for row in json.loads(done.stdout)["Statement"] if row["Effect"] == "Allow" for action in row["Action"]]
print("in the log: GetSecretValue done, DeleteSecret denied; in the policy:", ", ".join(allowed))
assert allowed == ["secretsmanager:DeleteSecret", "secretsmanager:GetSecretValue"], f"changed: {allowed}"
PY
venv/bin/python policy.py

echo "seen: trailscraper 0.10.0 allows DeleteSecret, which the log shows as denied"
