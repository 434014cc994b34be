"""Every call that a run makes at Conjur: privileges on two variables."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("read", "{path}", "which versions there are", "done", hint=True, read=True),
    PolicyCall("execute", "{path}", "every look", "done", read=True),
    PolicyCall("update", "{path}", "promote, undo", "asked"),
    PolicyCall("read", "{path}-ir", "which versions there are", "done", hint=True),
    PolicyCall("execute", "{path}-ir", "custody, stage", "asked"),
    PolicyCall("update", "{path}-ir", "custody, stage, discard", "asked"),
)
"""Conjur shows a variable to any role with a privilege on it, so `read` is asked for only where a server is stricter than that."""
