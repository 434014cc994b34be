"""The calls that a run makes at GitHub for a secret of Actions, all of them, by the permission of a fine-grained token.

For a secret of an environment the permission is `environments` instead of `secrets`.
"""

from ir.ports.store import Call

CALLS = (
    Call("secrets: read", "GET …/secrets/{path}", "every look, for its date of change", "done"),
    Call("secrets: read", "GET …/secrets/public-key", "promote, undo: what values are sealed to"),
    Call("secrets: write", "PUT …/secrets/{path}", "promote, undo"),
    Call("actions: read", "GET …/environments", "environments with a secret of that name, which goes first", hint=True),
    Call("environments: read", "GET …/environments/{environment}/secrets/{path}", "the same", hint=True),
    Call("secrets: read", "GET …/actions/organization-secrets", "whether the organisation has one of that name", hint=True),
)
