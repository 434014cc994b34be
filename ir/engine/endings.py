"""Endings: how an incident is undone, given up, closed, kept open by debts, or finished."""

from ir.core.errors import ExitCode
from ir.core.model import Debt, Did, Json
from ir.core.wording import counted
from ir.engine.recorder import Recorder
from ir.engine.signals import Signals
from ir.engine.step_attempt import UNKNOWN_TRIES, Attempts
from ir.incident import debts as debt_rules
from ir.incident.context import World
from ir.incident.record import Incident


class End(Exception):
    """The incident ends here, with this status and exit code.

    Attributes:
        accepted: of a close, the living keys that a person keeps: what a debt would be about → `{why, reason, by}`.
    """

    def __init__(self, status: str, code: ExitCode, said: str, accepted: Json | None = None) -> None:
        super().__init__(said)
        self.status, self.code, self.said, self.accepted = status, code, said, accepted


class Endings:
    """The endings of one incident."""

    def __init__(self, recorder: Recorder, attempts: Attempts, signals: Signals) -> None:
        self._recorder, self._attempts, self._signals = recorder, attempts, signals
        self._rolling = False

    @property
    def _world(self) -> World:
        return self._recorder.world

    @property
    def _record(self) -> Incident:
        return self._recorder.record

    def obey(self, signal: Json) -> None:
        """Do what a signal asks for. Raises End: it ends the incident."""
        kind = signal["kind"]
        if kind == "misuse":
            self._world.hooks.say(f"WARNING: {signal['body']['debt']['why']}; to contain the key: ir contain {self._record.id}")
        if kind == "abort":
            left = self._attempts.unplanned("leave")
            if not left.debts and "new" not in self._record.facts:
                self._attempts.unplanned("discard")  # else what we kept would block the next run
            raise End("aborted", ExitCode.DEBT, "given up; nothing more is done")
        if kind == "close" and not self._holds_the_only_copy(signal):
            raise self._closed(signal)
        if kind == "rollback" and not self._rolling:
            self.roll_back(f"{signal['actor']} asked for it")

    def roll_back(self, why: str) -> None:
        """Undo the changes. Ends the incident when that worked, returns when only the way forward is left."""
        self._rolling = True
        attempt = 0
        while True:
            attempt += 1
            outcome = self._attempts.unplanned("undo")
            if outcome.did is Did.DONE:
                self._attempts.unplanned("discard")
                raise End("rolled back", ExitCode.ROLLED_BACK, f"rolled back because: {why}")
            if outcome.did is Did.REFUSED:
                self._rolling = False
                return
            if outcome.did is Did.UNKNOWN and attempt % (UNKNOWN_TRIES + 1) != UNKNOWN_TRIES:
                self._recorder.pause(f"undo.pause#{attempt}", float(attempt))
            else:
                self._signals.park("undo", "undo", outcome)

    def clear_away(self, why: str) -> None:
        """Remove custody and stages before the record says that nothing has changed. What cannot be removed yet keeps the incident open."""
        while self._attempts.unplanned("discard").did is Did.FAILED:
            self.add_debts(debt_rules.live_keys(self._record))
            self.stay_open(f"refused: {why}; {still_to_do(len(self._record.debts))}")

    def add_debts(self, debts: list[Debt]) -> None:
        """Note what is still to do; an earlier debt about the same thing stays unchanged."""
        for debt in debts:
            self._record.debts.setdefault(debt.about, debt)

    def tidy(self) -> None:
        """End custody when death is proven or there was nothing to kill. Debts of earlier incidents are looked at first."""
        if self._record.facts.get("took_over") and not self._world.options.dry_run:
            self._attempts.unplanned("settle")
        if not any(debt_rules.needs_keys(debt) for debt in self._record.debts.values()):
            self._attempts.unplanned("discard")

    def stay_open(self, said: str) -> None:
        """End with debt, until a signal."""
        self._recorder.emit_now("ended", body=self._ending(End("debt", ExitCode.DEBT, said)))
        self._recorder.publish()
        self._signals.wait()

    def _closed(self, signal: Json) -> End:
        """Close by a person's word what cannot be proven. A key that answers is named, and counts."""
        looked = self._attempts.unplanned("close").facts.get("closed", {})
        if looked.get("needs_custody"):
            self.add_debts(debt_rules.kept(self._record))
        else:
            self._attempts.unplanned("discard")
        accepted = looked.get("accepted", {})
        said = f"attested, not proven: {signal['body'].get('reason', '')}"
        if self._record.debts or accepted:
            said += f"; {counted(len(self._record.debts), 'thing')} of what was seen cannot be attested" if self._record.debts else ""
            said += f"; kept alive: {', '.join(accepted)}" if accepted else ""
        fresh = set(accepted) - set(self._record.accepted)
        code = ExitCode.DEBT if self._record.debts or fresh else ExitCode.DONE
        return End("attested", code, said, accepted)

    def _holds_the_only_copy(self, signal: Json) -> bool:
        """Whether a new key exists in our custody alone. Closing would throw its value away and leave it alive, so closing is refused."""
        kept = signal["body"].get("accept_alive", {})
        debts = self._record.debts.values()
        waits = next((debt for debt in debts if debt.kind == debt_rules.WAITS and debt.about not in kept), None)
        if waits is not None:
            self._world.hooks.say(f"WARNING: not closed, for its custody would be emptied: {waits.why} → {waits.todo}")
        return waits is not None

    def finish(self, end: End) -> None:
        """Record the end, and write the report."""
        if end.status == "aborted":
            self.add_debts([*debt_rules.live_keys(self._record), *debt_rules.kept(self._record)])
        if end.status in ("aborted", "attested"):
            self._record.debts = {about: debt_rules.not_resumed(self._record, debt) for about, debt in self._record.debts.items()}
        if end.status in ("aborted", "rolled back"):
            self.add_debts(debt_rules.never_looked_at(self._record))
        self._recorder.emit_after("ended", body=self._ending(end))
        if end.status != "refused":
            self._recorder.publish()

    def _ending(self, end: End) -> Json:
        debts = [debt.__dict__ for debt in self._record.debts.values()]
        kept = {} if end.accepted is None else {"accepted": end.accepted}
        return {"status": end.status, "exit_code": int(end.code), "said": end.said, "debts": debts, **kept}


def still_to_do(count: int) -> str:
    """How many debts there are, as a sentence."""
    return "1 thing is still to do" if count == 1 else f"{count} things are still to do"
