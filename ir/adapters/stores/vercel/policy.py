"""The access that a token of Vercel needs: tokens have their owner's role, and nothing narrower."""

from collections.abc import Sequence

from ir.adapters.stores.vercel.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage


def _object(ref: Reference, _on: str) -> str:
    return f"{ref.host}/{ref.path}"


def _text(lines: Sequence[Line]) -> str:
    return "".join(f"{line.right} for {line.on}  # {line.why}\n" for line in lines)


REACH = PolicyLanguage(
    "Vercel: calls that the token's owner has to be allowed, by their role in the team",
    CALLS,
    _object,
    _text,
    ("a deployment takes GET /v7/deployments, GET and POST /v13/deployments of the project, too",),
)
