"""Every call that a run makes at Google Secret Manager, so that a role can allow them."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("secretmanager.versions.access", "{path}", "every look", "done", read=True),
    PolicyCall("secretmanager.secrets.get", "{path}", "its replication, which custody repeats; aliases; who else writes it", "done"),
    PolicyCall("secretmanager.versions.add", "{path}", "promote, undo", "asked"),
    PolicyCall("secretmanager.secrets.create", "", "custody, stage: of the project"),
    PolicyCall("secretmanager.versions.add", "ir-{incident}-{path}", "custody, stage"),
    PolicyCall("secretmanager.versions.access", "ir-{incident}-{path}", "custody, stage"),
    PolicyCall("secretmanager.secrets.delete", "ir-{incident}-{path}", "discard"),
    PolicyCall("secretmanager.secrets.list", "", "what other incidents left; names only"),
)
"""Asking for our own rights (`testIamPermissions`) needs no right."""
