"""`ir schedule list|run`: rotations that are due."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from ir.cli import same_key
from ir.cli.campaigns import AtOnce
from ir.cli.options import AsJson
from ir.cli.schedule_end import end
from ir.cli.terminal import database_watch, inventory_source, record_prompt
from ir.cli.terminal.consent_prompt import PIN, Consent
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.cli.terminal.work_signing import signers, trusted
from ir.core.durations import spoken
from ir.core.errors import Refused
from ir.core.model import Policy
from ir.fleet import digest, night
from ir.fleet import due as due_rows
from ir.fleet.agreed_work import agreed
from ir.fleet.campaign import Child, Limits
from ir.fleet.campaign_child import Source, new_name, surrounded
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import of_kind
from ir.fleet.due import moment
from ir.fleet.night import LeftKeys, Night
from ir.fleet.schedule import When
from ir.fleet.worker import SLOTS, Worker
from ir.incident import playbook
from ir.incident.playbook import Playbook
from ir.inventory import Key
from ir.inventory.consent import destinations
from ir.inventory.opened import Opened
from ir.runtime import adapter_registry, removals, surroundings, wiring
from ir.runtime.app_state import State, open_state

File = Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")]
Book = Annotated[str, typer.Option("--playbook", help="A playbook for policy scheduled.", metavar="NAME|FILE")]
Pin = Annotated[str, typer.Option("--inventory-sha256", help=PIN, metavar="HEX")]
PLAYBOOK = "stripe-scheduled"
_PIN = "ir inventory check, then --inventory-sha256"


def list_schedule(inventory_file: File = "", as_json: AsJson = False) -> None:
    """Every key with `rotate_every`: due, overdue, next, the last result, and why. Changes nothing."""
    screen, kept = Screen(as_json=as_json), open_state()
    source = inventory_source.default(inventory_file, screen).source
    book = CampaignLedger(kept.engine)
    children, now = book.scheduled()
    rows = due_rows.rows(source, children, kept.index.rows(), now)
    if as_json:
        screen.document({"keys": [due_rows.as_json(row) for row in rows], "now": now})
        return
    lines = []
    for row in rows:
        found = row.decision
        state = f"{found.when.value}, overdue" if found.overdue else found.when.value
        lines.append(
            (row.key.name, spoken(row.key.rotate_every or 0), state, moment(found.missed), moment(found.starts), row.last, row.why)
        )
    screen.table(
        "Schedule" if lines else "No key has `rotate_every`", ("key", "every", "state", "due", "starts", "last result", "why"), lines
    )


def run_schedule(
    inventory_file: File = "",
    playbook_name: Book = PLAYBOOK,
    inventory_sha256: Pin = "",
    at_once: AtOnce = SLOTS,
    as_json: AsJson = False,
) -> None:
    """Begin what is due, go on with what waited for its time, end. Nothing due: exit 0 at once, nothing is changed."""
    screen, kept = Screen(as_json=as_json), open_state()
    inventory_file = inventory_source.default(inventory_file, screen).name
    book, operator = CampaignLedger(kept.engine), Terminal(screen, name=kept.me.actor, yes=True)
    trust = trusted(kept, operator, inventory_file, inventory_sha256, [scheduled_book(playbook_name)])
    remove_due(kept, screen)
    due = begin_due(kept, book, screen, inventory_file, playbook_name, inventory_sha256)
    told: dict[int, Child] = {}
    worker = Worker(kept, book, of_kind("schedule"), trust=trust, slots=at_once, tell=lambda child: told.update({child.id: child}))
    goes_on = worker.anything()
    if due.refused is not None and not goes_on:
        raise due.refused
    if due.begun or goes_on:
        with database_watch.told(screen, worker.runner):
            worker.run(until_idle=True, stop=threading.Event())
        worker.runner.forget_queue()
    if worker.fitness.said:
        screen.warn(f"this machine takes no key: {worker.fitness.said}")
    now = left(kept, book, screen, inventory_file, tells=due.refused is None)
    end(screen, kept, Night(list(told.values()), due.begun, due.alone, now, worker.looked_at, worker.fitness.said))


def remove_due(kept: State, screen: Screen) -> None:
    """What finished incidents left to be deleted by now."""
    for said in removals.carry_out(kept, Terminal(screen, name=kept.me.actor, yes=True), record_prompt.unagreed):
        screen.say(said)


@dataclass(frozen=True)
class Due:
    """What became of the keys that are due: children that were written, keys that are left to a person, and why none was written."""

    begun: Sequence[Child] = ()
    alone: Collection[str] = ()
    refused: Refused | None = None


def begin_due(kept: State, book: CampaignLedger, screen: Screen, file: str, playbook_name: str, pin: str) -> Due:
    """Write what is due, once per due date."""
    opened = inventory_source.read(file)
    source = Source(opened.source, opened.name, opened.base)
    operator = Terminal(screen, name=kept.me.actor, yes=True)
    consent = Consent(lambda: kept, operator, opened, yes=True, pin=pin)
    plan, index = scheduled_book(playbook_name), kept.index.rows()
    children, now = book.scheduled()
    due = [row.key for row in due_rows.rows(source.inventory, children, index, now) if row.decision.when is When.DUE]
    if not due:
        return Due()
    left = _shared(opened, due, operator, consent, screen)
    new, refused = _unagreed(source, [key for key in due if key.name not in left], consent, screen)
    left |= new
    if len(left) == len(due):  # nothing of theirs is used, not even what would sign
        return Due((), left, refused)
    name = new_name(wiring.SystemClock().now().isoformat())

    signs = signers(kept, opened, operator)
    around = surroundings.of_process(kept.engine).keep(same_key.around(consent, [key for key in due if key.name not in left]))

    def decide(children: list[Child], now: float) -> list[due_rows.Begun]:
        found = due_rows.rows(source.inventory, children, index, now)
        begun = due_rows.due_children(source, plan, [row for row in found if row.key.name not in left])
        return agreed(signs, name, kept.me.actor, surrounded(begun, around))

    begun = book.open_due(name, kept.me.actor, Limits(at_once=0, per_account=4, per_store=8, stop_after=0), decide)
    for child in begun:
        screen.say(f"{child.key}: due {moment(child.due)}, {name}")
    return Due(begun, left, refused)


def _unagreed(source: Source, due: list[Key], consent: Consent, screen: Screen) -> tuple[set[str], Refused | None]:
    """Due keys with something new that lacks consent: left to a person, they delay no other key; and the refusal, if all are."""
    places = {key.name: set(destinations(source.inventory, key)) for key in due}
    new = {name: found for name, all_of in places.items() if (found := consent.unagreed(all_of))}
    for name, found in new.items():
        screen.warn(f"{name}: due, and not begun, since nobody agreed to what is new of it: {', '.join(found)}; look at it: {_PIN}")
    refused = None
    if due and len(new) == len(due):
        try:
            consent.ask({place for all_of in places.values() for place in all_of})
        except Refused as error:
            refused = error
    return set(new), refused


def _shared(opened: Opened, due: list[Key], operator: Terminal, consent: Consent, screen: Screen) -> set[str]:
    """Due keys whose value stands elsewhere, too, so that a child of their own would cut that off; they are named and left alone."""
    found = same_key.shared(opened, due, operator, consent)
    for key, places in found.items():
        by_hand = f"ir rotate stripe {key} --policy scheduled"
        screen.warn(f"{key}: due, and not begun, since its value is also in {', '.join(places)}; by hand: {by_hand}")
    return set(found)


def left(kept: State, book: CampaignLedger, screen: Screen, file: str, *, tells: bool = True) -> LeftKeys:
    """Keys that do not move until a person acts, with a reminder now and then; and keys that wait for their window.

    `tells`: people are told. Without consent to what the inventory reaches, they are not.
    """
    opened, (children, now), index = inventory_source.read(file), book.scheduled(), kept.index.rows()
    found = night.left(opened.source, children, index, now)
    if opened.source.notify and tells:
        operator = Terminal(screen, name=kept.me.actor, yes=True)
        desk = wiring.desk(opened.source, kept, adapter_registry.reference_resolver(opened.source, operator, opened.base))
        laws = digest.countdown(index, {account.id for account in opened.source.accounts}, now)
        for notice in night.news(found, children, now, laws):
            desk.tell(notice)
        desk.again()
    return found


def scheduled_book(name: str) -> Playbook:
    """Raises Refused: it is for another policy."""
    book = playbook.load(name)
    if book.policy is not Policy.SCHEDULED:
        raise Refused(f"playbook {book.name} is for policy {book.policy.value}; the schedule runs policy scheduled only")
    return book
