"""The notices that people were sent, one row per entry and destination, so that a resumed incident sends none twice.

A row is written before its message is sent. One that was never finished belongs to a process that died: a process that resumes
the incident sends it again, since a message twice is better than a person who waits for none.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from ir.storage.database import create_tables
from ir.storage.patience import all_patient

SAME_WORDS = 3600.0
"""Seconds in which the same words about an incident go to the same place only once."""
MOST, WITHIN = 30, 600.0
"""The limit of messages of one kind to one place, and its seconds. Messages that need a person have no limit."""
PERSON = ("waiting", "rolled-back", "debt")
"""Kinds that need a person: they are never held back, and each is tried until it arrives."""
_AGAIN, _AGAIN_MOST = 60.0, 3600.0
"""Seconds until a message that did not arrive is tried again, twice as long each time, and at most."""
_GIVEN_UP = 86400.0
"""Seconds after which a message that needs no person is not tried any more."""
_CLAIMED = 300.0
"""Seconds after which a message that was never finished belongs to a process that died."""

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
    sa.Column("kind", sa.String, nullable=True),
    sa.Column("title", sa.String, nullable=True),
    sa.Column("body", sa.Text, nullable=True),
    sa.Column("tries", sa.Integer, nullable=True),
    sa.Column("again_at", sa.Float, nullable=True),
)


@dataclass(frozen=True)
class Words:
    """The text of a notice, free of secrets; kept until it has arrived. `kind`: one of `inventory.NOTICE_KINDS`."""

    kind: str = "opened"
    title: str = ""
    body: str = ""


@dataclass(frozen=True)
class Told:
    """One row.

    Attributes:
        state: `claimed`, `sent`, `failed`, `repeated` (same words just before), `held` (too many at once), `given up` (it did not arrive
            within a day, and needs no person).
    """

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
        create_tables(engine, _meta)

    def claim(self, incident: str, entry: int, place: str, digest: str, words: Words = Words()) -> bool:
        """Claim the notice of this entry for `place`; whether this process shall send it. `digest` stands for the words."""
        now = time.time()
        with self.engine.begin() as db:
            row = db.execute(sa.select(_notices).where(_row(incident, entry, place))).mappings().first()
            if row is not None:
                if row["state"] != "claimed" or row["holder"] == self._holder:
                    return False
                db.execute(sa.update(_notices).where(_row(incident, entry, place)).values(holder=self._holder, at=now))
                return True
            state = self._state(db, incident, place, digest, words.kind, now)
            values = {"incident": incident, "entry": entry, "place": place, "digest": digest, "holder": self._holder, **asdict(words)}
            again_at = now + WITHIN if state == "held" else 0.0
            db.execute(sa.insert(_notices).values(**values, at=now, state=state, said="", tries=0, again_at=again_at))
            return state == "claimed"

    def _state(self, db: sa.Connection, incident: str, place: str, digest: str, kind: str, now: float) -> str:
        spoken = _notices.c.state.in_(("claimed", "sent"))
        same = (_notices.c.incident == incident) & (_notices.c.digest == digest) & (_notices.c.at > now - SAME_WORDS)
        if db.execute(sa.select(_notices.c.entry).where(same & spoken & (_notices.c.place == place))).first():
            return "repeated"
        if kind in PERSON:
            return "claimed"
        lately = spoken & (_notices.c.place == place) & (_notices.c.kind == kind) & (_notices.c.at > now - WITHIN)
        return "held" if int(db.execute(sa.select(sa.func.count()).where(lately)).scalar() or 0) >= MOST else "claimed"

    def finish(self, rows: Sequence[tuple[str, int]], place: str, *, sent: bool, said: str) -> None:
        """Record the result of claimed rows, `(incident, entry)` each."""
        with self.engine.begin() as db:
            for incident, entry in rows:
                tries = int(db.execute(sa.select(_notices.c.tries).where(_row(incident, entry, place))).scalar() or 0)
                values = {"state": "sent" if sent else "failed", "said": said, "tries": tries + 1}
                again_at = 0.0 if sent else time.time() + min(_AGAIN * 2**tries, _AGAIN_MOST)
                db.execute(sa.update(_notices).where(_row(incident, entry, place)).values(**values, again_at=again_at))

    def again(self, place: str) -> list[tuple[str, int, Words]]:
        """Claim and return messages to `place` that are due again: they did not arrive, were held back, or their process died."""
        now, found = time.time(), list[tuple[str, int, Words]]()
        with self.engine.begin() as db:
            for row in list(db.execute(sa.select(_notices).where((_notices.c.place == place) & _due(now))).mappings()):
                seen = _row(row["incident"], row["entry"], place) & (_notices.c.state == row["state"]) & (_notices.c.at == row["at"])
                given_up = row["kind"] not in PERSON and row["at"] < now - _GIVEN_UP
                values = {"state": "given up"} if given_up else {"state": "claimed", "holder": self._holder, "at": now}
                if db.execute(sa.update(_notices).where(seen).values(**values)).rowcount and not given_up:
                    found.append((str(row["incident"]), int(row["entry"]), Words(row["kind"], row["title"], row["body"])))
        return found

    def held(self, place: str) -> int:
        """The number of messages to `place` that were held back lately."""
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
        """Places whose last message about an incident failed, and the reason."""
        last = {row.place: row for row in self.told(incident) if row.state in ("sent", "failed")}
        return {place: row.said for place, row in last.items() if row.state == "failed"}


def _row(incident: str, entry: int, place: str) -> sa.ColumnElement[bool]:
    return (_notices.c.incident == incident) & (_notices.c.entry == entry) & (_notices.c.place == place)


def _due(now: float) -> sa.ColumnElement[bool]:
    """Rows that are due; rows of a version that kept no words cannot be sent again."""
    late = _notices.c.state.in_(("failed", "held")) & (_notices.c.again_at <= now)
    left = (_notices.c.state == "claimed") & (_notices.c.at < now - _CLAIMED)
    return _notices.c.title.is_not(None) & (_notices.c.title != "") & (late | left)
