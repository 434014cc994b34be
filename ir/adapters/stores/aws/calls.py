"""Every call that a run makes at AWS Secrets Manager, so that a policy can allow them."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("secretsmanager:DescribeSecret", "{path}", "every look", "done"),
    PolicyCall("secretsmanager:GetSecretValue", "{path}", "every look", "done", read=True),
    PolicyCall("secretsmanager:PutSecretValue", "{path}", "custody, stage, promote, undo", "done"),
    PolicyCall("secretsmanager:UpdateSecretVersionStage", "{path}", "promote, undo, discard", "done"),
    PolicyCall("secretsmanager:ListSecretVersionIds", "{path}", "the age of what others left", hint=True),
)
"""A key of KMS that is not AWS's own takes `kms:Decrypt` and `kms:GenerateDataKey` on that key, which the same calls prove."""


def unproven() -> str:
    """Rights that no look can prove; the run proves them when it starts, before the mint."""
    writes = [call.right.partition(":")[2] for call in CALLS if call.right.endswith(("Value", "Stage")) and "promote" in call.why]
    return f"Secrets Manager cannot simulate a write; the run proves {' and '.join(writes)} on a version of its own before the mint"
