#!/usr/bin/env bash
# AWS' caching library goes on serving a secret that was deleted, long after its refresh interval, without an error.
#
# Packages: aws-secretsmanager-caching 1.2.0, boto3 1.44.5, against moto 5.2.5 in the same process (all PyPI).
# Expected: its README says that a change is picked up once `secret_refresh_interval` has elapsed; a refresh that fails because the
#   secret is gone is a reason to raise. Only the forced refresh is said to keep the old value when it fails.
# Seen: after the interval the ordinary read tries once, keeps ResourceNotFoundException to itself and answers the value it had;
#   it then waits longer before each further try. Five intervals later the dead secret is still the answer.
# Why it matters: taking the secret out of the store does not take a leaked key out of the services that use this library, and
#   they do not complain. A check that they "still read their key" is no proof that the store still holds one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check \
  aws-secretsmanager-caching==1.2.0 boto3==1.44.5 botocore==1.44.5 'moto[secretsmanager]==5.2.5'

cat >cache.py <<'PY'
import time

import boto3
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig
from moto import mock_aws

with mock_aws():
    store = boto3.client("secretsmanager")
    store.create_secret(Name="payments", SecretString="leaked")
    cache = SecretCache(SecretCacheConfig(secret_refresh_interval=1), store)
    assert cache.get_secret_string("payments") == "leaked"

    store.delete_secret(SecretId="payments", ForceDeleteWithoutRecovery=True)
    try:
        store.get_secret_value(SecretId="payments")
        raise SystemExit("the secret is not gone")
    except store.exceptions.ResourceNotFoundException:
        print("the store itself: ResourceNotFoundException")

    for interval in range(1, 6):
        time.sleep(1.1)
        answer = cache.get_secret_string("payments")
        print(f"the cache, {interval} intervals later: {answer}")
        assert answer == "leaked", "changed"
PY
AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test venv/bin/python cache.py

echo "seen: five refresh intervals after the deletion aws-secretsmanager-caching 1.2.0 still answers the deleted secret, and raises nothing"
