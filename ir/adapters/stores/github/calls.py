"""Every call that a run makes at GitHub for a secret of Actions, by the permission of a fine-grained token.

For a secret of an environment the permission is `environments` instead of `secrets`.
"""

from ir.ports.store import PolicyCall

CALLS = (
    PolicyCall("secrets: read", "GET …/secrets/{path}", "every look, for its date of change", "done"),
    PolicyCall("secrets: read", "GET …/secrets/public-key", "promote, undo: what values are sealed to"),
    PolicyCall("secrets: write", "PUT …/secrets/{path}", "promote, undo"),
    PolicyCall("actions: read", "GET …/environments", "environments with a secret of that name, which goes first", hint=True),
    PolicyCall("environments: read", "GET …/environments/{environment}/secrets/{path}", "the same", hint=True),
    PolicyCall("secrets: read", "GET …/actions/organization-secrets", "whether the organisation has one of that name", hint=True),
)
