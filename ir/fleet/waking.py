"""Find the waiting children that can go on: their time has come, a signal arrived, or they ended elsewhere."""

import time
from collections.abc import Sequence

from ir.fleet.campaign import Child
from ir.storage.incident_index import ACTS_NO_MORE, IncidentIndex, IncidentRow
from ir.storage.leases import Leases
from ir.storage.signal_log import SignalLog

ENDED = tuple(status for status in ACTS_NO_MORE if status != "debt")
_SAME = 60.0
"""Seconds in which a child that went on and waits for the same thing again is left alone."""


class Waking:
    """One worker's knowledge of the waiting children; three questions to the database, however many there are."""

    def __init__(self, index: IncidentIndex, signals: SignalLog, leases: Leases) -> None:
        self._index, self._signals, self._leases = index, signals, leases
        self._about: dict[str, object] = {}
        self._took: dict[str, tuple[object, float]] = {}

    def ready(self, children: Sequence[Child], now: float) -> list[Child]:
        """Children that wait or have debts and can go on at `now`; no process runs them at the moment."""
        names = [child.incident for child in children]
        rows, newest = self._index.named(names), self._signals.newest(names)
        may = [child for child in children if self._goes_on(child, rows.get(child.incident), newest.get(child.incident, 0), now)]
        held = self._leases.alive([child.incident for child in may if child.incident in rows])
        return [child for child in may if child.incident not in held]

    def took(self, child: Child) -> None:
        """Note that this process runs it now."""
        self._took[child.incident] = (self._about.get(child.incident), time.monotonic())

    def _goes_on(self, child: Child, row: IncidentRow | None, newest: int, now: float) -> bool:
        if row is None:
            return True
        heard, wake_at = int(row.summary.get("heard", 0)), float(row.summary.get("wake_at", 0.0))
        if not (row.status in ENDED or 0 < wake_at <= now or newest > heard):
            return False
        return not self._just_took(child, (row.status, wake_at, newest, heard))

    def _just_took(self, child: Child, about: object) -> bool:
        """Whether it was taken just now: one that does not get on would be taken again and again, before all others."""
        self._about[child.incident] = about
        before, at = self._took.get(child.incident, (None, 0.0))
        return before == about and time.monotonic() - at < _SAME
