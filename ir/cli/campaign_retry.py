"""`ir campaign retry`: begin again what was refused or failed, with the words that were agreed to."""

from typing import Annotated

import typer

from ir.cli import campaigns
from ir.cli.campaigns import AtOnce, Name
from ir.cli.options import AsJson
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError
from ir.core.wording import counted
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.worker import SLOTS
from ir.runtime.app_state import actor, open_state


def retry(
    name: Name = "",
    key: Annotated[list[str] | None, typer.Option(help="This key alone; may be given again.", metavar="NAME")] = None,
    at_once: AtOnce = SLOTS,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers (ir worker).")] = False,
    as_json: AsJson = False,
) -> None:
    """Begin the keys of a campaign again that were refused, rolled back or given up; each gets an incident of its own."""
    screen, kept = Screen(as_json=as_json), open_state()
    book = CampaignLedger(kept.engine)
    row = campaigns.row_of(book, name)
    if row["kind"] != "campaign":
        raise UsageError(f"{row['campaign']} is one of the schedule, which tries again by itself", next_step="ir schedule list")
    again = book.retry(row["campaign"], key or ())
    missing = sorted(set(key or ()) - set(again))
    if missing or not again:
        what = f"{missing[0]} was neither refused nor did it fail" if missing else f"no key of {row['campaign']} was refused or failed"
        raise UsageError(what, next_step=f"ir campaign status {row['campaign']}; what is still to do there: ir resume INC")
    book.say(row["campaign"], "running", "")
    screen.say(
        f"{counted(len(again), 'key')} of {row['campaign']} are begun again: {', '.join(again)}"
        if len(again) > 1
        else f"{again[0]} is begun again"
    )
    if not detach:
        campaigns.run_here(kept, book, row["campaign"], Terminal(screen, name=actor(), yes=True), slots=at_once)
