"""What a token of Vercel's has to be: the host knows no narrower right than its owner's role."""

from collections.abc import Sequence

from ir.adapters.stores.vercel.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage


def _project(ref: Reference, _on: str) -> str:
    return ref.host


def _text(lines: Sequence[Line]) -> str:
    projects = dict.fromkeys(line.on for line in lines)
    return "".join(f"project {project}: {', '.join(line.right for line in lines if line.on == project)}\n" for project in projects)


TOKEN = PolicyLanguage(
    "Vercel: what the token of the inventory's `hosts:` row is used for",
    CALLS,
    _project,
    _text,
    ("a token can do what its owner's role in the team can do: limit it to the team, and let it expire",),
)
