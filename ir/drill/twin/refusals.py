"""The permissions that the twin asks for where a refusal by Stripe was recorded (`data/refusals.txt`)."""

from functools import cache
from importlib.resources import files

from ir.drill.twin.permissions import CALLED

Recorded = dict[tuple[str, str], str]
_API = {theirs: ours for ours, theirs in CALLED.items()}


@cache
def recorded() -> Recorded:
    """(method, path with `:id`) → permission, as create and update take it."""
    found: Recorded = {}
    for line in files("ir.drill.twin").joinpath("data/refusals.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            method, path, name, *_ = line.split()
            stem, _, verb = name.removeprefix("rak_").rpartition("_")
            found[method, path] = f"{_API.get(stem, stem)}_{verb}"
    return found


def asked(method: str, path: str, otherwise: str) -> str:
    """For a list or one object of it; `otherwise` where no refusal was recorded."""
    verb = "GET" if method == "GET" else "POST"
    known = recorded()
    return known.get((verb, path)) or known.get((verb, f"{path}/:id")) or otherwise
