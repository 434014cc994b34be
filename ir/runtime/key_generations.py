"""The former values of one key of the inventory: logs name a key by another id after each rotation."""

from ir.engine.dbos_records import read_entries
from ir.incident import folding
from ir.incident.facts import of_role
from ir.runtime.app_state import State


def marks(kept: State, key: str) -> tuple[str, ...]:
    """Ids and fingerprints of the key's values, by the records of its rotations in this database; drills and dry runs are left out."""
    found: dict[str, None] = {}
    for row in kept.index.rows(key):
        if row.summary.get("drill") or row.summary.get("rehearsal"):
            continue
        facts = folding.fold(read_entries(kept.engine, row.incident)).facts
        for role in ("old", "new"):
            one = of_role(facts, role)
            found |= dict.fromkeys(str(one[name]) for name in ("id", "fingerprint") if one.get(name))
    return tuple(found)
