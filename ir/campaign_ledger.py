"""Campaigns, their children and the workers that run them: three more tables in the database of the leases.

The same rules as there: what must not be done twice is decided in one transaction under a lock. A child belongs to the worker that
claimed it until that worker lets it go or is dead. A scheduled child carries its due date; a date is begun once.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ir.campaign import Child, ChildState, Limits, must_pause, next_child, over
from ir.ledger import Ledger, Me, clock, create_tables
from ir.model import Json

_meta = sa.MetaData()
_campaigns = sa.Table(
    "ir_campaigns",
    _meta,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("said", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("about", sa.JSON, nullable=False),
    sa.Column("forgiven", sa.Integer, nullable=False),
)
_children = sa.Table(
    "ir_children",
    _meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.String, nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("named", sa.String, nullable=False, index=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("stores", sa.JSON, nullable=False),
    sa.Column("objects", sa.JSON, nullable=False),
    sa.Column("canary", sa.Boolean, nullable=False),
    sa.Column("incident", sa.String, nullable=False, index=True),
    sa.Column("due", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("said", sa.String, nullable=False),
    sa.Column("exit_code", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
    sa.Column("postponed", sa.Integer, nullable=False),
    sa.Column("began_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float, nullable=False),
    sa.Column("once", sa.String, unique=True),
    sa.Column("setting", sa.JSON, nullable=False),
)
_workers = sa.Table(
    "ir_workers",
    _meta,
    sa.Column("executor", sa.String, primary_key=True),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("born", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
)
_SHOWN = [column for column in _children.c if column.name not in ("setting", "once")]
FORGOTTEN = 86400.0
"""Seconds after which a worker that fell silent is struck off."""

Due = Callable[[list[Child], float], Sequence[tuple[Child, Json]]]
"""Scheduled children so far and the time → those that are to be begun now, each with its setting."""


class CampaignLedger:
    """See above. All times are by the database's clock."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        create_tables(engine, _meta)

    # ── campaigns ──

    def open(self, name: str, kind: str, actor: str, limits: Limits, about: Json, children: Sequence[tuple[Child, Json]]) -> None:
        """Write a campaign (`kind`: `campaign` | `schedule`) with its children and the setting of each."""
        with self.engine.begin() as db:
            self._insert(db, name, kind, actor, limits, about, children)

    def open_due(
        self, name: str, actor: str, limits: Limits, due: Callable[[list[Child], float], Sequence[tuple[Child, Json]]]
    ) -> list[Child]:
        """Ask `due` what the schedule says, given all scheduled children so far and the time, and write it, in one transaction."""
        with self.engine.begin() as db:
            self._lock(db)
            before = self._rows(db, _children.c.due > 0)
            found = due(before, clock(db))
            if not found:
                return []
            self._insert(db, name, "schedule", actor, limits, {}, found)
            return self._rows(db, _children.c.campaign == name)

    def _insert(
        self, db: sa.Connection, name: str, kind: str, actor: str, limits: Limits, about: Json, children: Sequence[tuple[Child, Json]]
    ) -> None:
        head = {"campaign": name, "kind": kind, "status": "running", "said": "", "actor": actor, "created_at": clock(db), "forgiven": 0}
        db.execute(sa.insert(_campaigns).values(**head, limits=asdict(limits), about=about))
        rows = []
        for child, setting in children:
            row = {**asdict(child), "campaign": name, "state": child.state.value, "setting": setting}
            row.pop("id")
            row["stores"], row["objects"] = list(child.stores), list(child.objects)
            row["once"] = f"{child.named} {child.due} {child.attempt}" if child.due else None
            rows.append(row)
        db.execute(sa.insert(_children), rows)

    def campaigns(self) -> list[Json]:
        """All of them, newest first."""
        with self.engine.connect() as db:
            return [dict(row) for row in db.execute(sa.select(_campaigns).order_by(_campaigns.c.created_at.desc())).mappings()]

    def campaign(self, name: str) -> Json | None:
        """One of them: `{campaign, kind, status, said, actor, created_at, limits, about, forgiven}`."""
        with self.engine.connect() as db:
            row = db.execute(sa.select(_campaigns).where(_campaigns.c.campaign == name)).mappings().first()
        return dict(row) if row else None

    def say(self, name: str, status: str, said: str) -> None:
        """Pause or resume one; a resumed one forgives the failures so far."""
        with self.engine.begin() as db:
            self._lock(db)
            values: Json = {"status": status, "said": said}
            if status == "running":
                failed = [row for row in self._rows(db, _children.c.campaign == name) if row.state.value in ("debt", "failed", "refused")]
                values["forgiven"] = len(failed)
            db.execute(sa.update(_campaigns).where(_campaigns.c.campaign == name).values(**values))

    # ── children ──

    def children(self, name: str = "") -> list[Child]:
        """Of one campaign, or of all."""
        with self.engine.connect() as db:
            return self._rows(db, _children.c.campaign == name if name else sa.true())

    def scheduled(self) -> tuple[list[Child], float]:
        """All children that carry a due date, and the time."""
        with self.engine.connect() as db:
            return self._rows(db, _children.c.due > 0), clock(db)

    def setting(self, child: Child) -> Json:
        """What its incident is wired from: `{text, name, base, key, plan, options}`."""
        with self.engine.connect() as db:
            found: Json = db.execute(sa.select(_children.c.setting).where(_children.c.id == child.id)).scalar_one()
        return found

    def claim(self, me: Me, incident: str, scope: sa.ColumnElement[bool]) -> Child | None:
        """Take the next child that may begin, if any; its incident shall be called `incident`."""
        with self.engine.begin() as db:
            self._lock(db)
            now = clock(db)
            for row in list(db.execute(sa.select(_campaigns).where((_campaigns.c.status == "running") & scope)).mappings()):
                children = self._rows(db, _children.c.campaign == row["campaign"])
                found = next_child(children, Limits(**row["limits"]), now, gated=row["kind"] == "campaign")
                if found is None:
                    continue
                values: Json = {"state": ChildState.RUNNING.value, "owner": me.executor, "incident": found.incident or incident}
                values["began_at"] = found.began_at or now
                db.execute(sa.update(_children).where(_children.c.id == found.id).values(**values))
                return self._rows(db, _children.c.id == found.id)[0]
        return None

    def orphans(self, scope: sa.ColumnElement[bool]) -> list[Child]:
        """Children under way whose worker is dead."""
        with self.engine.connect() as db:
            now = clock(db)
            alive = {row["executor"] for row in db.execute(sa.select(_workers)).mappings() if Ledger.alive(row, now)}
            rows = self._rows(db, (_children.c.state == ChildState.RUNNING.value) & self._within(scope))
        return [row for row in rows if row.owner not in alive]

    def queued(self, scope: sa.ColumnElement[bool]) -> list[Child]:
        """Children that nobody has begun."""
        with self.engine.connect() as db:
            return self._rows(db, (_children.c.state == ChildState.QUEUED.value) & self._within(scope & (_campaigns.c.status == "running")))

    def waiting(self, scope: sa.ColumnElement[bool]) -> tuple[list[Child], float]:
        """Children that wait or owe, and the time."""
        states = (ChildState.WAITING.value, ChildState.DEBT.value)
        with self.engine.connect() as db:
            return self._rows(db, _children.c.state.in_(states) & self._within(scope)), clock(db)

    def seize(self, child: Child, me: Me) -> bool:
        """Make a child ours that still is as we saw it; False when somebody was faster."""
        seen = (_children.c.id == child.id) & (_children.c.state == child.state.value) & (_children.c.owner == child.owner)
        with self.engine.begin() as db:
            values = {"state": ChildState.RUNNING.value, "owner": me.executor}
            return db.execute(sa.update(_children).where(seen).values(**values)).rowcount > 0

    def settle(self, child: Child, state: ChildState, *, said: str = "", exit_code: int = 4, postpone: float = 0.0) -> None:
        """Write how a child of ours stands now, and what that means for its campaign; `postpone`: seconds until it may begin again."""
        with self.engine.begin() as db:
            self._lock(db)
            now = clock(db)
            ended = 0.0 if state in (ChildState.QUEUED, ChildState.RUNNING, ChildState.WAITING) else now
            values: Json = {"state": state.value, "said": said, "exit_code": exit_code, "ended_at": ended}
            if postpone:
                values |= {"incident": "", "not_before": now + postpone, "postponed": child.postponed + 1}
            mine = (_children.c.id == child.id) & (_children.c.owner == child.owner)
            db.execute(sa.update(_children).where(mine).values(**values))
            self._judge(db, child.campaign)

    def _judge(self, db: sa.Connection, name: str) -> None:
        row = db.execute(sa.select(_campaigns).where(_campaigns.c.campaign == name)).mappings().one()
        children = self._rows(db, _children.c.campaign == name)
        gated = row["kind"] == "campaign"
        why = must_pause(children, Limits(**row["limits"]), row["forgiven"], gated=gated) if gated else ""
        values: Json = {}
        if over(children):
            values = {"status": "done", "said": ""}
        elif why and row["status"] == "running":
            values = {"status": "paused", "said": why}
        if values:
            db.execute(sa.update(_campaigns).where(_campaigns.c.campaign == name).values(**values))

    # ── workers ──

    def beat(self, me: Me) -> None:
        """This worker lives."""
        with self.engine.begin() as db:
            now = clock(db)
            if db.execute(sa.update(_workers).where(_workers.c.executor == me.executor).values(heartbeat=now)).rowcount == 0:
                row = {"executor": me.executor, "host": me.host, "pid": me.pid, "born": me.born, "actor": me.actor}
                db.execute(sa.insert(_workers).values(**row, since=now, heartbeat=now))
                db.execute(sa.delete(_workers).where(_workers.c.heartbeat < now - FORGOTTEN))

    def leave(self, me: Me) -> None:
        """This worker goes."""
        with self.engine.begin() as db:
            db.execute(sa.delete(_workers).where(_workers.c.executor == me.executor))

    def workers(self) -> list[Json]:
        """Those that live: `{executor, host, pid, actor, since, heartbeat}`."""
        with self.engine.connect() as db:
            now = clock(db)
            return [dict(row) for row in db.execute(sa.select(_workers)).mappings() if Ledger.alive(row, now)]

    # ── the tables ──

    def _rows(self, db: sa.Connection, where: sa.ColumnElement[bool]) -> list[Child]:
        return [_child(row) for row in db.execute(sa.select(*_SHOWN).where(where).order_by(_children.c.id)).mappings()]

    def _within(self, scope: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return _children.c.campaign.in_(sa.select(_campaigns.c.campaign).where(scope))

    def _lock(self, db: sa.Connection) -> None:
        if db.dialect.name == "postgresql":
            db.execute(sa.text("LOCK TABLE ir_children IN SHARE ROW EXCLUSIVE MODE"))
        else:
            db.execute(sa.text("BEGIN IMMEDIATE"))


def only(campaign: str) -> sa.ColumnElement[bool]:
    """The scope of one campaign."""
    return _campaigns.c.campaign == campaign


def of_kind(*kinds: str) -> sa.ColumnElement[bool]:
    """The scope of campaigns of these kinds."""
    return _campaigns.c.kind.in_(kinds)


def _child(row: Any) -> Child:
    found = {**row, "state": ChildState(row["state"]), "stores": tuple(row["stores"]), "objects": tuple(row["objects"])}
    return Child(**found)
