"""The role that Azure needs for Key Vault, from the table of calls."""

import json
from collections.abc import Sequence

from ir.adapters.stores.azure.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage

_ACTION = "Microsoft.KeyVault/vaults/secrets/"


def _object(ref: Reference, on: str) -> str:
    name = on.format(path=ref.path, incident="INC-*")
    return f"vault {ref.host}" + (f", secret {name}" if name else "")


def _text(lines: Sequence[Line]) -> str:
    """A role, whose description says on which secrets each right is needed."""
    places: dict[str, list[str]] = {}
    for line in lines:
        places.setdefault(line.right, []).append(line.on)
    said = "; ".join(f"{right.partition('/')[0]} on {' and '.join(dict.fromkeys(found))}" for right, found in places.items())
    role = {
        "Name": "ir",
        "Description": said,
        "DataActions": [f"{_ACTION}{right}" for right in places],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION"],
    }
    return json.dumps(role, indent=2, ensure_ascii=False) + "\n"


ROLE = PolicyLanguage(
    "Azure: a custom role for `az role definition create --role-definition FILE`",
    CALLS,
    _object,
    _text,
    (
        "assign it at the vault: to keep a key beside a secret takes the right to make one, which Azure gives for a whole vault",
        "a vault with access policies: `az keyvault set-policy --name VAULT --object-id ID --secret-permissions get list set delete purge`",
        "without `purge` the vault keeps what a run deletes for some days; where it does, `recover` lets the same incident use it again",
    ),
)
