"""Leases, signals and the index of incidents: tables of ours beside the engine's, in the same database.

* A *lease* is one row per key or store object: who holds it, since when, last heartbeat, and a fence that grows with
  every take-over. Taken in one transaction. The engine's own deduplication is not a lock: a resume clears it.
* A *signal* is what a person or a watch sends to an incident (approve, contain, rollback, abort, wake, misuse); only ever added.
* The *index* has one row per incident, so that `ir status` needs no engine.
"""

import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ir.core.errors import AlreadyRunning, Refused
from ir.core.model import Json
from ir.storage import process_identity
from ir.storage.database import clock, create_tables, single
from ir.storage.patience import all_patient
from ir.storage.process_identity import Me
from ir.storage.tables import INCIDENTS, LEASES, META, SIGNALS

STALE = 30.0
"""Seconds without a heartbeat after which a holder on another machine counts as dead."""
ACTS_NO_MORE = ("done", "rolled back", "aborted", "attested", "refused", "debt", "reopened")
"""States of an incident that has ended, or that only debt keeps open."""


_HOLDS = sa.select(LEASES.c.executor, LEASES.c.fence).where(LEASES.c.incident == sa.bindparam("of")).limit(1)
_AFTER = (
    sa.select(SIGNALS).where((SIGNALS.c.incident == sa.bindparam("of")) & (SIGNALS.c.id > sa.bindparam("after"))).order_by(SIGNALS.c.id)
)
_ROW = sa.select(INCIDENTS).where(INCIDENTS.c.incident == sa.bindparam("of"))
_NOTE = sa.update(INCIDENTS).where(INCIDENTS.c.incident == sa.bindparam("of"))
_NEW_ROW = sa.insert(INCIDENTS)
"""Said dozens of times per incident, so they are put together once."""


@all_patient()
class Ledger:
    """The three tables. All times are epoch seconds of the database's clock where it has one, else ours."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._single = single(engine)
        create_tables(engine, META)

    # ── leases ──

    def take(self, holder: Me, incident: str, resources: Iterable[str]) -> int:
        """Take all resources or none; returns the fence.

        Raises:
            AlreadyRunning: one of them belongs to another incident (named), or a live process runs this one.
        """
        with self.engine.begin() as db:
            self._lock(db)
            fence = 1
            wanted = sorted(set(resources))
            rows = list(db.execute(sa.select(LEASES).where(LEASES.c.resource.in_(wanted))).mappings())
            now = clock(db)
            for row in rows:
                if row["incident"] != incident and not self._acts_no_more(db, row):
                    raise AlreadyRunning(*blocked(row), incident=row["incident"], next_step=_follow(row))
                if row["executor"] != holder.executor and self.alive(row, now):
                    raise AlreadyRunning(*blocked(row), incident=incident, next_step=_follow(row))
                fence = max(fence, row["fence"] + (row["executor"] != holder.executor))
            db.execute(sa.delete(LEASES).where(LEASES.c.resource.in_(wanted)))
            since = {row["resource"]: row["since"] for row in rows}
            for resource in wanted:
                times = {"since": since.get(resource, now), "heartbeat": now, "fence": fence}
                self._insert(db, holder, incident, resource, times)
            return fence

    @staticmethod
    def _insert(db: sa.Connection, holder: Me, incident: str, resource: str, times: Json) -> None:
        db.execute(sa.insert(LEASES).values(resource=resource, incident=incident, **holder.row, **times))

    def claim(self, holder: Me, incident: str, fence: int, resource: str) -> None:
        """Add one resource to those that a running incident holds; free to repeat.

        Raises:
            AlreadyRunning: it belongs to another incident (named).
        """
        with self.engine.begin() as db:
            self._lock(db)
            row = db.execute(sa.select(LEASES).where(LEASES.c.resource == resource)).mappings().first()
            if row is not None and row["incident"] != incident and not self._acts_no_more(db, row):
                raise AlreadyRunning(*blocked(row), incident=row["incident"], next_step=_follow(row))
            db.execute(sa.delete(LEASES).where(LEASES.c.resource == resource))
            now = clock(db)
            self._insert(db, holder, incident, resource, {"since": now, "heartbeat": now, "fence": fence})

    def busy(self, resources: Iterable[str]) -> Json | None:
        """The first lease on any of these that `take` would be refused for, None when all are free; takes nothing."""
        query = sa.select(LEASES).where(LEASES.c.resource.in_(list(resources)))
        with self.engine.connect() as db:
            rows = list(db.execute(query).mappings())
            return next((dict(row) for row in rows if not self._acts_no_more(db, row)), None)

    def take_over(self, holder: Me, incident: str) -> int:
        """Take every lease of an incident whose holder is dead; returns the new fence.

        Raises:
            AlreadyRunning: its process lives.
            Refused: the incident holds no lease (it ended).
        """
        with self.engine.connect() as db:
            held = list(db.execute(sa.select(LEASES.c.resource).where(LEASES.c.incident == incident)).scalars())
        if not held:
            raise Refused(f"{incident} holds nothing any more", next_step=f"ir status {incident}")
        return self.take(holder, incident, held)

    def beat(self, holder: Me, incident: str, fence: int) -> bool:
        """Heartbeat; False when somebody else took over."""
        with self._single.begin() as db:
            mine = (LEASES.c.incident == incident) & (LEASES.c.executor == holder.executor) & (LEASES.c.fence == fence)
            return db.execute(sa.update(LEASES).where(mine).values(heartbeat=clock(db))).rowcount > 0

    def let_go(self, holder: Me, incident: str, fence: int) -> None:
        """Stop holding an incident that waits: its resources stay its own, but any process may take it over at once."""
        with self._single.begin() as db:
            mine = (LEASES.c.incident == incident) & (LEASES.c.executor == holder.executor) & (LEASES.c.fence == fence)
            db.execute(sa.update(LEASES).where(mine).values(heartbeat=0.0, born=""))

    def release(self, incident: str) -> None:
        """Give everything back; the incident has ended."""
        with self.engine.begin() as db:
            db.execute(sa.delete(LEASES).where(LEASES.c.incident == incident))

    def holds(self, holder: Me, incident: str, fence: int) -> bool:
        """Whether an incident is still this process's own."""
        with self._single.connect() as db:
            return db.execute(_HOLDS, {"of": incident}).first() == (holder.executor, fence)

    def holder(self, incident: str) -> Json | None:
        """Who holds an incident: `{executor, host, pid, actor, since, heartbeat, alive}`; None when nobody does."""
        with self._single.connect() as db:
            row = db.execute(sa.select(LEASES).where(LEASES.c.incident == incident).limit(1)).mappings().first()
            return {**row, "alive": self.alive(row, clock(db))} if row else None

    def held(self, incidents: Sequence[str]) -> set[str]:
        """Those of these that a live process holds."""
        query = sa.select(LEASES).where(LEASES.c.incident.in_(incidents))
        with self._single.connect() as db:
            rows = list(db.execute(query).mappings()) if incidents else []
            now = clock(db) if rows else 0.0
        return {row["incident"] for row in rows if self.alive(row, now)}

    @staticmethod
    def alive(row: Any, now: float | None = None) -> bool:
        """Whether the holding process still runs: asked of the kernel where it is this one, else of the heartbeat.

        `now` is by the clock that wrote the heartbeat (`clock`); None takes this machine's.
        """
        runs = process_identity.runs(row["machine"] or "", row["pid"], row["born"]) if row["host"] == socket.gethostname() else None
        if runs is not None:
            return runs
        return bool((time.time() if now is None else now) - row["heartbeat"] < STALE)

    def _acts_no_more(self, db: sa.Connection, row: Any) -> bool:
        """The other incident is only kept open by debt, or died before its first entry or after its last: others may take what it held."""
        status = db.execute(sa.select(INCIDENTS.c.status).where(INCIDENTS.c.incident == row["incident"])).scalar()
        return (status is None or status in ACTS_NO_MORE) and not self.alive(row, clock(db))

    def _lock(self, db: sa.Connection) -> None:
        if db.dialect.name == "postgresql":
            db.execute(sa.text("LOCK TABLE ir_leases IN EXCLUSIVE MODE"))
        else:
            db.execute(sa.text("BEGIN IMMEDIATE"))

    # ── signals ──

    def send(self, incident: str, kind: str, actor: str, body: Json | None = None) -> int:
        """Add a signal; returns its id."""
        with self._single.begin() as db:
            row = {"incident": incident, "kind": kind, "actor": actor, "at": time.time(), "body": body or {}}
            key = db.execute(sa.insert(SIGNALS).values(**row)).inserted_primary_key
            return int(key[0]) if key else 0

    def signals(self, incident: str, after: int = 0) -> list[Json]:
        """Signals with an id above `after`, oldest first: `{id, incident, kind, actor, at, body}`."""
        with self._single.connect() as db:
            return [dict(row) for row in db.execute(_AFTER, {"of": incident, "after": after}).mappings()]

    # ── index ──

    def note(self, incident: str, status: str, exit_code: int, summary: Json) -> None:
        """Write the index row of an incident; `summary` is free of secrets."""
        with self._single.begin() as db:
            values = {"status": status, "exit_code": exit_code, "summary": summary, "updated_at": time.time()}
            if db.execute(_NOTE, {"of": incident, **values}).rowcount == 0:
                db.execute(_NEW_ROW, {"incident": incident, "opened_at": time.time(), **values})

    def index(self, key: str = "") -> list[Json]:
        """Incidents, all or those of one key by its name, newest first: `{incident, opened_at, updated_at, status, exit_code, summary}`."""
        query = sa.select(INCIDENTS).order_by(INCIDENTS.c.opened_at.desc())
        if key:
            query = query.where(INCIDENTS.c.summary["key"].as_string() == key)
        with self._single.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    def rows(self, incidents: Sequence[str]) -> dict[str, Json]:
        """The rows of these, by their ids."""
        query = sa.select(INCIDENTS).where(INCIDENTS.c.incident.in_(incidents))
        with self._single.connect() as db:
            return {row["incident"]: dict(row) for row in db.execute(query).mappings()}

    def newest(self, incidents: Sequence[str]) -> dict[str, int]:
        """The id of the newest signal to each of these that has one."""
        query = (
            sa.select(SIGNALS.c.incident, sa.func.max(SIGNALS.c.id)).where(SIGNALS.c.incident.in_(incidents)).group_by(SIGNALS.c.incident)
        )
        with self._single.connect() as db:
            return {str(name): int(number) for name, number in db.execute(query)}

    def find(self, incident: str) -> Json | None:
        """One row of the index."""
        with self._single.connect() as db:
            row = db.execute(_ROW, {"of": incident}).mappings().first()
        return dict(row) if row else None


def blocked(row: Any) -> tuple[str]:
    """Who holds it, where, since when."""
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(row["since"]))
    state = "is running" if Ledger.alive(row) else "was left unfinished"
    who = f"by {row['actor']} on {row['host']} (process {row['pid']}), since {since}"
    return (f"{row['resource']} belongs to {row['incident']}, which {state} {who}",)


def _follow(row: Any) -> str:
    name = row["incident"]
    if Ledger.alive(row):
        return f"ir status {name} --follow; to stop the leak now: ir contain {name}"
    return f"ir resume {name}, or give it up with ir abort {name}; to stop the leak now: ir contain {name}"
