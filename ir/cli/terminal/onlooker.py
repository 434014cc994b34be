"""Watch an incident that another process runs: its steps as they come, its open question, and where allowed, the answer."""

import time

from ir.cli.terminal.operator import Terminal
from ir.core.model import Outcome
from ir.engine.dbos_records import read_entries
from ir.incident import deadlines, folding, signal_words, standing
from ir.incident.record import Incident
from ir.runtime.app_state import State
from ir.storage.leases import Lease

_EACH = 0.3
"""Seconds between looks."""


def look_on(operator: Terminal, kept: State, name: str, *, answer: bool = False) -> Incident:
    """Show steps until the incident ends, waits, has debts, or its process is gone.

    With `answer` a wait for a person's step may be answered here; its process then looks again, and is looked at further.
    """
    shown, answered = 0, 0
    first = folding.fold(read_entries(kept.engine, name))
    for clock in deadlines.countdown(deadlines.rows(first), time.time()):
        operator.screen.warn(f"  still to do: {clock}")
    while True:
        entries = read_entries(kept.engine, name)
        for entry in entries[shown:]:
            if entry["kind"] == "step":
                operator.screen.step(entry["step"], Outcome.from_json(entry["body"]["outcome"]))
            if entry["kind"] == "word":
                operator.screen.say(f"  {entry['actor']}: {signal_words.did(entry['body']['kind'])}")
        shown = len(entries)
        record = folding.fold(entries)
        holder = kept.leases.holder(name)
        if record.ended or holder is None or not holder.alive:
            return record
        if record.status == "waiting" and not kept.signals.sent(name, record.heard):
            if answered == shown or not answer or not _answer(operator, kept, record, holder):
                return record
            answered = shown
        time.sleep(_EACH)


def _answer(operator: Terminal, kept: State, record: Incident, holder: Lease) -> bool:
    """Ask here what its process asks there; False when no person here may answer. The first answer wins, and the other terminal is told."""
    if not operator.interactive or standing.asks(record).get("action") == "approve":
        return False
    operator.ask(f"{holder.actor} is asked the same (process {holder.pid}). Press Enter when it is done, Ctrl-C to leave.")
    sent = kept.signals.sent(record.id, record.heard)
    if sent:
        operator.screen.say(f"{sent[0]['actor']} has answered already")
    else:
        kept.signals.send(record.id, "wake", operator.name)
    return True
