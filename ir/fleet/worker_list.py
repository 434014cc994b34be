"""The workers that live, in a table of the database that campaigns are in."""

import sqlalchemy as sa

from ir.core.model import Json
from ir.fleet.campaign_tables import WORKERS
from ir.storage import process_identity
from ir.storage.database import clock, single, stamp
from ir.storage.leases import alive
from ir.storage.patience import all_patient
from ir.storage.process_identity import Me

FORGOTTEN = 86400.0
"""Seconds after which a silent worker is removed."""


@all_patient()
class WorkerList:
    """All times are by the database's clock."""

    def __init__(self, engine: sa.Engine) -> None:
        self._single = single(engine)

    def beat(self, me: Me, said: str = "") -> None:
        """This worker lives; `said`: why it takes nothing, "" = it takes what it finds."""
        with self._single.begin() as db:
            mine = WORKERS.c.executor == me.executor
            if db.execute(sa.update(WORKERS).where(mine).values(heartbeat=stamp(db), said=said)).rowcount == 0:
                at = clock(db)
                db.execute(sa.insert(WORKERS).values(**me.row, since=at, heartbeat=at, said=said))
                db.execute(sa.delete(WORKERS).where(WORKERS.c.heartbeat < at - FORGOTTEN))

    def leave(self, me: Me) -> None:
        """This worker goes."""
        with self._single.begin() as db:
            db.execute(sa.delete(WORKERS).where(WORKERS.c.executor == me.executor))

    def living(self) -> list[Json]:
        """Those that live: `{executor, host, pid, machine, actor, since, heartbeat, said}`; `name` tells hosts of one name apart."""
        with self._single.connect() as db:
            at = clock(db)
            rows = [dict(row) for row in db.execute(sa.select(WORKERS).order_by(WORKERS.c.since)).mappings() if alive(row, at)]
        return [{**row, "name": process_identity.named(row)} for row in rows]
