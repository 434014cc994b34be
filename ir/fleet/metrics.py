"""The metrics of a worker about its keys and about itself, in Prometheus' format. Labels are closed lists: no key, no store, no host.

It is measured when the worker looks, from the database and in its own thread; a scrape reads what was seen last, so that one that hangs or
comes often costs the work nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from ir.core.model import Json
from ir.fleet.campaign import Child, ChildState
from ir.fleet.due import Row
from ir.fleet.schedule import When
from ir.incident import earlier_debts
from ir.incident.action_catalog import ACTIONS
from ir.storage.incident_index import IncidentRow

FRESH = 120.0
"""Seconds after a worker's last look at itself from which on it is not healthy any more, whatever it said then."""
_COME = (When.DUE, When.CLOSED, When.AGAIN, When.BLOCKED)
_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


def _gauge(made: "Metrics", name: str, words: str) -> Gauge:
    return Gauge(f"ir_{name}", words, registry=made.registry)


@dataclass
class Metrics:
    """Of one worker.

    Attributes:
        said: why the worker takes nothing, "" = it is fit.
    """

    registry: CollectorRegistry = field(default_factory=lambda: CollectorRegistry(auto_describe=True))
    now: Callable[[], float] = time.time
    said: str = "it has not looked yet"
    looked_at: float = 0.0
    _observed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fit = _gauge(self, "worker_fit", "1: the worker takes keys; 0: it takes nothing, see /healthz")
        self._look = _gauge(self, "last_look_timestamp_seconds", "when the worker looked for work last")
        self._working = Gauge("ir_incidents", "incidents of this worker", ["state"], registry=self.registry)
        self._waiting = Gauge("ir_waiting", "incidents that wait, of all workers", ["for"], registry=self.registry)
        self._debts = _gauge(self, "debts", "things that are still to do, of all incidents")
        self._keys = Gauge("ir_keys", "keys of the inventory with rotate_every", ["state"], registry=self.registry)
        self._oldest = _gauge(self, "oldest_key_age_seconds", "age of the key that was rotated longest ago, of those whose age is known")
        self._unknown = _gauge(self, "keys_of_unknown_age", "keys with rotate_every of which no rotation is on record")
        self._seconds = Histogram("ir_step_seconds", "seconds that a step took", ["action"], buckets=_BUCKETS, registry=self.registry)
        for state in ("running", "resting"):
            self._working.labels(state).set(0)

    def page(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self.registry)

    def healthy(self) -> str:
        """The reason why it is unhealthy, "" = it is healthy."""
        late = self.now() - self.looked_at
        return self.said or (f"it has not looked for work for {late:.0f} s" if late > FRESH else "")

    # ── what is told ──

    def look(self, said: str, mine: Sequence[Child], index: Sequence[IncidentRow]) -> None:
        """A worker has looked: `said` why it takes nothing, `mine` its children, `index` all incidents."""
        self.said, self.looked_at = said, self.now()
        self._fit.set(not said)
        self._look.set(self.looked_at)
        for state in (ChildState.RUNNING, ChildState.RESTING):
            self._working.labels(state.value).set(sum(child.state is state for child in mine))
        waits = [row for row in index if row.status == "waiting"]
        timed = sum(bool(row.summary.get("wake_at")) for row in waits)
        self._waiting.labels("time").set(timed)
        self._waiting.labels("person").set(len(waits) - timed)
        self._debts.set(len(earlier_debts.still(index)))

    def schedule(self, rows: Sequence[Row]) -> None:
        """The schedule's decision on each key."""
        self._keys.labels("all").set(len(rows))
        self._keys.labels("due").set(sum(row.decision.when in _COME for row in rows))
        self._keys.labels("overdue").set(sum(row.decision.overdue for row in rows))
        known = [row.rotated_at for row in rows if row.rotated_at]
        self._unknown.set(len(rows) - len(known))
        if known:
            self._oldest.set(max(self.now() - min(known), 0.0))

    def steps(self, incident: str, entries: Sequence[Json]) -> None:
        """The duration of each step of an incident, once."""
        before = self._observed.get(incident, 0)
        for entry in entries[before:]:
            action = str(entry["body"].get("action", ""))
            if entry["kind"] == "step" and action in ACTIONS:
                self._seconds.labels(action).observe(max(_at(entry["at"]) - _at(entry["body"]["started"]), 0.0))
        self._observed[incident] = len(entries)


def _at(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
