"""The calls that a run makes at Conjur, all of them: privileges on two variables."""

from ir.ports.store import Call

CALLS = (
    Call("read", "{path}", "which versions there are", "done"),
    Call("execute", "{path}", "every look", "done"),
    Call("update", "{path}", "promote, undo", "asked"),
    Call("read", "{path}-ir", "which versions there are", "asked"),
    Call("execute", "{path}-ir", "custody, stage", "asked"),
    Call("update", "{path}-ir", "custody, stage, discard", "asked"),
)
