"""Every call that a run makes at a Kubernetes cluster for a Secret, so that a role can allow them."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("get secrets", "{path}", "every look", "done", read=True),
    PolicyCall("patch secrets", "{path}", "promote, undo", "asked"),
    PolicyCall("get secrets", "{path}.ir-{incident}", "custody, stage", "asked"),
    PolicyCall("create secrets", "", "custody, stage: RBAC cannot limit `create` to a name", "asked"),
    PolicyCall("patch secrets", "{path}.ir-{incident}", "custody, stage", "asked"),
    PolicyCall("delete secrets", "{path}.ir-{incident}", "discard", "asked"),
    PolicyCall("list secrets", "", "what other incidents left; names only are asked for", hint=True),
    PolicyCall("create selfsubjectaccessreviews", "", "which of these we have; every login may by default", "done", hint=True),
)
