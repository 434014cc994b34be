"""`ir classify`: a person says whether this is a personal data breach; the notification clock runs from that moment."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from ir.cli.incidents import AsJson, By, Name, named
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.core.model import Json
from ir.runtime.app_state import open_state

HOURS = 72
"""GDPR art. 33."""


def classify(
    name: Name = "",
    breach: Annotated[bool | None, typer.Option("--breach/--no-breach", help="Is it a personal data breach?")] = None,
    reason: Annotated[str, typer.Option(help="Why; the report quotes it.", metavar="TEXT")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Say whether this is a personal data breach: the 72 hours of GDPR art. 33 run from now. The latest word counts."""
    if breach is None or not by.strip():
        raise UsageError("this is a person's decision: it needs a yes or no, and a name", next_step="ir classify INC --breach --by NAME")
    screen, kept = Screen(as_json=as_json), open_state()
    name = named(kept, name, ended=True)
    now = time.time()
    said: Json = {"classified_at": now, "classified_by": by, "classified_because": reason, "personal_data_breach": breach}
    kept.ledger.send(name, "classify", by, {"facts": said})
    due = datetime.fromtimestamp(now + HOURS * 3600, UTC).isoformat(timespec="minutes") if breach else ""
    if as_json:
        screen.document({"incident": name, **said, "notify_by": due})
        return
    screen.say(
        f"{name}: {by} says {'yes, tell the authority by ' + due if breach else 'no personal data breach'}; ir report {name} shows it"
    )
