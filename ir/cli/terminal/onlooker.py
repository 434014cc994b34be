"""Watch an incident that another process runs: its steps as they come, its open question, and where allowed, the answer."""

import time
from collections.abc import Callable, Sequence

from ir.cli.terminal.operator import Terminal
from ir.core.model import Json, Outcome
from ir.engine.dbos_records import read_entries
from ir.incident import deadlines, folding, signal_words, standing_facts
from ir.incident.record import Incident
from ir.runtime.app_state import State
from ir.storage.leases import Lease
from ir.storage.open_questions import OpenQuestion

Answers = Callable[[Incident, OpenQuestion], None]
"""Asks a person here what is asked at another terminal, and sends the answer; called once for each question."""
_EACH = 0.3
"""Seconds between looks."""


def look_on(operator: Terminal, kept: State, name: str, *, answers: Answers | None = None) -> Incident:
    """Show steps and questions until the incident ends, waits, has debts, or its process is gone.

    With `answers`, a person here may answer: a wait for a person's step, after which its process looks again, and what `answers` takes.
    """
    shown, answered, asked = 0, 0, 0.0
    first = folding.fold(read_entries(kept.engine, name))
    for clock in deadlines.countdown(deadlines.rows(first), time.time()):
        operator.screen.warn(f"  still to do: {clock}")
    while True:
        entries = read_entries(kept.engine, name)
        _show(operator, entries[shown:])
        shown = len(entries)
        record = folding.fold(entries)
        holder = kept.leases.holder(name)
        if record.ended or holder is None or not holder.alive:
            return record
        question = kept.questions.of(name) if record.status != "waiting" else None
        if question is not None and question.since != asked:
            asked = question.since
            operator.screen.say(f"  {holder.actor} is asked, at the terminal of process {holder.pid}: {question.said}")
            if answers is not None:
                answers(record, question)
        if record.status == "waiting" and not kept.signals.sent(name, record.heard):
            if answered == shown or answers is None or not _woken(operator, kept, record, holder):
                return record
            answered = shown
        time.sleep(_EACH)


def _show(operator: Terminal, entries: Sequence[Json]) -> None:
    for entry in entries:
        if entry["kind"] == "step":
            operator.screen.step(entry["step"], Outcome.from_json(entry["body"]["outcome"]))
        if entry["kind"] == "word":
            operator.screen.say(f"  {entry['actor']}: {signal_words.did(entry['body']['kind'])}")


def _woken(operator: Terminal, kept: State, record: Incident, holder: Lease) -> bool:
    """Ask here what its process asks there; False when no person here may answer. The first answer wins, and the other terminal is told."""
    if not operator.interactive or standing_facts.asks(record).get("action") == "approve":
        return False

    def spoken() -> str:
        return next((str(row["actor"]) for row in kept.signals.sent(record.id, record.heard)), "")

    asks = f"{holder.actor} is asked the same (process {holder.pid}). Press Enter when it is done, Ctrl-C to leave."
    if not operator.pause(asks, spoken):
        return False
    if by := spoken():
        operator.screen.say(f"{by} has answered already")
    else:
        kept.signals.send(record.id, "wake", operator.name)
    return True
