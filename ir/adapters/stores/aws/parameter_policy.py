"""An IAM policy for AWS Parameter Store, from the table of calls."""

from ir.adapters.stores.aws import policy
from ir.adapters.stores.aws.parameter_calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import PolicyLanguage

_ANY = "INC-*"


def _arn(ref: Reference, on: str) -> str:
    """The parameter's ARN, or `*` where AWS takes no narrower resource; a name's leading slash is not part of it."""
    if on == "*":
        return on
    name = ref.path.lstrip("/")
    return f"arn:{policy.partition(ref.host)}:ssm:{ref.host}:*:parameter/{on.format(path=name, incident=_ANY)}"


IAM = PolicyLanguage(
    "AWS Parameter Store: an IAM policy for the user or role that `ir` runs as",
    CALLS,
    _arn,
    policy.document,
    (
        "a SecureString that is encrypted with a KMS key of your own takes kms:Decrypt and kms:Encrypt on that key, too",
        "`*` in an ARN is the account: write yours where the policy is to be narrower",
    ),
)
