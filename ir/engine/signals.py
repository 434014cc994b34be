"""Signals: what people and other processes send to an incident while it runs. They are waited for and recorded here."""

import time
from collections.abc import Callable

from ir.core.model import Did, Json, Outcome
from ir.engine.recorder import Recorder, iso
from ir.engine.step_attempt import Attempts

_INTERRUPTING = ("contain", "abort", "rollback", "close")
_ANYWAY = 5.0
"""Seconds after which the signals of an incident are looked up though none seems to be new: ids may become visible out of their order."""


class Signals:
    """The signals of one incident.

    Attributes:
        heard: the id of the last signal that was taken in, 0 = none was.
    """

    def __init__(self, recorder: Recorder, attempts: Attempts, obey: Callable[[Json], None], every: float) -> None:
        """`obey` does what a signal asks for, after it was recorded; `every`: seconds between two looks of `stopping`."""
        self._recorder, self._attempts, self._obey, self._every = recorder, attempts, obey, every
        self.heard = 0
        self._asked_at = self._looked_at = 0.0
        self._newest, self._called = -1, False

    def sent(self) -> list[Json]:
        """Signals that were sent and not taken in yet; asked inside recorded steps only."""
        return self._recorder.durable.signals(self.heard)

    def wait(self) -> None:
        """Wait until there is a signal, and obey it."""
        self.hear(self._recorder.step("wait", lambda: {"signals": self._recorder.durable.await_signal(self.heard)})["signals"])

    def park(self, step: str, action: str, outcome: Outcome) -> None:
        """As `wait`; the record states what it waits for."""
        if outcome.did is not Did.WAITING:
            todo = outcome.todo or f"ir resume {self._recorder.record.id} looks again"
            asked = Outcome(Did.WAITING, outcome.said, todo=todo)
            at, by = self._recorder.stamp()
            body = {"action": action, "attempt": self._attempts.number(step), "started": at, "outcome": asked.to_json()}
            self._recorder.emit("step", step=step, body=body, at=at, actor=by)
        self.wait()

    def hear(self, signals: list[Json]) -> None:
        """Record and obey each signal, in the order of sending."""
        for signal in signals:
            self.take_in(signal)
            self._obey(signal)

    def take_in(self, signal: Json) -> None:
        """Record one signal; exceptions that it accepts count from now on."""
        self.heard, self._newest = max(self.heard, int(signal["id"])), -1
        body = {**signal["body"], "kind": signal["kind"], "id": signal["id"]}
        self._recorder.emit("signal", body=body, at=iso(signal["at"]), actor=signal["actor"])
        accepts: Json = body.get("accepts", {})
        if signal["kind"] == "wake" and (accepts or body.get("yes")):
            self._recorder.accept(accepts, yes=bool(body.get("yes")))

    def stopping(self) -> bool:
        """Whether a signal that changes the plan waits to be heard. Asked often, so it is looked up at most every `every` seconds.

        And only where some incident was sent one meanwhile: many incidents that wait in one process share that question.
        """
        now = time.monotonic()
        if now - self._asked_at >= self._every:
            self._asked_at, newest = now, self._recorder.durable.newest_signal()
            if newest != self._newest or now - self._looked_at >= _ANYWAY:
                self._newest, self._looked_at = newest, now
                self._called = any(signal["kind"] in _INTERRUPTING for signal in self.sent())
        return self._called
