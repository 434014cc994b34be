"""Leases: one row per key or store object that an incident holds, in the database that all processes share.

A row names the holding process, its start, its last heartbeat, and a fence that grows with every take-over. One transaction takes all rows.
The engine's own deduplication is not a lock: a resume clears it.
"""

import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ir.core.errors import AlreadyRunning, Refused
from ir.core.model import Json
from ir.storage import process_table
from ir.storage.database import clock, single, stamp
from ir.storage.incident_index import ACTS_NO_MORE
from ir.storage.patience import all_patient
from ir.storage.process_identity import Me
from ir.storage.tables import INCIDENTS, LEASES, ready

STALE = 30.0
"""Seconds without a heartbeat after which a holder on another machine counts as dead."""
_HOLDS = sa.select(LEASES.c.executor, LEASES.c.fence).where(LEASES.c.incident == sa.bindparam("of")).limit(1)
"""Built once: this statement runs before every write of an incident."""


@dataclass(frozen=True)
class Lease:
    """The holder of one resource for one incident. All times are epoch seconds of the database's clock where it has one, else ours.

    Attributes:
        resource: a key (`key ACCOUNT/NAME`, `key FINGERPRINT`) or a store object (`store OBJECT`).
        executor, host, pid, born, machine, actor: the process (`process_identity.Me`).
        fence: grows with every take-over.
        alive: whether the process still ran when this was read.
        question: see `open_questions`.
    """

    resource: str
    incident: str
    executor: str
    host: str
    pid: int
    born: str
    actor: str
    since: float
    heartbeat: float
    machine: str | None
    fence: int
    alive: bool
    question: Json | None = None

    @property
    def blocks(self) -> str:
        """The holder in words: process, place, time."""
        since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.since))
        state = "is running" if self.alive else "was left unfinished"
        who = f"by {self.actor} on {self.host} (process {self.pid}), since {since}"
        return f"{self.resource} belongs to {self.incident}, which {state} {who}"

    @property
    def next_step(self) -> str:
        """The remedy."""
        if self.alive:
            return f"ir status {self.incident} --follow; to stop the leak now: ir contain {self.incident}"
        return f"ir resume {self.incident}, or give it up with ir abort {self.incident}; to stop the leak now: ir contain {self.incident}"


@all_patient()
class Leases:
    """The table of leases."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._single = engine, single(engine)
        ready(engine)

    def take(self, holder: Me, incident: str, resources: Iterable[str]) -> int:
        """Take all resources or none; returns the fence.

        Raises:
            AlreadyRunning: one of them belongs to another incident (named), or a live process runs this one.
        """
        with self._engine.begin() as db:
            _lock(db)
            fence = 1
            wanted = sorted(set(resources))
            now = clock(db)
            rows = _read(db, LEASES.c.resource.in_(wanted), now)
            for row in rows:
                _refuse_of_another(db, row, incident)
                if row.executor != holder.executor and row.alive:
                    raise AlreadyRunning(row.blocks, incident=incident, next_step=row.next_step)
                fence = max(fence, row.fence + (row.executor != holder.executor))
            db.execute(sa.delete(LEASES).where(LEASES.c.resource.in_(wanted)))
            since = {row.resource: row.since for row in rows}
            times: Json = {"heartbeat": now, "fence": fence}
            held = [{"resource": name, "incident": incident, "since": since.get(name, now), **times, **holder.row} for name in wanted]
            if held:
                db.execute(sa.insert(LEASES), held)
            return fence

    def claim(self, holder: Me, incident: str, fence: int, resource: str) -> None:
        """Add one resource to those that a running incident holds; free to repeat.

        Raises:
            AlreadyRunning: it belongs to another incident (named).
        """
        with self._engine.begin() as db:
            _lock(db)
            now = clock(db)
            for row in _read(db, LEASES.c.resource == resource, now):
                _refuse_of_another(db, row, incident)
            db.execute(sa.delete(LEASES).where(LEASES.c.resource == resource))
            times: Json = {"since": now, "heartbeat": now, "fence": fence}
            db.execute(sa.insert(LEASES).values(resource=resource, incident=incident, **holder.row, **times))

    def busy(self, resources: Iterable[str]) -> Lease | None:
        """The first lease on any of these that `take` would be refused for, None when all are free; takes nothing."""
        with self._engine.connect() as db:
            rows = _read(db, LEASES.c.resource.in_(list(resources)), clock(db))
            return next((row for row in rows if not _acts_no_more(db, row)), None)

    def take_over(self, holder: Me, incident: str) -> int:
        """Take every lease of an incident whose holder is dead; returns the new fence.

        Raises:
            AlreadyRunning: its process lives.
            Refused: the incident holds no lease (it ended).
        """
        with self._engine.connect() as db:
            held = list(db.execute(sa.select(LEASES.c.resource).where(LEASES.c.incident == incident)).scalars())
        if not held:
            raise Refused(f"{incident} holds nothing any more", next_step=f"ir status {incident}")
        return self.take(holder, incident, held)

    def beat(self, holder: Me, incident: str, fence: int) -> bool:
        """Heartbeat; False when another process took over."""
        with self._single.begin() as db:
            return db.execute(sa.update(LEASES).where(_mine(holder, incident, fence)).values(heartbeat=stamp(db))).rowcount > 0

    def let_go(self, holder: Me, incident: str, fence: int) -> None:
        """Stop holding an incident that waits: its resources stay its own, but any process may take it over at once."""
        with self._single.begin() as db:
            db.execute(sa.update(LEASES).where(_mine(holder, incident, fence)).values(heartbeat=0.0, born=""))

    def release(self, incident: str) -> None:
        """Give everything back; the incident has ended."""
        with self._engine.begin() as db:
            db.execute(sa.delete(LEASES).where(LEASES.c.incident == incident))

    def holds(self, holder: Me, incident: str, fence: int) -> bool:
        """Whether an incident is still this process's own."""
        with self._single.connect() as db:
            return db.execute(_HOLDS, {"of": incident}).first() == (holder.executor, fence)

    def forgotten(self, incident: str, fence: int) -> bool:
        """Whether a lease with this fence is gone without a take-over: the database is an older one than we wrote it to."""
        holder = self.holder(incident)
        if holder is not None:
            return holder.fence < fence
        with self._single.connect() as db:  # the process that ends an incident gives its lease back
            status = db.execute(sa.select(INCIDENTS.c.status).where(INCIDENTS.c.incident == incident)).scalar()
        return status not in ACTS_NO_MORE

    def holder(self, incident: str) -> Lease | None:
        """One lease of an incident, which names its process; None when it holds nothing."""
        with self._single.connect() as db:
            return next(iter(_read(db, LEASES.c.incident == incident, None, most=1)), None)

    def alive(self, incidents: Sequence[str]) -> set[str]:
        """Those of these that a living process holds."""
        with self._single.connect() as db:
            return {row.incident for row in _read(db, LEASES.c.incident.in_(incidents), None) if row.alive} if incidents else set()


def alive(row: Mapping[Any, Any], now: float | None = None) -> bool:
    """Whether the process of a row (`tables.of_a_process`) still runs: by the kernel on this machine, else by the heartbeat.

    `now` is by the clock that wrote the heartbeat (`database.clock`); None takes this machine's. A heartbeat of the future was written by
    a server whose clock another one's has replaced: a living process writes the next one within seconds.
    """
    runs = process_table.runs(row["machine"] or "", row["pid"], row["born"]) if row["host"] == socket.gethostname() else None
    if runs is not None:
        return runs
    return bool(abs((time.time() if now is None else now) - row["heartbeat"]) < STALE)


def _read(db: sa.Connection, which: sa.ColumnElement[bool], now: float | None, *, most: int | None = None) -> list[Lease]:
    """Read rows. With `now` None, the database's clock is asked, where there is a row."""
    rows = list(db.execute(sa.select(LEASES).where(which).limit(most)).mappings())
    at = clock(db) if rows and now is None else now
    return [Lease(**{str(name): value for name, value in row.items()}, alive=alive(row, at)) for row in rows]


def _mine(holder: Me, incident: str, fence: int) -> sa.ColumnElement[bool]:
    return (LEASES.c.incident == incident) & (LEASES.c.executor == holder.executor) & (LEASES.c.fence == fence)


def _refuse_of_another(db: sa.Connection, lease: Lease, incident: str) -> None:
    if lease.incident != incident and not _acts_no_more(db, lease):
        raise AlreadyRunning(lease.blocks, incident=lease.incident, next_step=lease.next_step)


def _acts_no_more(db: sa.Connection, lease: Lease) -> bool:
    """Whether others may take its resources: it is open for debt alone, or died before its first entry or after its last."""
    status = db.execute(sa.select(INCIDENTS.c.status).where(INCIDENTS.c.incident == lease.incident)).scalar()
    return (status is None or status in ACTS_NO_MORE) and not lease.alive


def _lock(db: sa.Connection) -> None:
    if db.dialect.name == "postgresql":
        db.execute(sa.text("LOCK TABLE ir_leases IN EXCLUSIVE MODE"))
    else:
        db.execute(sa.text("BEGIN IMMEDIATE"))
