"""Every call that a run makes at Azure Key Vault, so that a role can allow them."""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("getSecret/action", "{path}", "every look", "done", read=True),
    PolicyCall("readMetadata/action", "{path}", "its versions: whether another writer came in between", "done"),
    PolicyCall("setSecret/action", "{path}", "promote, undo", "done"),
    PolicyCall("readMetadata/action", "", "what other incidents left; names and tags only"),
    PolicyCall("setSecret/action", "ir-{incident}-{path}", "custody, stage", "done"),
    PolicyCall("getSecret/action", "ir-{incident}-{path}", "custody, stage"),
    PolicyCall("delete", "ir-{incident}-{path}", "discard"),
    PolicyCall("readMetadata/action", "ir-{incident}-{path}", "discard: whether the vault keeps what it may not purge"),
    PolicyCall("purge/action", "ir-{incident}-{path}", "discard: else the vault keeps what was deleted for some days", hint=True),
    PolicyCall("recover/action", "ir-{incident}-{path}", "custody, stage: where the vault keeps what was discarded before", hint=True),
)
"""As data actions below `Microsoft.KeyVault/vaults/secrets/`. Rights are given for a whole vault: who can make a secret can set each."""
