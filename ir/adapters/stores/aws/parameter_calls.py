"""Every call that a run makes at AWS Systems Manager Parameter Store, so that a policy can allow them."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("ssm:GetParameter", "{path}", "every look", "done", read=True),
    PolicyCall("ssm:GetParameterHistory", "{path}", "its type and KMS key, which a write has to repeat; who changed it", "done"),
    PolicyCall("ssm:PutParameter", "{path}", "promote, undo", "done"),
    PolicyCall("ssm:GetParameter", "ir/{incident}/{path}", "custody, stage", "done"),
    PolicyCall("ssm:PutParameter", "ir/{incident}/{path}", "custody, stage", "done"),
    PolicyCall("ssm:DeleteParameter", "ir/{incident}/{path}", "discard"),
    PolicyCall("ssm:DescribeParameters", "*", "what other incidents left; it takes no narrower resource"),
)
"""A key of KMS that is not AWS's own takes `kms:Decrypt` and `kms:Encrypt` on that key, which the same calls prove."""
