"""What people were told, one row per entry and destination: so that a resumed incident tells nobody twice.

A row is written before its message is sent. One that was never finished belongs to a process that died: whoever resumes
the incident sends it again, since a message twice is better than a person who waits for none.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ir.storage.patience import all_patient

SAME_WORDS = 3600.0
"""Seconds in which the same words about an incident go to the same place once."""
MOST, WITHIN = 30, 600.0
"""Messages to one place, and the seconds in which that many are the most, over all incidents."""

_meta = sa.MetaData()
_notices = sa.Table(
    "ir_notices",
    _meta,
    sa.Column("incident", sa.String, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True),
    sa.Column("place", sa.String, primary_key=True),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("said", sa.String, nullable=False),
)


@dataclass(frozen=True)
class Told:
    """One row. States: `claimed`, `sent`, `failed`, `repeated` (same words just before), `held` (too many at once)."""

    incident: str
    entry: int
    place: str
    state: str
    said: str


@all_patient()
class NoticeLog:
    """The table, in the same database as the incidents.

    Args:
        holder: unique to this process.
    """

    def __init__(self, engine: sa.Engine, holder: str) -> None:
        self.engine, self._holder = engine, holder
        _meta.create_all(engine)

    def claim(self, incident: str, entry: int, place: str, digest: str) -> bool:
        """Whether this process shall tell `place` of this entry. `digest` stands for the words."""
        now = time.time()
        with self.engine.begin() as db:
            row = db.execute(sa.select(_notices).where(_row(incident, entry, place))).mappings().first()
            if row is not None:
                if row["state"] != "claimed" or row["holder"] == self._holder:
                    return False
                db.execute(sa.update(_notices).where(_row(incident, entry, place)).values(holder=self._holder, at=now))
                return True
            state = self._state(db, incident, place, digest, now)
            values = {"incident": incident, "entry": entry, "place": place, "digest": digest, "holder": self._holder}
            db.execute(sa.insert(_notices).values(**values, at=now, state=state, said=""))
            return state == "claimed"

    def _state(self, db: sa.Connection, incident: str, place: str, digest: str, now: float) -> str:
        spoken = _notices.c.state.in_(("claimed", "sent"))
        same = (_notices.c.incident == incident) & (_notices.c.digest == digest) & (_notices.c.at > now - SAME_WORDS)
        if db.execute(sa.select(_notices.c.entry).where(same & spoken & (_notices.c.place == place))).first():
            return "repeated"
        lately = sa.select(sa.func.count()).where(spoken & (_notices.c.place == place) & (_notices.c.at > now - WITHIN))
        return "held" if int(db.execute(lately).scalar() or 0) >= MOST else "claimed"

    def finish(self, rows: Sequence[tuple[str, int]], place: str, *, sent: bool, said: str) -> None:
        """Write down what became of claimed rows, `(incident, entry)` each."""
        with self.engine.begin() as db:
            for incident, entry in rows:
                state = "sent" if sent else "failed"
                db.execute(sa.update(_notices).where(_row(incident, entry, place)).values(state=state, said=said))

    def held(self, place: str) -> int:
        """How many messages to `place` were held back lately."""
        query = sa.select(sa.func.count()).where(
            (_notices.c.place == place) & (_notices.c.state == "held") & (_notices.c.at > time.time() - WITHIN)
        )
        with self.engine.connect() as db:
            return int(db.execute(query).scalar() or 0)

    def told(self, incident: str) -> list[Told]:
        """All rows of an incident, by entry."""
        query = sa.select(_notices).where(_notices.c.incident == incident).order_by(_notices.c.entry, _notices.c.place)
        with self.engine.connect() as db:
            rows = db.execute(query).mappings()
            return [Told(row["incident"], row["entry"], row["place"], row["state"], row["said"]) for row in rows]

    def untold(self, incident: str) -> dict[str, str]:
        """Places whose last message about an incident failed, and why."""
        last = {row.place: row for row in self.told(incident) if row.state in ("sent", "failed")}
        return {place: row.said for place, row in last.items() if row.state == "failed"}


def _row(incident: str, entry: int, place: str) -> sa.ColumnElement[bool]:
    return (_notices.c.incident == incident) & (_notices.c.entry == entry) & (_notices.c.place == place)
