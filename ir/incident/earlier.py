"""What earlier incidents of a key saw: keys that they proved dead, and replacements that are not known to be dead. Pure.

A revert puts a dead key back into a store. A rotation that repairs it replaces the dead key, and the replacement before it,
which nothing holds any more, would live on unnamed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ir.core.model import Json
from ir.storage.incident_index import IncidentRow

_REPLACED = ("done", "attested", "debt", "reopened")


@dataclass(frozen=True)
class History:
    """The history of one key.

    Attributes:
        dead: fingerprint → incident that proved it dead.
        left: incident → fingerprint of its replacement, which is not known to be dead.
        replaced: fingerprint → incident that replaced it, dead or not.
    """

    dead: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        """The form in which an incident records it."""
        return {"dead": dict(self.dead), "left": dict(self.left)}


def history(index: Sequence[IncidentRow], key: str, account: str, *, drill: bool = False) -> History:
    """From the index of incidents (`IncidentIndex.rows`): what those of `key` saw."""
    rows = [row for row in index if _of(row.summary, key, account, drill=drill)]
    dead = {row.summary["old"]: str(row.incident) for row in rows if (row.summary.get("leaked") or {}).get("state") == "dead"}
    made = [row for row in rows if row.summary.get("new") and row.status in _REPLACED]
    left = {str(row.incident): row.summary["new"] for row in made if row.summary["new"] not in dead}
    moved = [*made, *(row for row in rows if row.summary.get("new") and _in_grace(row))]
    return History(dead, left, {row.summary["old"]: str(row.incident) for row in moved if row.summary["old"]})


def _in_grace(row: IncidentRow) -> bool:
    """Whether every store and service was moved, and both keys live for a time."""
    return bool(row.status == "waiting" and row.summary.get("wake_at"))


def _of(told: Json, key: str, account: str, *, drill: bool) -> bool:
    same = told.get("key") == key and told.get("account", "") in ("", account)
    return same and bool(told.get("drill")) is drill and not told.get("rehearsal")
