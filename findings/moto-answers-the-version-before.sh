#!/usr/bin/env bash
# moto answers the version before the promoted one to a plain read, and then labels two versions as current.
#
# Packages: moto 5.2.5, boto3 1.44.5 (PyPI).
# Expected: AWS documents that GetSecretValue without version and stage answers the version labelled AWSCURRENT, and that a label
#   is on one version of a secret at a time.
# Seen: after UpdateSecretVersionStage has moved AWSCURRENT, the plain read answers the old value with the stage AWSPREVIOUS, while
#   the same read with VersionStage="AWSCURRENT" answers the new one. A further PutSecretValue leaves AWSCURRENT on two versions.
# Why it matters: moving the label is the only way to promote with a compare, so rotation tools do it; on moto their read-back fails
#   though the code is right, or passes though it reads the wrong stage. Tests must name the stage in each read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check boto3==1.44.5 botocore==1.44.5 'moto[secretsmanager]==5.2.5'

cat >promote.py <<'PY'
import boto3
from moto import mock_aws

with mock_aws():
    store = boto3.client("secretsmanager")
    old = store.create_secret(Name="payments", SecretString="old")["VersionId"]
    new = store.put_secret_value(SecretId="payments", SecretString="new", VersionStages=["AWSPENDING"])["VersionId"]
    store.update_secret_version_stage(
        SecretId="payments", VersionStage="AWSCURRENT", RemoveFromVersionId=old, MoveToVersionId=new
    )
    plain = store.get_secret_value(SecretId="payments")
    staged = store.get_secret_value(SecretId="payments", VersionStage="AWSCURRENT")

    store.put_secret_value(SecretId="payments", SecretString="newer")
    stages = store.describe_secret(SecretId="payments")["VersionIdsToStages"]
    current = [version for version, labels in stages.items() if "AWSCURRENT" in labels]

print("plain read:          ", plain["SecretString"], plain["VersionStages"])
print("read of AWSCURRENT:  ", staged["SecretString"])
print("AWSCURRENT is on", len(current), "versions after one more put")
assert (plain["SecretString"], plain["VersionStages"]) == ("old", ["AWSPREVIOUS"]), "changed"
assert staged["SecretString"] == "new", "changed"
assert len(current) == 2, "changed"
PY
AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test venv/bin/python promote.py

echo "seen: after a promotion moto 5.2.5's plain read answers the old secret, and one put later two versions are current"
