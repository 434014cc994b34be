"""The audit streams of all incidents: one table beside the engine's, with one row per entry.

An entry says what recorded steps say and nothing else, so every replay writes the same bytes. That makes the number of an entry
all that is needed against doubles: of two writers the second finds its own entry there, or another one in its place, and then it stops.
A step is recorded before its entry is written, and the next step begins after that: killed in between, an incident lacks its last entry
until it is resumed, and never one in the middle.

A *word* of a person is the one kind of entry that is told by no step. It takes the next free number, whether a process runs the incident
or not; a writer that finds a word in the place of its own entry takes it in and goes on after it
(`docs/decisions/0028-words-of-people.md`).
"""

import json
import time
from typing import Any

import sqlalchemy as sa

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.evidence.hash_chain import WORD
from ir.storage.database import single
from ir.storage.patience import FellBack, patient
from ir.storage.tables import ENTRIES, INCIDENTS

_ADD = sa.text("INSERT INTO ir_entries (incident, n, entry) VALUES (:incident, 0, :entry) ON CONFLICT DO NOTHING")
_ADD_BEHIND = sa.text(
    "INSERT INTO ir_entries (incident, n, entry) SELECT incident, n + 1, CAST(:entry AS TEXT) FROM ir_entries"
    " WHERE incident = :incident AND n = :n - 1 AND entry LIKE :before ON CONFLICT DO NOTHING"
)
"""No entry is written behind one that is missing, or that is another one. An entry before tells its own hash, and no other can."""
_OF = (
    sa.select(ENTRIES.c.entry)
    .where((ENTRIES.c.incident == sa.bindparam("of")) & (ENTRIES.c.n >= sa.bindparam("first")))
    .order_by(ENTRIES.c.n)
)


class OtherEntry(Exception):
    """Another entry has the number of the one that was to be written.

    Attributes:
        entry: the one that is there.
    """

    def __init__(self, entry: Json) -> None:
        super().__init__(f"entry {entry['n']} of {entry['incident']} is another one")
        self.entry = entry


@patient
def append(engine: sa.Engine, entry: Json) -> Json | None:
    """Write one entry, for good once this returns None; free to repeat.

    Returns:
        A word that has its number already: nothing was written, the entry belongs behind it.

    The first entry of an incident also enters it in the index, in the same transaction (`single` has none). A process killed between
    the two would else leave an incident that `ir status` and `ir resume` do not find, and that a worker refuses.

    Raises:
        OtherEntry: its number is taken.
        FellBack: the entry before it is not there any more.
    """
    row: dict[str, Any] = {"incident": entry["incident"], "entry": json.dumps(entry, separators=(",", ":"))}
    first = entry["n"] == 0
    with (engine if first else single(engine)).begin() as db:
        if first and db.execute(_ADD, row).rowcount > 0:
            _list(db, entry)
            return None
        if not first and db.execute(_ADD_BEHIND, {**row, "n": entry["n"], "before": f"%{entry['prev']}%"}).rowcount > 0:
            return None
    there = next(iter(entries(engine, entry["incident"], entry["n"])), None)
    if there is None:
        raise FellBack
    if there["hash"] == entry["hash"]:
        return None
    if there["kind"] == WORD:
        return there
    raise OtherEntry(there)


def _list(db: sa.Connection, opened: Json) -> None:
    """Enter an incident in the index as running; what its entries tell replaces the row at once (`IncidentIndex.note`)."""
    if db.execute(sa.select(INCIDENTS.c.incident).where(INCIDENTS.c.incident == opened["incident"])).first():
        return
    now, body = time.time(), opened["body"]
    options = body.get("options", {})
    summary = {
        "key": body.get("key", ""),
        "policy": body.get("plan", {}).get("policy", ""),
        "drill": bool(options.get("drill")),
        "rehearsal": bool(options.get("dry_run")),
        "debts": [],
    }
    row = {"incident": opened["incident"], "opened_at": now, "updated_at": now, "status": "running", "summary": summary}
    db.execute(sa.insert(INCIDENTS).values(exit_code=int(ExitCode.WAITING), **row))


def stands(engine: sa.Engine, entry: Json) -> bool:
    """Whether the last entry that was written is still there."""
    return any(there["hash"] == entry["hash"] for there in entries(engine, entry["incident"], entry["n"])[:1])


@patient
def entries(engine: sa.Engine, incident: str, first: int = 0) -> list[Json]:
    """All written entries of an incident, from that number on."""
    with single(engine).connect() as db:
        return [json.loads(text) for text in db.execute(_OF, {"of": incident, "first": first}).scalars()]
