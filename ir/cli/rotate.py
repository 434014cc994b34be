"""`ir rotate stripe`: the main job."""

import os
import sys
from dataclasses import replace
from functools import partial
from typing import Annotated, NoReturn

import typer

from ir import inventory
from ir.cli import adopt as adopt_command
from ir.cli import campaign_start, emergency, propose_policy, roll_out, same_key
from ir.cli import discard_pending as discard_command
from ir.cli.alerts import Taken, take
from ir.cli.campaign_start import Accepted, Asked
from ir.cli.terminal import exceptions, follow, inventory_source
from ir.cli.terminal.consent_prompt import PIN, Consent
from ir.cli.terminal.exceptions import Owner, Unhealthy, Unreachable, Unverified
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES, Terminal, files_of, read_key
from ir.cli.terminal.option_values import choose_policy, expires_time, exposed_time, identify_row, stored_key
from ir.cli.terminal.screen import Screen
from ir.core.errors import AlreadyRunning, ExitCode, Refused, UsageError
from ir.core.model import Did, Json, Outcome, Policy
from ir.core.secret import Secret
from ir.engine.dry_run import rehearse
from ir.fleet.campaign import Limits
from ir.incident import playbook, reversibility
from ir.incident.context import Options
from ir.incident.plan import Plan, clearing, compile_plan
from ir.inventory import consent as consents
from ir.runtime import lifecycle, wiring, write_guard
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.incident_spec import Setting, opening_entry
from ir.storage import incident_store

SIGN_WITH = "A campaign: sign what workers are to run with this SSH key, too, which the inventory lists as an approver's."
LEAKED_VIA = ("repo", "frontend", "ci", "store", "host", "unknown")


def stripe(
    key: Annotated[str, typer.Argument(help="Name of the key in the inventory; one key needs no name.")] = "",
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = "",
    policy: Annotated[str, typer.Option(help="auto | exposed | exploited | scheduled")] = "auto",
    playbook_name: Annotated[str, typer.Option("--playbook", help="A shipped playbook, or a file.", metavar="NAME|FILE")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Rehearse: real reads, every write listed, nothing changed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the operator's own questions with yes; never chooses a policy.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    reason: Annotated[str, typer.Option(help="Why; the report quotes it.")] = "",
    exposed_at: Annotated[str, typer.Option(help="When the key got out: ISO 8601, or 2h ago as 2h.", metavar="TIME")] = "",
    leaked_via: Annotated[str, typer.Option(help="repo | frontend | ci | store | host | unknown")] = "unknown",
    alert: Annotated[
        str, typer.Option(help="A scanner's alert: which key, where, since when; - for standard input.", metavar="FILE|-")
    ] = "",
    leaked_from: Annotated[str, typer.Option(help="The listed store or service that is the source of the leak.")] = "",
    source_closed_by: Annotated[str, typer.Option(help="Who says that the source of the leak is closed.", metavar="NAME")] = "",
    leaked_key_from: Annotated[str, typer.Option(help=f"Where the leaked key comes from: {SOURCES}", metavar="SOURCE")] = "",
    new_key_from: Annotated[str, typer.Option(help=f"Where the new key comes from: {SOURCES}", metavar="SOURCE")] = "prompt",
    control_key_from: Annotated[str, typer.Option(help=f"Another live key, for the proof: {SOURCES}", metavar="SOURCE")] = "",
    accept_unverified: Unverified = None,
    accept_unhealthy: Unhealthy = None,
    accept_unreachable: Unreachable = None,
    accept_owner: Owner = None,
    no_replacement: Annotated[bool, typer.Option("--no-replacement", help="Nothing uses the key: kill it, mint nothing.")] = False,
    old_key_expires: Annotated[
        str, typer.Option(help="The Dashboard's Rotate path: when Stripe kills the old key, or never.", metavar="TIME|never")
    ] = "",
    with_personal_data: Annotated[
        bool, typer.Option("--with-personal-data", help="Keep names, e-mail and postal addresses in the evidence; else ids only.")
    ] = False,
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    api_base: Annotated[str, typer.Option(help="Without an inventory: a Stripe stand-in on loopback.", metavar="URL")] = "",
    every_key: Annotated[bool, typer.Option("--all", help="A campaign: every key of the inventory.")] = False,
    account: Annotated[list[str] | None, typer.Option(help="A campaign: keys of this account.", metavar="NAME")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A campaign: keys with this tag.", metavar="TAG")] = None,
    stored_in: Annotated[list[str] | None, typer.Option(help="A campaign: keys that are stored there.", metavar="vault://…")] = None,
    keys_from: Annotated[str, typer.Option(help="A campaign: names, one per line.", metavar="FILE")] = "",
    at_once: Annotated[int, typer.Option(min=0, help="Keys under way together; 0 = no limit.")] = 8,
    per_account: Annotated[int, typer.Option(min=0, help="The same, per account.")] = 4,
    per_store: Annotated[int, typer.Option(min=0, help="The same, per store server.")] = 8,
    stop_after: Annotated[int, typer.Option(min=0, help="Pause a campaign after that many failures; 0 = never.")] = 3,
    adopt: Annotated[
        str, typer.Option(help="Go on with an incident whose machine is lost, from what stores and Stripe still show of it.", metavar="INC")
    ] = "",
    discard_pending: Annotated[
        str, typer.Option(help="Clear unfinished rotations of others from the stores, once they were shown.", metavar="REASON")
    ] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Leave a campaign to the workers (ir worker).")] = False,
    sign_with: Annotated[str, typer.Option(help=SIGN_WITH, metavar="FILE")] = "",
) -> None:
    """Take a leaked key to proven dead, with every service on its replacement and the report written."""
    screen = Screen(as_json=as_json)
    operator = Terminal(screen, name=actor(), yes=yes, new_key_from=new_key_from)
    if every_key or account or tag or stored_in or keys_from:
        lonely = (alert, leaked_key_from, control_key_from, leaked_from, adopt, discard_pending)
        campaign_start.refuse_single(key, *lonely, no_replacement=no_replacement)
        choice = campaign_start.choice(everything=every_key, accounts=account, tags=tag, stored_in=stored_in, keys_from=keys_from)
        limits = Limits(at_once, per_account, per_store, stop_after)
        options = Options(dry_run, yes, reason, leaked_via, exposed_at=exposed_time(exposed_at), personal_data=with_personal_data)
        named = Accepted(accept_unverified, accept_unhealthy, accept_unreachable, accept_owner)
        asked = Asked(choice, limits, policy, playbook_name, inventory_file, inventory_sha256, options, named, detach, sign_with)
        campaign_start.start(asked, operator)
    if policy == "auto" and yes and not playbook_name:
        raise UsageError("--yes never chooses a policy", next_step="say --policy exposed or --policy exploited")
    asking = partial(Consent, open_state, operator, yes=yes, pin=inventory_sha256)
    leaked = leaked_key(leaked_key_from, screen)
    taken = take(screen, alert, key, inventory_file, operator, leaked, asking) if alert else Taken(leaked)
    leaked, leaked_via = taken.leaked, taken.via if leaked_via == "unknown" else leaked_via
    opened = taken.opened
    if opened is None:
        opened, leaked = inventory_source.read_or_make(inventory_file, leaked, operator, name=key, api_base=api_base)
    source, kept, consent = opened.source, open_state(), asking(opened)
    row = identify_row(consent, key, leaked, operator)
    given = exceptions.options(source, exceptions.named(accept_unverified, accept_unhealthy, accept_unreachable, accept_owner))
    options = Options(
        dry_run=dry_run,
        yes=yes,
        reason=reason or taken.reason,
        leaked_via=one_of("--leaked-via", leaked_via, LEAKED_VIA),
        source=source_of_leak(leaked_from, leaked_via, row, source),
        source_closed_by=source_closed_by,
        exposed_at=exposed_time(exposed_at) or taken.exposed_at,
        no_replacement=no_replacement,
        key_files=files_of(new=new_key_from, leaked=leaked_key_from, control=control_key_from),
        old_key_expires=expires_time(old_key_expires),
        accept_unverified=given["accept_unverified"],
        accept_unhealthy=given["accept_unhealthy"],
        accept_unreachable=given["accept_unreachable"],
        accept_owner=given["accept_owner"],
        drill=os.environ.get("IR_DRILL") == "1",
        personal_data=with_personal_data,
        discard_pending=discard_pending.strip(),
    )
    control = read_key(control_key_from, "Another live key of the account", screen) if control_key_from else None
    planning, also = opened, tuple[str, ...]()

    def planned(plan: Plan) -> Setting:
        return Setting(adopt, planning.text, planning.name, planning.base, row.name, plan, options)

    def look() -> str:
        consent.ask(consents.rehearsal(source, row))
        return propose_policy.propose(planned, source, row, kept, operator, leaked)

    book = playbook.load(playbook_name or f"stripe-{choose_policy(policy, operator, look)}")
    if playbook_name and policy not in ("auto", book.policy.value):
        raise UsageError(f"playbook {book.name} is for policy {book.policy.value}, not {policy}")
    if book.policy is not Policy.EXPLOITED and not adopt:  # containment waits for no look
        planning, also = same_key.taken_in(consent, row, operator, leaked, options)
    plan = compile_plan(book, planning.source, planning.source.key(row.name), replaces=not options.no_replacement, also=also)
    plan = clearing(plan) if options.discard_pending else plan
    carry_out(planned(plan), kept, operator, leaked, control, consent)


def carry_out(
    setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, control: Secret | None, consent: Consent
) -> NoReturn:
    """Show the plan; ask whether what it runs and reaches may be, then rehearse it, or ask once more and do it."""
    plan, options, source = setting.plan, setting.options, inventory.loads(setting.text, setting.name)
    under_way = emergency.scheduled(kept, setting, leaked) if plan.policy is Policy.EXPLOITED and not setting.incident else ""
    if under_way:
        emergency.take_over(kept, under_way, operator, leaked, options)
    operator.screen.plan(plan)
    row = source.key(setting.key)
    if plan.key_alone:
        consent.ask(consents.containment(source, row))
        leaked = leaked or stored_key(consent, row, operator)
        setting.options = replace(options, unagreed=_left_out(plan, row, consent))
    else:
        consent.ask((consents.rehearsal if options.dry_run else consents.destinations)(source, row))
        setting.options = replace(options, agreed=consent.agreed(consents.others(source, row)))
    if options.dry_run:
        _rehearse(setting, kept, operator, leaked, control, _first_facts(setting, kept, operator, leaked))
    found = _first_facts(setting, kept, operator, leaked)
    if not options.yes and not operator.confirm(f"Start? {plan.reversibility}"):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    _start(setting, kept, operator, leaked, control, found)


def _left_out(plan: Plan, row: inventory.Key, consent: Consent) -> list[str]:
    """What the red button goes without: checks that nobody agreed to (nobody is asked), and stores in which the new key may not wait."""
    source = consent.opened.source
    checks = {place for service in source.services_of(row.name) for check in service.verify for place in consents.of_check(source, check)}
    stores = consents.custody(row)
    made = reversibility.way(source.account(row.account), replaces=True) is reversibility.Way.ROTATION
    if made and consent.unagreed(stores):
        consent.may(stores, "Keep the new key there until its services have it (n: it stays in this process)?")
    return consent.unagreed(checks | stores)


def _first_facts(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None) -> Json:
    """What stands before the run begins: what others left that it may clear, and what an adopted incident has done already."""
    found = discard_command.show(setting, kept, operator) if setting.options.discard_pending else {}
    return adopt_command.adopt(setting, kept, operator, leaked, found) if setting.incident else found


def _start(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, control: Secret | None, found: Json) -> NoReturn:
    """Lease first, then the durable incident, then its id on the screen, then the first change."""
    from ir.engine.dbos_runner import Runner

    runner = Runner(kept.ledger.engine, kept.me, kept.ledger)
    world = lifecycle.begin(setting, kept, runner, follow.given(operator, leaked, control), found)
    operator.screen.say(f"incident {setting.incident}")
    follow.drive(runner, kept, world, operator, then=partial(roll_out.offer, setting, world, operator) if setting.plan.key_alone else None)


def _rehearse(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, control: Secret | None, found: Json) -> NoReturn:
    setting.incident = setting.incident or "INC-rehearsal"
    source = inventory.loads(setting.text, setting.name)
    for name in (setting.key, *setting.plan.also):
        _refuse_if_busy(kept, f"key {source.account(source.key(setting.key).account).id}/{name}")
    world = wiring.world(setting, kept, operator, ask=write_guard.read_only, leaked=leaked, control=control, say=operator.screen.progress)
    world.claim = lambda fingerprint: _refuse_if_busy(kept, lifecycle.key_itself(fingerprint))
    world.knows = lifecycle.known(kept)

    def emitted(entry: Json) -> None:
        if entry["kind"] == "step":
            operator.screen.step(entry["step"], Outcome.from_json(entry["body"]["outcome"]), rehearsal=True)

    at = wiring.SystemClock().now().isoformat()
    record = rehearse(world, opening_entry(setting, at, operator.name, {"opened_at": world.now(), **found}), emitted)
    if operator.screen.as_json:
        operator.screen.document(follow.document(record, record.exit_code))
    operator.screen.hush()
    refused = [run for run in record.runs if run.outcome.did in (Did.REFUSED, Did.FAILED, Did.UNKNOWN)]
    if not operator.screen.as_json:
        operator.screen.say("dry run: refused, nothing was changed" if refused else "dry run: no problem was found, nothing was changed")
    sys.exit(int(ExitCode.REFUSED if record.exit_code is ExitCode.REFUSED else ExitCode.DONE))


def _refuse_if_busy(kept: State, resource: str) -> None:
    holder = kept.ledger.busy([resource])
    if holder is not None:
        raise AlreadyRunning(*incident_store.blocked(holder), incident=holder["incident"])


def leaked_key(source: str, screen: Screen) -> Secret | None:
    """The key that the operator gives; None: no source was named. Raises UsageError: it gives none."""
    if not source:
        return None
    found = read_key(source, "The leaked key", screen)
    if found is None:
        raise UsageError("no leaked key was given", next_step=f"--leaked-key-from takes {SOURCES}")
    return found


def source_of_leak(named: str, via: str, row: inventory.Key, source: inventory.Inventory) -> str:
    """The listed store or service that leaked."""
    stores = [str(ref) for ref in row.stored_in]
    known = [*stores, *(s.name for s in source.services_of(row.name))]
    if named and named not in known:
        raise UsageError(f"--leaked-from {named} is not a listed store or service", next_step=f"one of {', '.join(known)}")
    if named or via not in ("store", "host"):
        return named
    if via == "store" and len(stores) == 1:
        return stores[0]
    raise UsageError(f"--leaked-via {via}: which one?", next_step=f"--leaked-from one of {', '.join(known)}")


def one_of(flag: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value`, if it is allowed. Raises UsageError."""
    if value not in allowed:
        raise UsageError(f"{flag} {value}: not known", next_step=f"one of {', '.join(allowed)}")
    return value
