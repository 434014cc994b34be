"""The calls that a run makes at Conjur, all of them: privileges on two variables."""

from ir.ports.store import Call

CALLS = (
    Call("read", "{path}", "which versions there are", "done", hint=True, read=True),
    Call("execute", "{path}", "every look", "done", read=True),
    Call("update", "{path}", "promote, undo", "asked"),
    Call("read", "{path}-ir", "which versions there are", "done", hint=True),
    Call("execute", "{path}-ir", "custody, stage", "asked"),
    Call("update", "{path}-ir", "custody, stage, discard", "asked"),
)
"""Conjur shows a variable to any role with a privilege on it, so `read` is asked for only where a server is stricter than that."""
