"""One process that runs children of campaigns and of the schedule, a few at a time.

A worker looks, again and again: children whose worker is dead are taken over, those that wait for a time or heard a signal go on, and
while it has room it claims new ones. It runs nothing whose lease it did not take: a claim gives the right to try, the lease decides.
The engine's queues are not used for sharing work, because any process that listens to one would run what it finds there.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import sqlalchemy as sa

from ir.core.errors import AlreadyRunning, IrError
from ir.engine.dbos_records import read_entries
from ir.engine.dbos_runner import Runner
from ir.engine.heartbeat import keep_beating
from ir.fleet import campaign_news, emergency_child
from ir.fleet.admission import POSTPONE, POSTPONED_MOST, Admission
from ir.fleet.agreed_work import Trust, Work
from ir.fleet.campaign import Child, ChildState, state_of
from ir.fleet.campaign_child import setting_of
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.emergency_child import LeftToAPerson, TakeOvers
from ir.fleet.fitness import Fitness
from ir.fleet.places import Places
from ir.fleet.waking import ENDED, Waking
from ir.incident import folding
from ir.runtime import lifecycle, worlds
from ir.runtime.app_state import State
from ir.storage.patience import Away

SLOTS = 2
"""Incidents that a worker runs together, unless it is told otherwise."""
_LOOKS_EVERY = 5.0
"""Seconds between two looks for work that others left."""
_IDLE = 0.5
"""Seconds of a wait for the end of something of ours."""
_REST = 5.0
"""Seconds of a wait from which on another incident works meanwhile."""


class Worker:
    """See above.

    Args:
        scope: whose children it runs (`campaign_tables.only`, `of_kind`).
        trust: whose word it takes about what it runs.
        tell: hears of every child that ended or waits.

    Attributes:
        looked_at: epoch seconds of the last look for children that can go on, 0 = there was none.
    """

    def __init__(
        self,
        kept: State,
        book: CampaignLedger,
        scope: sa.ColumnElement[bool],
        *,
        trust: Callable[[], Trust],
        slots: int = SLOTS,
        tell: Callable[[Child], None] = lambda _child: None,
    ) -> None:
        self.kept, self.book, self.scope, self.tell = kept, book, scope, tell
        self.places, self.waking = Places(slots), Waking(kept.index, kept.signals, kept.leases)
        self.trust, self.fitness = trust, Fitness(kept, book, trust)
        self.admission = Admission(book, scope, trust, self.fitness, tell)
        self.runner = Runner(kept.engine, kept.me, kept.leases, kept.signals)
        self._mine: dict[str, Child] = {}
        self._over: queue.Queue[str] = queue.Queue()
        self._taking = TakeOvers(kept, book, self._over.put, lambda error: self.runner.heartbeat.away(error))
        self._ready = deque[Child]()
        """Children that could go on at the last look, and had no place yet."""
        self._looked = self.looked_at = 0.0

    def run(self, *, until_idle: bool, stop: threading.Event, each_look: Callable[[], None] = lambda: None) -> None:
        """Work until told to stop, or (`until_idle`) until there is nothing to begin and nothing of ours runs.

        A stop begins nothing more and returns at once: the next worker takes over what was under way.
        """
        self.runner.launch()
        self.runner.over = self._over.put
        self.fitness.look()
        self._beat()
        gone = threading.Event()
        beating = (self._beat, lambda error: self.runner.heartbeat.away(error), gone)
        threading.Thread(target=keep_beating, args=beating, daemon=True, name="ir-worker-heartbeat").start()
        try:
            while not stop.is_set():
                self._settle_ended()
                at_rest = until_idle and not self._mine
                if time.monotonic() - self._looked > _LOOKS_EVERY or not self._looked:
                    self._looked = time.monotonic()
                    each_look()
                    self._look()
                elif at_rest:
                    self._look()
                fit = not self.fitness.look()
                began = self._go_on() + self._begin() if fit else 0
                if (
                    at_rest
                    and not began
                    and self._over.empty()
                    and not (fit and not self.fitness.said and self.book.put_off(self.admission.open))
                ):
                    return
                self._wait()
        finally:
            gone.set()
            if not self._mine:
                self.book.workers.leave(self.kept.me)

    def anything(self) -> bool:
        """Whether there is anything to begin, to go on with or to take over, without starting the engine."""
        return bool(
            self.book.queued(self.scope)
            or self.book.orphans(self.scope)
            or Waking(self.kept.index, self.kept.signals, self.kept.leases).ready(*self.book.waiting(self.scope))
        )

    # ── what others left ──

    def _look(self) -> None:
        self.looked_at = time.time()
        self._ready = deque([*self.book.orphans(self.admission.open), *self.waking.ready(*self.book.waiting(self.admission.open))])

    def _go_on(self) -> int:
        """Take up what can go on, as far as there are places; returns how much."""
        began = 0
        while self._ready and self.places.free and not self.fitness.said:
            began += self._seize(self._ready.popleft())
        return began

    def _seize(self, child: Child) -> bool:
        if child.incident in self._mine:
            return False
        work = self.admission.goes_on(child)
        if work is None or not self.book.seize(child, self.kept.me):
            return False
        self.waking.took(child)
        self._launch(replace(child, owner=self.kept.me.executor, state=ChildState.RUNNING), work)
        return True

    @contextmanager
    def _rest(self, child: Child, seconds: float) -> Iterator[Callable[[], bool]]:
        """See `Hooks.resting`."""
        if seconds < _REST:
            yield lambda: False
            return
        self.book.mark(child, ChildState.RESTING)
        with self.places.resting(child.incident):
            yield lambda: self.places.idle
        self.book.mark(child, ChildState.RUNNING)

    # ── beginning ──

    def _begin(self) -> int:
        """Begin what is new, as far as there are places; returns how much."""
        began = 0
        while self.places.free and not self.fitness.said and self.book.queued(self.admission.open):
            child = self.book.claim(self.kept.me, lifecycle.new_id(self.kept.index), self.admission.open)
            if child is None:
                return began
            work = self.admission.begins(child)
            if work is not None:
                began += 1
                self._launch(child, work)
        return began

    def _launch(self, child: Child, work: Work) -> None:
        """Run a claimed child, from its present state on. An incident that the index does not list has no entries."""
        self._mine[child.incident] = child
        self.places.take(child.incident)
        row = self.kept.index.find(child.incident)
        if row is not None and row.status in ENDED:
            self._over.put(child.incident)
            return
        try:
            entries = read_entries(self.kept.engine, child.incident) if row is not None else []
            if work.changed is not None:
                raise work.changed
            setting = setting_of(child, work.row)
            given = worlds.ProcessContext(
                lifecycle.Unattended(self.kept.me.actor, yes=setting.options.yes),
                _taken_over,
                say=worlds.quiet,
                resting=partial(self._rest, child),
                handed={} if entries else work.stores,
                patient=False,
            )
            if entries:
                record = folding.fold(entries)
                emergency_child.may_go_on(self.book, child, setting, record, self.trust())
                agrees = setting.options.yes and not record.opened["options"].get("yes")  # it takes over what somebody else began
                lifecycle.go_on(record, self.kept, self.runner, given, "wake", {"yes": True} if agrees else {})
            elif not self._taking.begins(child, setting):
                lifecycle.begin(setting, self.kept, self.runner, given)
        except AlreadyRunning as error:
            self._blocked(child, error)
        except Away:
            raise
        except LeftToAPerson as error:
            self._ended(child, ChildState.WAITING, error.what, 4)
        except IrError as error:
            self._ended(child, ChildState.REFUSED, error.what, int(error.exit_code))
        except Exception as error:  # noqa: BLE001 - one child that cannot be run must not end every worker that tries it
            self._ended(child, ChildState.FAILED, f"unexpected {type(error).__name__}: ir resume {child.incident}", 1)

    def _blocked(self, child: Child, error: AlreadyRunning) -> None:
        """Another process has the key, a store object, or the incident itself: try later again, but not for ever."""
        if error.incident == child.incident:
            self._ended(child, ChildState.WAITING, error.what, 4)
        elif child.postponed < POSTPONED_MOST:
            self._drop(child)
            self.book.settle(child, ChildState.QUEUED, said=error.what, postpone=POSTPONE)
            self.tell(replace(child, state=ChildState.QUEUED, said=f"put off: {error.what}"))
        else:
            self._ended(child, ChildState.REFUSED, f"{error.what}; {error.next_step}", 3)

    # ── ending ──

    def _settle_ended(self) -> None:
        while not self._over.empty():
            child = self._mine.get(self._over.get())
            if child is None:
                continue
            if taken := self._taking.result(child):
                self._ended(child, taken.state, taken.said, taken.exit_code, taken.incident)
                continue
            row = self.kept.index.find(child.incident)
            if row is None or row.status == "running":
                self._ended(child, ChildState.FAILED, f"it stopped unexpectedly: ir resume {child.incident}", 1)
            else:
                self._ended(child, state_of(row), str(row.summary.get("said", "")), row.exit_code)

    def _ended(self, child: Child, state: ChildState, said: str, code: int, joins: str = "") -> None:
        said = said.split("\n")[0][:300]
        self._drop(child)
        self.book.settle(child, state, said=said, exit_code=code, joins=joins)
        self.tell(replace(child, state=state, said=said, exit_code=code, incident=joins or child.incident))
        if (self.book.campaign(child.campaign) or {}).get("status") != "running":
            campaign_news.tell(self.kept, self.book, child, self.trust)

    def _drop(self, child: Child) -> None:
        self._mine.pop(child.incident, None)
        self.places.leave(child.incident)

    def _wait(self) -> None:
        """Wait until something of ours ended, or a moment has passed."""
        try:
            self._over.put(self._over.get(timeout=_IDLE))
        except queue.Empty:
            return

    def _beat(self) -> None:
        self.book.workers.beat(self.kept.me, self.fitness.said)
        self.kept.budget.workers = max(1, len(self.book.workers.living()))


def _taken_over(_incident: str) -> None:
    os._exit(70)  # we were silent for so long that another worker goes on: each further act of ours would be done twice
