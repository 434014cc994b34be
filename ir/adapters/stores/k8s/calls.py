"""The calls that a run makes at a Kubernetes cluster for a Secret, all of them: what a role has to allow."""

from ir.ports.store import Call

CALLS = (
    Call("get secrets", "{path}", "every look", "done"),
    Call("patch secrets", "{path}", "promote, undo", "asked"),
    Call("get secrets", "{path}.ir-{incident}", "custody, stage", "asked"),
    Call("create secrets", "", "custody, stage: RBAC cannot limit `create` to a name", "asked"),
    Call("patch secrets", "{path}.ir-{incident}", "custody, stage", "asked"),
    Call("delete secrets", "{path}.ir-{incident}", "discard", "asked"),
    Call("list secrets", "", "what other incidents left; names only are asked for", hint=True),
    Call("create selfsubjectaccessreviews", "", "which of these we have; every login may by default", "done"),
)
