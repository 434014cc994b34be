"""An IAM policy for AWS Secrets Manager and KMS, from the table of calls."""

import json
from collections import defaultdict
from collections.abc import Sequence

from ir.adapters.stores.aws.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_SIDS = ("Needed", "Hints")


def _arn(ref: Reference, _on: str) -> str:
    """The secret's ARN; AWS appends six characters of its own to a name."""
    if ref.path.startswith("arn:"):
        return ref.path
    return f"arn:{partition(ref.host)}:secretsmanager:{ref.host}:*:secret:{ref.path}-??????"


def partition(region: str) -> str:
    """The partition of a region."""
    return next((name for head, name in _PARTITIONS.items() if region.startswith(head)), "aws")


def document(lines: Sequence[Line]) -> str:
    """The policy as JSON: the needed rights, and the optional ones."""
    statements = []
    for needed, sid in zip((True, False), _SIDS, strict=True):
        for number, (actions, objects) in enumerate(_grouped([line for line in lines if line.needed is needed])):
            statements.append({"Sid": f"{sid}{number + 1}", "Effect": "Allow", "Action": list(actions), "Resource": objects})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"


def _grouped(lines: Sequence[Line]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Rights on the same objects, grouped."""
    actions: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        actions[line.on].append(line.right)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for on, rights in actions.items():
        groups[tuple(rights)].append(on)
    return list(groups.items())


IAM = PolicyLanguage(
    "AWS: an IAM policy for the user or role that `ir` runs as",
    CALLS,
    _arn,
    document,
    (
        "a secret that is encrypted with a KMS key of your own takes kms:Decrypt and kms:GenerateDataKey on that key, too",
        "`*` in an ARN is the account: write yours where the policy is to be narrower",
    ),
)
