"""Ask about what the record of an incident would make this machine run and reach, as for a first use: it may come from elsewhere."""

import os
from pathlib import Path

from ir.cli.terminal.consent_prompt import TRUST
from ir.cli.terminal.inventory_source import HERE, VARIABLE, read
from ir.cli.terminal.operator import Terminal
from ir.core.errors import IrError, Refused
from ir.incident.record import Incident
from ir.inventory import consent
from ir.inventory.opened import Opened
from ir.runtime import record_consent
from ir.runtime.app_state import State


def ask(
    kept: State, operator: Terminal, record: Incident, places: record_consent.Places = consent.destinations, own: Opened | None = None
) -> None:
    """Go on only if this machine agreed to it: when it began the incident, by its own inventory, or now.

    Raises:
        Refused: it did not.
    """
    own = own or _own()
    if not record_consent.unagreed(kept, record, own):
        record_consent.note(kept, record.id, record.opened)
        return
    new = record_consent.unagreed(kept, record, own, places)
    if not new:
        return
    shown = "\n  ".join(new)
    what = f"{record.id} was begun on another machine, or its record was changed since, and would run or reach what is new here"
    if operator.agreed or not operator.interactive:
        why = "--yes does not agree to it" if operator.agreed else "no person is here to agree to it"
        raise Refused(
            f"{what}; {why}:\n  {shown}",
            safe="nothing was changed, none of it was run or reached",
            next_step=f"look at it, then agree at a terminal: ir resume {record.id}; or name an inventory that says so: {VARIABLE}=FILE",
        )
    operator.screen.say(f"{what}:\n  {shown}")
    if not operator.confirm(TRUST):
        raise Refused("not consented", safe="nothing was changed, none of it was run or reached")
    if places is consent.destinations:
        record_consent.note(kept, record.id, record.opened)


def unagreed(kept: State, record: Incident, places: record_consent.Places = consent.destinations) -> list[str]:
    """What of it was not agreed to on this machine; asks no question."""
    return record_consent.unagreed(kept, record, _own(), places)


def _own() -> Opened | None:
    """This machine's inventory, as workers find it. One that cannot be read agrees to nothing."""
    file = os.environ.get(VARIABLE, "") or (HERE if Path(HERE).exists() else "")
    try:
        return read(file) if file else None
    except IrError:
        return None
