"""One spelling for what hosts take for the same place. Pure."""

import os
from dataclasses import replace
from pathlib import Path

from ir.core.place import Place
from ir.core.reference import Reference

_PRODUCTION = "production"


def canonical(ref: Reference, base: Path) -> Reference:
    """A reference as all spellings of it; `base` is the folder that relative paths start from."""
    if ref.scheme == "dotenv":
        return replace(ref, path=os.path.normpath(base / ref.path))
    if ref.scheme == "vercel" and ref.field == _PRODUCTION:
        return replace(ref, field="")
    if ref.scheme == "github-actions":
        return replace(ref, host=ref.host.lower(), path=ref.path.lower())
    if ref.scheme == "aws-ssm":
        bare = ref.path.removeprefix("/")
        return replace(ref, path=bare) if "/" in bare else ref
    return ref


def within(ref: Reference, place: Place, base: Path) -> bool:
    """Whether a reference lies at a place, however both are written."""
    mine = canonical(ref, base)
    there = canonical(Reference(place.scheme, place.host, place.path or "*", place.field), base)
    if place.scheme == "vercel" and place.field == _PRODUCTION and mine.field:
        return False
    return Place(there.scheme, there.host, there.path if place.path else "", there.field).holds(mine)
