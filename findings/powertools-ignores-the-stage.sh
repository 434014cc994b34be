#!/usr/bin/env bash
# AWS Powertools answers the current secret from its cache when the pending one was asked for.
#
# Packages: aws-lambda-powertools 3.37.0, boto3 1.44.5, against moto 5.2.5 in the same process (all PyPI).
# Expected: `get_secret(name, **sdk_options)` documents the options as passed on to GetSecretValue, so VersionStage="AWSPENDING"
#   answers the pending version, or an error if there is none.
# Seen: the cache is keyed by name and transform only. For five seconds after a read of AWSCURRENT (or `max_age`) every stage and every
#   version id of that name is answered with it; `force_fetch=True` gets the pending one, after which the plain read answers *that*.
# Why it matters: the test step of a rotation reads the pending key and calls the provider with it. Served from this cache it tests
#   the old key and passes; and a plain read after a forced one hands a key to the service that was never promoted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check \
  aws-lambda-powertools==3.37.0 boto3==1.44.5 botocore==1.44.5 'moto[secretsmanager]==5.2.5'

cat >stages.py <<'PY'
import boto3
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws

with mock_aws():
    store = boto3.client("secretsmanager")
    current = store.create_secret(Name="payments", SecretString="current")["VersionId"]
    pending = store.put_secret_value(SecretId="payments", SecretString="pending", VersionStages=["AWSPENDING"])["VersionId"]
    assert store.get_secret_value(SecretId="payments", VersionStage="AWSPENDING")["SecretString"] == "pending"

    plain = parameters.get_secret("payments")
    by_stage = parameters.get_secret("payments", VersionStage="AWSPENDING")
    by_id = parameters.get_secret("payments", VersionId=pending)
    forced = parameters.get_secret("payments", VersionStage="AWSPENDING", force_fetch=True)
    plain_again = parameters.get_secret("payments")
    old_by_id = parameters.get_secret("payments", VersionId=current)

print("plain:              ", plain)
print("AWSPENDING:         ", by_stage)
print("id of the pending:  ", by_id)
print("AWSPENDING, forced: ", forced)
print("plain again:        ", plain_again)
print("id of the current:  ", old_by_id)
assert (plain, by_stage, by_id) == ("current", "current", "current"), "changed"
assert (forced, plain_again, old_by_id) == ("pending", "pending", "pending"), "changed"
PY
AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test venv/bin/python stages.py

echo "seen: aws-lambda-powertools 3.37.0 was asked for the pending secret and answered the current one from its cache"
