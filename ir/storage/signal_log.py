"""Signals: what a person or a watch sends to an incident (approve, contain, rollback, abort, `wake`, misuse); only ever added."""

import threading
import time
from collections.abc import Sequence

import sqlalchemy as sa

from ir.core.model import Json
from ir.storage.database import single
from ir.storage.patience import all_patient
from ir.storage.tables import SIGNALS, ready

_AFTER = (
    sa.select(SIGNALS).where((SIGNALS.c.incident == sa.bindparam("of")) & (SIGNALS.c.id > sa.bindparam("after"))).order_by(SIGNALS.c.id)
)
"""Built once: this statement runs before every step of an incident."""
_LATEST = sa.select(sa.func.max(SIGNALS.c.id))
_SHARED = 0.4
"""Seconds for which one look at the newest id serves all incidents of this process."""


@all_patient()
class SignalLog:
    """The table of signals."""

    def __init__(self, engine: sa.Engine) -> None:
        self._single = single(engine)
        ready(engine)
        self._lock, self._latest, self._latest_at = threading.Lock(), 0, 0.0

    def send(self, incident: str, kind: str, actor: str, body: Json | None = None) -> int:
        """Add a signal; returns its id."""
        with self._single.begin() as db:
            row = {"incident": incident, "kind": kind, "actor": actor, "at": time.time(), "body": body or {}}
            key = db.execute(sa.insert(SIGNALS).values(**row)).inserted_primary_key
            return int(key[0]) if key else 0

    def sent(self, incident: str, after: int = 0) -> list[Json]:
        """Signals with an id above `after`, oldest first: `{id, incident, kind, actor, at, body}`, as an incident records them."""
        with self._single.connect() as db:
            return [dict(row) for row in db.execute(_AFTER, {"of": incident, "after": after}).mappings()]

    def latest(self) -> int:
        """The id of the newest signal to any incident, as of less than half a second ago; 0 = there is none."""
        with self._lock:
            if not self._latest_at or time.monotonic() - self._latest_at >= _SHARED:
                with self._single.connect() as db:
                    self._latest = int(db.execute(_LATEST).scalar() or 0)
                self._latest_at = time.monotonic()
            return self._latest

    def newest(self, incidents: Sequence[str]) -> dict[str, int]:
        """The id of the newest signal to each of these that has one."""
        query = (
            sa.select(SIGNALS.c.incident, sa.func.max(SIGNALS.c.id)).where(SIGNALS.c.incident.in_(incidents)).group_by(SIGNALS.c.incident)
        )
        with self._single.connect() as db:
            return {str(name): int(number) for name, number in db.execute(query)}
