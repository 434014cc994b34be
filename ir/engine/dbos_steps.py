"""Steps, entries and signals of one incident, recorded by the engine and in tables of ours."""

import threading
from collections.abc import Callable

import sqlalchemy as sa
from dbos import DBOS

from ir.core.model import Json
from ir.evidence import audit_log
from ir.storage.patience import Away
from ir.storage.signal_log import SignalLog


class HandedBack(BaseException):
    """Ends the thread of an incident that waits or broke off. The engine records only an `Exception`, so the incident looks killed."""


class RecordedSteps:
    """`recorder.Durable`: steps on DBOS, entries and signals in tables of ours.

    Args:
        patient: whether a wait for a signal stays in this process; else the incident is handed back.
        broken: incident → the reason why it broke off in this process; written here.
    """

    def __init__(self, incident: str, engine: sa.Engine, signals: SignalLog, *, patient: bool, broken: dict[str, str]) -> None:
        self._incident, self._engine, self._signals, self._patient, self._broken = incident, engine, signals, patient, broken

    def step(self, name: str, body: Callable[[], Json]) -> Json:
        """See `recorder.Durable`."""

        def whole() -> Json:
            try:
                return body()
            except Away as error:  # recorded as a failure it would be final
                self._broken[self._incident] = error.what
                raise HandedBack from None

        return DBOS.run_step({"name": name}, whole)

    def emit(self, entry: Json) -> Json | None:
        """See `recorder.Durable`."""
        return audit_log.append(self._engine, entry)

    def signals(self, after: int) -> list[Json]:
        """See `recorder.Durable`."""
        return self._signals.sent(self._incident, after)

    def newest_signal(self) -> int:
        """See `recorder.Durable`."""
        return self._signals.latest()

    def await_signal(self, after: int) -> list[Json]:
        """See `recorder.Durable`."""
        pause = threading.Event()
        while True:
            found = self.signals(after)
            if found:
                return found
            if not self._patient:
                raise HandedBack
            pause.wait(0.2)
