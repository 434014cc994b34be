"""The role that Google Cloud needs for Secret Manager, from the table of calls, as a custom role and its conditions."""

from collections import defaultdict
from collections.abc import Sequence

import yaml

from ir.adapters.stores.gcp.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage


def _object(ref: Reference, on: str) -> str:
    name = on.format(path=ref.path, incident="INC-*")
    return f"projects/{ref.host}" + (f"/secrets/{name}" if name else "")


def _text(lines: Sequence[Line]) -> str:
    """A custom role, and as comments where each permission is needed: conditions on a binding can narrow it to these."""
    places: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        places[line.right].append(line.on)
    role = {"title": "ir", "stage": "GA", "includedPermissions": list(places)}
    comments = "".join(f"# {right} on {', '.join(dict.fromkeys(found))}\n" for right, found in places.items())
    return comments + yaml.safe_dump(role, sort_keys=False)


ROLE = PolicyLanguage(
    "Google Cloud: a custom role for `gcloud iam roles create ir --project PROJECT --file FILE`",
    CALLS,
    _object,
    _text,
    ("a secret with a KMS key of your own takes that key's encrypter and decrypter for the service agent, as for every secret",),
)
