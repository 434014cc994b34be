"""`ir breach`: the day a host is breached. What lay there, one campaign for what is ours, a checklist for the rest."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

import typer

from ir.cli import breach_follow, breach_list, campaign_start, same_key
from ir.cli.breach_list import BreachList
from ir.cli.breach_options import BreachOptions
from ir.cli.rotate_options import ManyKeys
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.option_groups import takes
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Json, Policy
from ir.core.wording import counted
from ir.fleet.breach import book, progress
from ir.fleet.breach.children import Books, children_of
from ir.fleet.breach.item import BreachItem
from ir.fleet.breach.logins import writes_with_login
from ir.fleet.campaign_child import Source, new_name
from ir.fleet.campaign_store import CampaignLedger
from ir.incident import playbook
from ir.inventory import consent as consents
from ir.inventory.opened import Opened
from ir.ports import Irreversible
from ir.runtime import notifications, wiring
from ir.runtime.app_state import State, actor, open_state

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
app.command(name="resume")(breach_follow.resume)
app.command(name="status")(breach_follow.status)
app.command(name="done")(breach_follow.done)
app.command(name="report")(breach_follow.report)


@dataclass(frozen=True)
class Said:
    """What persons said: who that the places are closed, whose word it is about the login; and the playbook of webhooks."""

    closed_by: str
    login_by: str
    webhook_playbook: str


@app.callback(invoke_without_command=True)
@takes(BreachOptions)
def breach(asked: BreachOptions) -> None:
    """What lay at a breached host, the most dangerous first; then one campaign for what is ours, and a checklist for the rest."""
    if asked.context.invoked_subcommand:
        return
    if not asked.stored_in:
        raise UsageError(
            "which place was breached?", next_step="--stored-in vercel://, k8s://CONTEXT, vault://MOUNT/PATH …; ir breach --help"
        )
    screen = Screen(as_json=asked.as_json)
    operator = Terminal(screen, name=actor(), yes=asked.yes)
    opened = inventory_source.default(asked.inventory_file, screen)
    consent = Consent(open_state, operator, opened, yes=asked.yes, pin=asked.inventory_sha256)
    found = breach_list.find(asked.stored_in, opened, operator, consent, read_values=asked.read_values)
    if not asked.as_json:
        breach_list.show(screen, found)
    said = Said(asked.source_closed_by.strip(), asked.login_trusted_by.strip(), asked.webhook_playbook)
    if not found.ours or (asked.dry_run and asked.policy == "auto" and not asked.playbook_name):
        _only_listed(screen, found, said)
    _carry_out(found, asked.campaign(found.via), said, opened, operator, consent)


def _only_listed(screen: Screen, found: BreachList, said: Said) -> NoReturn:
    if screen.as_json:
        screen.document(_document(found, said))
    elif found.ours:
        screen.say("\ndry run: nothing was changed; with --policy exposed (or exploited) each key is rehearsed, too")
    sys.exit(int(ExitCode.DONE))


def _carry_out(found: BreachList, asked: ManyKeys, said: Said, opened: Opened, operator: Terminal, consent: Consent) -> NoReturn:
    """Plan, ask, write the campaign, and run it from here or leave it to the workers."""
    source = Source(opened.source, opened.name, opened.base)
    kept, rows = open_state(), {item.key: source.inventory.key(item.key) for item in found.ours}
    books = Books(campaign_start.book_of(asked, operator), playbook.load(said.webhook_playbook))
    ledger = CampaignLedger(kept.engine)
    _refuse_second(ledger, set(rows))
    touched = consents.dry_run if asked.dry_run else consents.destinations
    consent.ask({place for key in rows.values() for place in touched(source.inventory, key)})
    found = _set_apart(found, books, opened, operator, consent)
    chosen = [item for item in found.ours if not item.todo]
    options = replace(
        campaign_start.options_of(asked, source, list(rows.values())),
        source_closed_by=said.closed_by,
        drill=os.environ.get("IR_DRILL") == "1",
    )
    made = partial(children_of, source, chosen, books, now=wiring.SystemClock().now().timestamp())
    if asked.dry_run:
        refused = campaign_start.rehearsed(made(options), kept, operator)
        if operator.screen.as_json:
            operator.screen.document({**_document(found, said), "refused": {key: why for key, why in refused.items() if why}})
        operator.screen.say("dry run: nothing was changed")
        sys.exit(int(ExitCode.REFUSED if any(refused.values()) else ExitCode.DONE))
    login_by = _word(found, [rows[item.key] for item in chosen], operator, said.login_by)
    name = new_name(wiring.SystemClock().now().isoformat())
    if not operator.confirm_by_name(_about(name, chosen, source)):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    about = book.told(found.looks, found.items, closed_by=said.closed_by, login_by=login_by)
    campaign_start.written(name, asked, books.keys, made(replace(options, yes=True)), kept, consent, operator, about)
    if not said.closed_by:
        operator.screen.say(f"The places get no new key until a named person says that they are closed: {breach_follow.close_it(name)}")
    _run(name, kept, ledger, asked, operator)


def _run(name: str, kept: State, ledger: CampaignLedger, asked: ManyKeys, operator: Terminal) -> NoReturn:
    if asked.detach:
        operator.screen.say(f"left to the workers (ir worker); ir breach status {name} shows how it goes")
        notifications.flush_all()
        sys.exit(int(ExitCode.DONE))
    breach_follow.run(kept, ledger, name, operator, file=asked.inventory_file, pin=asked.inventory_sha256)


def _refuse_second(ledger: CampaignLedger, keys: set[str]) -> None:
    """A breach that is under way is continued, not begun again. Raises Refused."""
    for row in ledger.campaigns():
        if book.ABOUT in row["about"] and row["status"] != "done" and keys & {child.key for child in ledger.children(row["campaign"])}:
            raise Refused(
                f"{row['campaign']} already replaces keys of these places",
                safe="nothing was changed",
                next_step=f"ir breach resume {row['campaign']}",
            )


def _set_apart(found: BreachList, books: Books, opened: Opened, operator: Terminal, consent: Consent) -> BreachList:
    """Keys whose value stands at another key's places, too, are rotated by name, one by one: a campaign would cut those off."""
    if books.keys.policy is Policy.EXPLOITED:  # containment waits for no look
        return found
    keys = [opened.source.key(item.key) for item in found.ours]
    shared = same_key.shared(opened, keys, operator, consent)
    items = [_by_name(item, shared[item.key]) if item.key in shared else item for item in found.items]
    if shared:
        operator.screen.warn(f"rotated by name, since one value is in several places: {', '.join(sorted(shared))}")
    return replace(found, items=items)


def _by_name(item: BreachItem, places: Sequence[str]) -> BreachItem:
    where = f"its value is also in {', '.join(places)}"
    return replace(item, todo=f"ir rotate stripe {item.key} --leaked-via host", remarks=(*item.remarks, where))


def _word(found: BreachList, keys: Sequence[object], operator: Terminal, name: str) -> str:
    """Whose word it is that `ir` writes there with its login, "" = it writes nothing there.

    Raises:
        Refused: no one's.
    """
    refs = writes_with_login(keys, found.places)  # type: ignore[arg-type]  # keys
    if not refs or name.strip():
        return name.strip()
    what = f"{counted(len(refs), 'place')} would be written with the login of `ir` at the breached host, which strangers may hold, too"
    if operator.interactive:
        operator.tell(f"{what}. Best: make a new login first, and revoke the old one.")
        name = operator.ask("Whose word is it that this login may be used? Name:")
        if name:
            return name
    raise Refused(
        what,
        safe="nothing was changed",
        next_step="make a new login, revoke the old one, then say whose word that is: --login-trusted-by NAME",
    )


def _about(name: str, chosen: Sequence[BreachItem], source: Source) -> Irreversible:
    lonely = [item.key for item in chosen if not source.inventory.services_of(item.key)]
    return Irreversible(
        f"{counted(len(chosen), 'key')} will die, each once its services were seen on the new one. None can be brought back, "
        "and no key is asked about again. Whatever still uses an old key then fails."
        + (f" No service is listed for {', '.join(lonely)}." if lonely else ""),
        name,
        f"the campaign's name, {name},",
    )


def _document(found: BreachList, said: Said) -> Json:
    about = book.told(found.looks, found.items, closed_by=said.closed_by, login_by="")[book.ABOUT]
    return {**progress.document({}, about), "dry_run": True}
