"""The permissions that a fine-grained token of GitHub needs, from the table of calls."""

from collections import defaultdict
from collections.abc import Sequence

from ir.adapters.stores.github.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage


def _object(ref: Reference, _on: str) -> str:
    return f"{ref.host}/{ref.path}" + (f"#{ref.field}" if ref.field else "")


def _text(lines: Sequence[Line]) -> str:
    rights: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        rights[line.right].append(line.on)
    return "".join(f"{right}  # for {', '.join(dict.fromkeys(found))}\n" for right, found in rights.items())


PERMISSIONS = PolicyLanguage(
    "GitHub: permissions of a fine-grained token for these repositories",
    CALLS,
    _object,
    _text,
    ("for a secret of an environment it is `environments` instead of `secrets`",),
)
