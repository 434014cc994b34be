"""What earlier rotations learned: rights that a replacement lacked, that a service was refused without, and that a person granted.

They complete the map of endpoints, which knows only what others published: a refusal of this team's own names the right that counts.
"""

from dataclasses import dataclass

from ir.core.model import Json
from ir.incident.facts import Facts
from ir.storage.incident_index import IncidentIndex


@dataclass(frozen=True)
class LearnedRight:
    """One permission, by the name that Stripe's key API has; `services` were refused without it."""

    permission: str
    services: tuple[str, ...]
    key: str
    incident: str


def summarised(facts: Facts) -> Json:
    """The part of an index row that `learned` reads: permission → services; nothing where nothing was granted."""
    granted = facts.get("rights", {}).get("granted", {})
    return {"granted": {name: sorted(row.get("told_by", [])) for name, row in granted.items()}} if granted else {}


def learned(index: IncidentIndex, key: str = "") -> list[LearnedRight]:
    """Those of all incidents, or of one key by its name, the newest first; each permission of a key once, drills left out."""
    found: dict[tuple[str, str], LearnedRight] = {}
    for row in index.rows(key):
        if not row.summary.get("drill"):
            for name, services in row.summary.get("granted", {}).items():
                of = str(row.summary["key"])
                found.setdefault((of, name), LearnedRight(name, tuple(services), of, row.incident))
    return list(found.values())
