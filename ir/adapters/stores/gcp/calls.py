"""The calls that a run makes at Google Secret Manager, all of them: what a role has to allow."""

from ir.ports.store import Call

CALLS = (
    Call("secretmanager.versions.access", "{path}", "every look", "done", read=True),
    Call("secretmanager.secrets.get", "{path}", "its replication, which custody repeats; aliases; who else writes it", "done"),
    Call("secretmanager.versions.add", "{path}", "promote, undo", "asked"),
    Call("secretmanager.secrets.create", "", "custody, stage: of the project"),
    Call("secretmanager.versions.add", "ir-{incident}-{path}", "custody, stage"),
    Call("secretmanager.versions.access", "ir-{incident}-{path}", "custody, stage"),
    Call("secretmanager.secrets.delete", "ir-{incident}-{path}", "discard"),
    Call("secretmanager.secrets.list", "", "what other incidents left; names only"),
)
"""Asking for our own rights (`testIamPermissions`) takes none."""
