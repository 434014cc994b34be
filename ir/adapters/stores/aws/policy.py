"""IAM policies for AWS Secrets Manager, Parameter Store and KMS, from the tables of calls."""

import json
from collections import defaultdict
from collections.abc import Sequence

from ir.adapters.stores.aws import calls, parameter_calls
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_SIDS = ("Needed", "Hints")


def _arn(ref: Reference, _on: str) -> str:
    """The secret's ARN; AWS appends six characters of its own to a name."""
    if ref.path.startswith("arn:"):
        return ref.path
    return f"arn:{_partition(ref)}:secretsmanager:{ref.host}:*:secret:{ref.path}-??????"


def _parameter(ref: Reference, on: str) -> str:
    """The ARN of a parameter, of what is kept for it, or of all."""
    name = on.format(path=ref.path.lstrip("/"), incident="INC-*")
    return name if name == "*" else f"arn:{_partition(ref)}:ssm:{ref.host}:*:parameter/{name}"


def _partition(ref: Reference) -> str:
    return next((name for head, name in _PARTITIONS.items() if ref.host.startswith(head)), "aws")


def _text(lines: Sequence[Line]) -> str:
    statements = []
    for needed, sid in zip((True, False), _SIDS, strict=True):
        for number, (actions, objects) in enumerate(_grouped([line for line in lines if line.needed is needed])):
            statements.append({"Sid": f"{sid}{number + 1}", "Effect": "Allow", "Action": list(actions), "Resource": objects})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"


def _grouped(lines: Sequence[Line]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Objects with the same actions, together."""
    actions: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        actions[line.on].append(line.right)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for on, rights in actions.items():
        groups[tuple(rights)].append(on)
    return list(groups.items())


_ACCOUNT = "`*` for the account in an ARN: write yours where the policy is to be narrower"
IAM = PolicyLanguage(
    "AWS Secrets Manager: an IAM policy for the user or role that `ir` runs as",
    calls.CALLS,
    _arn,
    _text,
    (
        "a secret that is encrypted with a KMS key of your own takes kms:Decrypt and kms:GenerateDataKey on that key, too",
        _ACCOUNT,
    ),
)
PARAMETERS = PolicyLanguage(
    "AWS Parameter Store: an IAM policy for the user or role that `ir` runs as",
    parameter_calls.CALLS,
    _parameter,
    _text,
    ("a parameter that is encrypted with a KMS key of your own takes kms:Decrypt and kms:Encrypt on that key, too", _ACCOUNT),
)
