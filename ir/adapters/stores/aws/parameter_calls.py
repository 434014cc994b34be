"""The calls that a run makes at AWS Systems Manager Parameter Store, all of them: what a policy has to allow."""

from ir.ports.store import Call

CALLS = (
    Call("ssm:GetParameter", "{path}", "every look", "done"),
    Call("ssm:GetParameterHistory", "{path}", "its type and KMS key, which a write has to repeat; who changed it", "done"),
    Call("ssm:PutParameter", "{path}", "promote, undo", "done"),
    Call("ssm:GetParameter", "ir/{incident}/{path}", "custody, stage", "done"),
    Call("ssm:PutParameter", "ir/{incident}/{path}", "custody, stage", "done"),
    Call("ssm:DeleteParameter", "ir/{incident}/{path}", "discard"),
    Call("ssm:DescribeParameters", "*", "what other incidents left; it takes no narrower resource"),
)
"""A key of KMS that is not AWS's own takes `kms:Decrypt` and `kms:Encrypt` on that key, which the same calls prove."""
