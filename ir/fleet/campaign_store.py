"""Campaigns and their children, beside the workers that run them (`worker_list`): three more tables in the database of the leases.

The same rules as there: what must not be done twice is decided in one transaction under a lock. A child belongs to the worker that
claimed it until that worker lets it go or is dead. A scheduled child carries its due date; a date is begun once.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ir.core.model import Json
from ir.fleet.campaign import FAILURES, KEPT, Child, ChildState, Limits, must_pause, next_child
from ir.fleet.campaign_tables import CAMPAIGNS, CHILDREN, META, SHOWN, WORKERS, child_of, row_of
from ir.fleet.worker_list import WorkerList
from ir.storage.database import clock, create_tables, single
from ir.storage.leases import alive
from ir.storage.patience import all_patient
from ir.storage.process_identity import Me

_KEPT = tuple(state.value for state in KEPT)
_UNDER_WAY = (*_KEPT, ChildState.WAITING.value)
_FIRST = 40
"""The number of queued children that a claim looks at before it looks at all of them."""

Due = Callable[[list[Child], float], Sequence[tuple[Child, Json]]]
"""Scheduled children so far and the time → those that are to be begun now, each with its setting."""


@all_patient("open")
class CampaignLedger:
    """See above. All times are by the database's clock."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._single = single(engine)
        create_tables(engine, META)
        self.workers = WorkerList(engine)

    # ── campaigns ──

    def open(self, name: str, kind: str, actor: str, limits: Limits, about: Json, children: Sequence[tuple[Child, Json]]) -> None:
        """Write a campaign (`kind`: `campaign` | `schedule`) with its children and the setting of each."""
        with self.engine.begin() as db:
            self._insert(db, name, kind, actor, limits, about, children)

    def open_due(self, name: str, actor: str, limits: Limits, due: Due) -> list[Child]:
        """Ask `due` what the schedule says, given all scheduled children so far and the time, and write it, in one transaction."""
        with self.engine.begin() as db:
            self._lock(db)
            before = self._rows(db, CHILDREN.c.due > 0)
            found = due(before, clock(db))
            if not found:
                return []
            self._insert(db, name, "schedule", actor, limits, {}, found)
            return self._rows(db, CHILDREN.c.campaign == name)

    def _insert(
        self, db: sa.Connection, name: str, kind: str, actor: str, limits: Limits, about: Json, children: Sequence[tuple[Child, Json]]
    ) -> None:
        head = {"campaign": name, "kind": kind, "status": "running", "said": "", "actor": actor, "created_at": clock(db), "forgiven": 0}
        db.execute(sa.insert(CAMPAIGNS).values(**head, limits=asdict(limits), about=about))
        db.execute(sa.insert(CHILDREN), [row_of(child, name, setting) for child, setting in children])

    def campaigns(self) -> list[Json]:
        """All of them, newest first."""
        with self._single.connect() as db:
            return [dict(row) for row in db.execute(sa.select(CAMPAIGNS).order_by(CAMPAIGNS.c.created_at.desc())).mappings()]

    def campaign(self, name: str) -> Json | None:
        """One of them: `{campaign, kind, status, said, actor, created_at, limits, about, forgiven}`."""
        with self._single.connect() as db:
            row = db.execute(sa.select(CAMPAIGNS).where(CAMPAIGNS.c.campaign == name)).mappings().first()
        return dict(row) if row else None

    def say(self, name: str, status: str, said: str) -> None:
        """Pause or resume one; a resumed one forgives the failures so far."""
        with self.engine.begin() as db:
            self._lock(db)
            values: Json = {"status": status, "said": said}
            if status == "running":
                failed = (CHILDREN.c.campaign == name) & CHILDREN.c.state.in_([state.value for state in FAILURES])
                values["forgiven"] = len(self._rows(db, failed))
            db.execute(sa.update(CAMPAIGNS).where(CAMPAIGNS.c.campaign == name).values(**values))

    # ── children ──

    def children(self, name: str = "") -> list[Child]:
        """Of one campaign, or of all."""
        with self._single.connect() as db:
            return self._rows(db, CHILDREN.c.campaign == name if name else sa.true())

    def kept(self) -> list[Child]:
        """Of all campaigns, those that a process has."""
        with self._single.connect() as db:
            return self._rows(db, CHILDREN.c.state.in_(_KEPT))

    def scheduled(self) -> tuple[list[Child], float]:
        """All children that carry a due date, and the time."""
        with self._single.connect() as db:
            return self._rows(db, CHILDREN.c.due > 0), clock(db)

    def of_incident(self, incident: str) -> list[Child]:
        """Of all campaigns, those that go on with this incident."""
        with self._single.connect() as db:
            return self._rows(db, CHILDREN.c.incident == incident)

    def setting(self, child: Child) -> Json:
        """What its incident is wired from: `{text, name, base, key, plan, options}`."""
        with self._single.connect() as db:
            found: Json = db.execute(sa.select(CHILDREN.c.setting).where(CHILDREN.c.id == child.id)).scalar_one()
        return found

    def claim(self, me: Me, incident: str, scope: sa.ColumnElement[bool]) -> Child | None:
        """Take the next child that may begin, if any; its incident shall be called `incident`. Ask `queued` first: it costs less."""
        with self.engine.begin() as db:
            self._lock(db)
            at = clock(db)
            ours = (CHILDREN.c.incident == incident) & (CHILDREN.c.owner == me.executor)
            if again := self._rows(db, ours & (CHILDREN.c.state == ChildState.RUNNING.value)):
                return again[0]  # done once already, and the answer was lost
            for row in list(db.execute(sa.select(CAMPAIGNS).where((CAMPAIGNS.c.status == "running") & scope)).mappings()):
                found = self._next(db, row, at)
                if found is None:
                    continue
                values: Json = {"state": ChildState.RUNNING.value, "owner": me.executor, "incident": found.incident or incident}
                values["began_at"] = found.began_at or at
                db.execute(sa.update(CHILDREN).where(CHILDREN.c.id == found.id).values(**values))
                return self._rows(db, CHILDREN.c.id == found.id)[0]
        return None

    def _next(self, db: sa.Connection, row: Any, now: float) -> Child | None:
        """The child that may begin: of the first that are queued, else of all, so that a claim costs the same in a long campaign."""
        mine = CHILDREN.c.campaign == row["campaign"]
        begun = self._rows(db, mine & (CHILDREN.c.state.in_(_UNDER_WAY) | (CHILDREN.c.canary & (CHILDREN.c.state != "done"))))
        known = {child.id for child in begun}
        queued = sa.select(*SHOWN).where(mine & (CHILDREN.c.state == ChildState.QUEUED.value)).order_by(CHILDREN.c.position)
        limits, gated = Limits(**row["limits"]), row["kind"] == "campaign"
        for query in (queued.where(CHILDREN.c.not_before <= now).limit(_FIRST), queued):
            waiting = [child_of(one) for one in db.execute(query).mappings()]
            found = next_child([*begun, *(child for child in waiting if child.id not in known)], limits, now, gated=gated)
            if found is not None or len(waiting) < _FIRST:
                return found
        return None

    def orphans(self, scope: sa.ColumnElement[bool]) -> list[Child]:
        """Children under way whose worker is dead."""
        with self._single.connect() as db:  # children first: who begins one meanwhile had said before that he lives
            rows = self._rows(db, CHILDREN.c.state.in_(_KEPT) & self._within(scope))
            workers = list(db.execute(sa.select(WORKERS)).mappings()) if rows else []
            at = clock(db)
        living = {row["executor"] for row in workers if alive(row, at)}
        return [row for row in rows if row.owner not in living]

    def queued(self, scope: sa.ColumnElement[bool]) -> bool:
        """Whether there are children that no worker has begun, in a campaign that is not paused."""
        there = (CHILDREN.c.state == ChildState.QUEUED.value) & self._within(scope & (CAMPAIGNS.c.status == "running"))
        with self._single.connect() as db:
            return db.execute(sa.select(CHILDREN.c.id).where(there).limit(1)).first() is not None

    def waiting(self, scope: sa.ColumnElement[bool]) -> tuple[list[Child], float]:
        """Children that wait or have debts, and the time."""
        states = (ChildState.WAITING.value, ChildState.DEBT.value)
        with self._single.connect() as db:
            return self._rows(db, CHILDREN.c.state.in_(states) & self._within(scope)), clock(db)

    def seize(self, child: Child, me: Me) -> bool:
        """Take a child that is still as we saw it; False when another worker was faster."""
        seen = (CHILDREN.c.id == child.id) & (CHILDREN.c.state == child.state.value) & (CHILDREN.c.owner == child.owner)
        with self._single.begin() as db:
            values = {"state": ChildState.RUNNING.value, "owner": me.executor}
            if db.execute(sa.update(CHILDREN).where(seen).values(**values)).rowcount > 0:
                return True
            ours = (CHILDREN.c.id == child.id) & (CHILDREN.c.state == ChildState.RUNNING.value) & (CHILDREN.c.owner == me.executor)
            return bool(self._rows(db, ours))  # done once already, and the answer was lost

    def mark(self, child: Child, state: ChildState) -> None:
        """A child that we keep works, or waits for a time."""
        kept = (CHILDREN.c.id == child.id) & (CHILDREN.c.owner == child.owner) & CHILDREN.c.state.in_(_KEPT)
        with self._single.begin() as db:
            db.execute(sa.update(CHILDREN).where(kept).values(state=state.value))

    def put_off(self, scope: sa.ColumnElement[bool]) -> bool:
        """Whether there are children that could not begin a moment ago and will be tried again soon."""
        there = (CHILDREN.c.state == ChildState.QUEUED.value) & (CHILDREN.c.postponed > 0)
        with self._single.connect() as db:
            open_ = self._within(scope & (CAMPAIGNS.c.status == "running"))
            query = sa.select(CHILDREN.c.id).where(there & open_ & (CHILDREN.c.not_before > clock(db))).limit(1)
            return db.execute(query).first() is not None

    def settle(
        self, child: Child, state: ChildState, *, said: str = "", exit_code: int = 4, postpone: float = 0.0, joins: str = ""
    ) -> None:
        """Write the state of a child of ours and its effect on the campaign.

        `postpone`: seconds until it may begin again; `joins`: the incident that it goes on with, "" = its own.
        """
        with self.engine.begin() as db:
            self._lock(db)
            at = clock(db)
            ended = 0.0 if state in (ChildState.QUEUED, *KEPT, ChildState.WAITING) else at
            values: Json = {"state": state.value, "said": said, "exit_code": exit_code, "ended_at": ended}
            if postpone:
                values |= {"incident": "", "not_before": at + postpone, "postponed": child.postponed + 1}
            values |= {"incident": joins} if joins else {}
            mine = (CHILDREN.c.id == child.id) & (CHILDREN.c.owner == child.owner)
            db.execute(sa.update(CHILDREN).where(mine).values(**values))
            self._judge(db, child.campaign)

    def _judge(self, db: sa.Connection, name: str) -> None:
        row = db.execute(sa.select(CAMPAIGNS).where(CAMPAIGNS.c.campaign == name)).mappings().one()
        ended = (ChildState.DONE, *FAILURES)
        unfinished = (CHILDREN.c.campaign == name) & CHILDREN.c.state.not_in([state.value for state in ended])
        failed = self._rows(db, (CHILDREN.c.campaign == name) & CHILDREN.c.state.in_([state.value for state in FAILURES]))
        why = must_pause(failed, Limits(**row["limits"]), row["forgiven"]) if row["kind"] == "campaign" else ""
        values: Json = {}
        if db.execute(sa.select(CHILDREN.c.id).where(unfinished).limit(1)).first() is None:
            values = {"status": "done", "said": ""}
        elif why and row["status"] == "running":
            values = {"status": "paused", "said": why}
        if values:
            db.execute(sa.update(CAMPAIGNS).where(CAMPAIGNS.c.campaign == name).values(**values))

    def retry(self, name: str, keys: Sequence[str] = ()) -> list[str]:
        """Queue the children of a campaign again that were refused or failed, all or those of `keys`; returns their keys."""
        again = [state.value for state in (ChildState.REFUSED, ChildState.FAILED)]
        with self.engine.begin() as db:
            self._lock(db)
            rows = self._rows(db, (CHILDREN.c.campaign == name) & CHILDREN.c.state.in_(again))
            chosen = [row for row in rows if not keys or row.key in keys]
            values: Json = {"state": ChildState.QUEUED.value, "incident": "", "owner": "", "said": "", "exit_code": 4}
            values |= {"not_before": 0.0, "postponed": 0, "began_at": 0.0, "ended_at": 0.0}
            for row in chosen:
                db.execute(sa.update(CHILDREN).where(CHILDREN.c.id == row.id).values(**values))
        return [row.key for row in chosen]

    # ── the tables ──

    def _rows(self, db: sa.Connection, where: sa.ColumnElement[bool]) -> list[Child]:
        return [child_of(row) for row in db.execute(sa.select(*SHOWN).where(where).order_by(CHILDREN.c.id)).mappings()]

    def _within(self, scope: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return CHILDREN.c.campaign.in_(sa.select(CAMPAIGNS.c.campaign).where(scope))

    def _lock(self, db: sa.Connection) -> None:
        if db.dialect.name == "postgresql":
            db.execute(sa.text("LOCK TABLE ir_children IN SHARE ROW EXCLUSIVE MODE"))
        else:
            db.execute(sa.text("BEGIN IMMEDIATE"))
