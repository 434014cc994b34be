"""A policy for Vault or OpenBao, from the table of calls."""

import json
from collections import defaultdict
from collections.abc import Sequence

from ir.adapters.stores.vault.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage


def _path(ref: Reference, on: str) -> str:
    """The API path; what `ir` keeps beside a secret has the incident's id in its name."""
    below = on.format(path=ref.path, folder=ref.path.rpartition("/")[0], incident="*")
    return below.removeprefix("/") if below.startswith("/") else f"{ref.host}/{below}"


def _text(lines: Sequence[Line]) -> str:
    rules: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        rules[line.on].append(line)
    return "\n".join(_rule(path, asked) for path, asked in rules.items())


def _rule(path: str, lines: Sequence[Line]) -> str:
    said = "".join(f"# {word}\n" for word in dict.fromkeys(_why(line) for line in lines))
    rights = json.dumps(list(dict.fromkeys(line.right for line in lines)))
    return f"{said}path {json.dumps(path, ensure_ascii=False)} {{\n  capabilities = {rights}\n}}\n"


def _why(line: Line) -> str:
    return f"{line.right}: {line.why}{'' if line.needed else ' (a run goes on without it)'}"


HCL = PolicyLanguage(
    "Vault or OpenBao: a policy for the token that `ir` runs with",
    CALLS,
    _path,
    _text,
    ("in the namespace of VAULT_NAMESPACE; the policy `default`, which every token has, lets it ask for its own capabilities",),
)
