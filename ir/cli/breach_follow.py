"""`ir breach resume | status | done | report`: how a breach goes on, and how it stands place by place."""

import re
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ir.cli import campaign_view, campaigns
from ir.cli.campaigns import AtOnce
from ir.cli.options import AsJson
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.cli.terminal.work_signing import signers
from ir.core import place as places
from ir.core.errors import UsageError
from ir.core.model import Json
from ir.core.wording import counted
from ir.fleet.breach import book, progress
from ir.fleet.breach.closing import hear, tell_queued
from ir.fleet.campaign import Child
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.worker import SLOTS
from ir.inventory.opened import Opened
from ir.runtime.app_state import State, actor, open_state
from ir.storage import written_file

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
Name = Annotated[str, typer.Argument(help="Campaign of the breach, CAM-…; the newest needs no name.")]
Closed = Annotated[str, typer.Option(help="Who says that the places are closed: from then on they get new keys.", metavar="NAME")]


def close_it(name: str) -> str:
    """The command by which a person says so."""
    return f"ir breach resume {name} --source-closed-by NAME"


def resume(
    name: Name = "",
    source_closed_by: Closed = "",
    place: Annotated[list[str] | None, typer.Option(help="Only this place is closed; may be given again.", metavar="vercel://…")] = None,
    at_once: AtOnce = SLOTS,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it to the workers (ir worker).")] = False,
    as_json: AsJson = False,
) -> None:
    """Go on, after a crash or a pause, or once places are closed."""
    screen, kept, ledger, row = _open(name, as_json=as_json)
    campaign, operator = row["campaign"], Terminal(screen, name=actor(), yes=True)
    if source_closed_by:
        _close(operator, kept, ledger, row, source_closed_by.strip(), place or [])
    elif place:
        raise UsageError("--place says which place is closed, and not who says so", next_step="--source-closed-by NAME")
    if row["status"] != "done":
        ledger.say(campaign, "running", "")
    if detach:
        screen.say(f"{campaign} goes on as workers find it")
        return
    run(kept, ledger, campaign, operator, slots=at_once)


def run(kept: State, ledger: CampaignLedger, name: str, operator: Terminal, *, slots: int = 0, file: str = "", pin: str = "") -> NoReturn:
    """Run it from here to its end; a child that begins to wait for a place that is closed already hears so."""
    ends = partial(told_at_the_end, operator.screen, ledger, name)

    def waits(child: Child) -> None:
        hear(kept.signals, ledger, name, [child])

    campaigns.run_here(kept, ledger, name, operator, slots=slots, file=file, pin=pin, ends=ends, waits=waits)


def status(name: Name = "", as_json: AsJson = False) -> None:
    """How a breach stands. Exit code: as the campaign's, 4 while it runs."""
    screen, kept, ledger, row = _open(name, as_json=as_json)
    campaign = campaign_view.document(kept, ledger, row)
    told_at_the_end(screen, ledger, row["campaign"], campaign)
    sys.exit(int(campaign["exit_code"]))


def done(
    item: Annotated[str, typer.Argument(help="What was replaced, by its name on the list.")],
    name: Annotated[str, typer.Option("--campaign", help="Campaign of the breach; default: the newest.", metavar="CAM")] = "",
    by: Annotated[str, typer.Option(help="Who replaced it.", metavar="NAME")] = "",
    again: Annotated[bool, typer.Option("--not", help="It is not done, after all.")] = False,
) -> None:
    """Tick off what `ir` does not replace itself.

    Another vendor's secret, or a key that is not in the inventory.
    """
    screen, _, ledger, row = _open(name)
    names = [one["name"] for one in row["about"][book.ABOUT]["items"] if not one["key"] or one["todo"]]
    if item not in names:
        raise UsageError(
            f"`{item}` is not on the checklist of {row['campaign']}", next_step=f"ir breach status {row['campaign']} --json has all names"
        )
    who = by or actor()

    def ticked(about: Json) -> Json:
        rest = {one: said for one, said in about["done"].items() if one != item}
        return {**about, "done": rest if again else {**rest, item: {"by": who}}}

    book.change(ledger, row["campaign"], ticked)
    screen.say(f"{item}: {'still to do' if again else 'done'}, says {who}")


def report(
    name: Name = "",
    fmt: Annotated[str, typer.Option("--format", help="html | md | json")] = "md",
    output: Annotated[str, typer.Option(help="Write it there (0600); default: standard output.", metavar="FILE")] = "",
) -> None:
    """One page about a breach, place by place."""
    from ir.report import FORMATS, page

    if fmt not in FORMATS:
        raise UsageError(f"--format {fmt}: not known", next_step=f"one of {', '.join(FORMATS)}")
    _, kept, ledger, row = _open(name, as_json=True)
    text = page("breach", _document(ledger, row["campaign"], campaign_view.document(kept, ledger, row)), fmt)
    if not output:
        sys.stdout.write(text)
        return
    written_file.write(Path(output), text)
    Screen().say(f"written to {Path(output)}")


def told_at_the_end(screen: Screen, ledger: CampaignLedger, name: str, campaign: Json) -> None:
    """How it stands, on the screen or as the one document."""
    told = _document(ledger, name, campaign)
    if screen.as_json:
        screen.document(told)
        return
    rows = [
        (
            row["place"],
            f"{row['replaced']} of {row['keys']}",
            f"{row['others_done']} of {row['others']}",
            f"says {row['closed_by']}" if row["closed_by"] else "no one has said so",
        )
        for row in told["places"]
    ]
    screen.table(f"{name}: {told['status']}{': ' if told['said'] else ''}{told['said']}", ("place", "keys", "others done", "closed"), rows)
    open_ = [row for row in told["items"] if row["ours"] and row["state"] != "done"]
    if open_:
        screen.table(
            "Keys still to do", ("key", "state", "why"), [(row["name"], row["state"], row["said"] or row["todo"]) for row in open_]
        )
    for line in _next(told, name):
        screen.say(line)


def _next(told: Json, name: str) -> list[str]:
    """What comes next, as commands."""
    found = []
    if any(row["waiting"] and not row["closed_by"] for row in told["places"]):
        found.append(f"the places get no new key until a named person says that they are closed: {close_it(name)}")
    open_ = [row for row in told["items"] if not row["ours"] and row["state"] == "still to do"]
    if open_:
        first = next((row["name"] for row in open_ if _PLAIN.fullmatch(row["name"])), "NAME")
        found.append(f"{counted(len(open_), 'other secret')} still to do; tick one off: ir breach done {first} --by NAME")
    if not progress.finished(told) or open_:
        found.append(f"all of it on one page: ir breach report {name} --format html --output breach.html")
    return found


def _close(operator: Terminal, kept: State, ledger: CampaignLedger, row: Json, who: str, only: list[str]) -> None:
    """Every key that leaked there hears that its source is closed."""
    about = row["about"][book.ABOUT]
    servers = sorted({server for item in about["items"] for server in item["servers"]})
    chosen = [server for server in servers if not only or any(server.startswith(_server(text)) for text in only)]
    if not chosen:
        raise UsageError(f"--place: not a place of {row['campaign']}", next_step=f"one of {', '.join(servers)}")
    book.change(ledger, row["campaign"], lambda told: {**told, "closed": {**told["closed"], **dict.fromkeys(chosen, who)}})
    hear(kept.signals, ledger, row["campaign"], ledger.children(row["campaign"]))
    operator.screen.say(f"{', '.join(chosen)}: closed, says {who}")
    tell_queued(ledger, row["campaign"], operator.name, lambda *about: signers(kept, Opened(*about), operator))


def _server(text: str) -> str:
    try:
        place = places.parse(text)
    except ValueError as error:
        raise UsageError(f"--place: {error}") from None
    return f"{place.scheme}://{place.host}"


def _document(ledger: CampaignLedger, name: str, campaign: Json) -> Json:
    row = ledger.campaign(name) or {}
    return progress.document(campaign, row["about"][book.ABOUT], row["created_at"], row["actor"])


def _open(name: str, *, as_json: bool = False) -> tuple[Screen, State, CampaignLedger, Json]:
    kept = open_state()
    ledger = CampaignLedger(kept.engine)
    return Screen(as_json=as_json), kept, ledger, book.newest(ledger, name)
