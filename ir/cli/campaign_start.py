"""`ir rotate stripe --all | --account X | --tag T | --stored-in … | --keys-from FILE`: a campaign, from this terminal."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from ir import inventory
from ir.cli import campaigns, same_key
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.option_values import accepted, choose_policy
from ir.cli.terminal.work_signing import signers
from ir.core import yaml_file
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Policy
from ir.core.wording import counted
from ir.engine.dry_run import rehearse
from ir.fleet import digest
from ir.fleet.agreed_work import agreed
from ir.fleet.campaign import Choice, Limits, chosen
from ir.fleet.campaign_child import Source, children_for, new_name, setting_of
from ir.fleet.campaign_store import CampaignLedger
from ir.incident import playbook
from ir.incident.context import Options
from ir.incident.playbook import Playbook
from ir.inventory import Key
from ir.inventory import consent as consents
from ir.ports import Irreversible
from ir.runtime import adapter_registry, lifecycle, notifications, wiring, write_guard
from ir.runtime.app_state import State, open_state
from ir.runtime.incident_spec import opening_entry

Pairs = list[str] | None


@dataclass(frozen=True)
class Accepted:
    """Exceptions by name and reason, as they were typed."""

    unverified: Pairs
    unhealthy: Pairs
    unreachable: Pairs
    owner: Pairs


@dataclass(frozen=True)
class Asked:
    """What the command line said."""

    choice: Choice
    limits: Limits
    policy: str
    playbook: str
    inventory_file: str
    inventory_sha256: str
    options: Options
    accepted: Accepted
    detach: bool
    sign_with: str = ""


def refuse_single(key: str, *others: str, no_replacement: bool) -> None:
    """What only makes sense for one key."""
    if key:
        raise UsageError(f"`{key}` is one key, and a campaign was asked for", next_step="name the key, or choose keys, not both")
    if any(others) or no_replacement:
        raise UsageError("a campaign takes no key, no alert and no source of one leak; rotate such a key by name")


def choice(*, everything: bool, accounts: Pairs, tags: Pairs, stored_in: Pairs, keys_from: str) -> Choice:
    """Which keys were asked for."""
    names: Sequence[str] = ()
    if keys_from:
        lines = (line.partition("#")[0].strip() for line in yaml_file.read(Path(keys_from)).splitlines())
        names = [line for line in lines if line]
        if not names:
            raise UsageError(f"{keys_from} names no key")
    return Choice(everything, tuple(accounts or ()), tuple(tags or ()), tuple(stored_in or ()), tuple(names))


def start(asked: Asked, operator: Terminal) -> NoReturn:
    """Plan, ask, write the campaign, and run it from here or leave it to the workers."""
    opened = inventory_source.default(asked.inventory_file, operator.screen)
    source = Source(opened.source, opened.name, opened.base)
    consent = Consent(open_state, operator, opened, yes=asked.options.yes, pin=asked.inventory_sha256)
    keys = chosen(source.inventory, asked.choice)
    book = _book(asked, operator)
    kept, options = open_state(), _options(asked, source, keys)
    _show(operator, source, keys, book)
    made = children_for(source, keys, book, replace(options, dry_run=False, yes=True))
    touched = consents.rehearsal if options.dry_run else consents.destinations
    consent.ask({place for key in keys for place in touched(source.inventory, key)})
    if book.policy is not Policy.EXPLOITED:  # containment waits for no look
        _refuse_shared(opened, keys, operator, consent)
    if options.dry_run:
        _rehearse(source, keys, book, options, kept, operator)
    name = new_name(wiring.SystemClock().now().isoformat())
    if not operator.confirm_by_name(_about(name, source, keys)):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    ledger = CampaignLedger(kept.ledger.engine)
    made = agreed(signers(kept, opened, operator, asked.sign_with), name, operator.name, made)
    about = {
        "inventory": opened.name,
        "inventory_sha256": inventory.digest(opened.text),
        "playbook": book.name,
        "policy": book.policy.value,
        "reason": options.reason,
    }
    ledger.open(name, "campaign", operator.name, asked.limits, about, made)
    operator.screen.say(f"campaign {name}: {counted(len(keys), 'key')}")
    _tell(kept, ledger, name, opened, operator)
    if asked.detach:
        operator.screen.say(f"left to the workers (ir worker); ir campaign status {name} shows how it goes")
        notifications.flush_all()
        sys.exit(int(ExitCode.DONE))
    campaigns.run_here(kept, ledger, name, operator)


def _tell(kept: State, ledger: CampaignLedger, name: str, opened: inventory_source.Opened, operator: Terminal) -> None:
    row = ledger.campaign(name)
    if opened.source.notify and row is not None:
        desk = wiring.desk(opened.source, kept, adapter_registry.reference_resolver(opened.source, operator, opened.base))
        desk.tell(digest.campaign(row, ledger.children(name)))


def _refuse_shared(opened: inventory_source.Opened, keys: Sequence[Key], operator: Terminal, consent: Consent) -> None:
    """A key of a campaign dies for what its own row lists; whatever else holds it would fail. Raises Refused."""
    found = same_key.shared(opened, keys, operator, consent)
    if found:
        told = "; ".join(f"`{name}` is also in {', '.join(places)}" for name, places in found.items())
        raise Refused(
            f"one value in several places: {told}",
            safe="nothing was changed",
            next_step=f"rotate it by name, which takes in what another key lists: ir rotate stripe {next(iter(found))}; then the others",
        )


def _about(name: str, source: Source, keys: Sequence[Key]) -> Irreversible:
    lonely = [key.name for key in keys if not source.inventory.services_of(key.name)]
    return Irreversible(
        f"{counted(len(keys), 'key')} will die, each once its services were seen on the new one. None can be brought back, "
        "and no key is asked about again. Whatever still uses an old key then fails. Not looked at: whatever the inventory does not list"
        + (f"; no service is listed for {', '.join(lonely)}" if lonely else "")
        + ".",
        name,
        f"the campaign's name, {name},",
    )


def _book(asked: Asked, operator: Terminal) -> Playbook:
    if asked.policy == "auto" and not asked.playbook and asked.options.yes:
        raise UsageError("--yes never chooses a policy", next_step="say --policy exposed, exploited or scheduled")
    book = playbook.load(asked.playbook or f"stripe-{choose_policy(asked.policy, operator)}")
    if asked.playbook and asked.policy not in ("auto", book.policy.value):
        raise UsageError(f"playbook {book.name} is for policy {book.policy.value}, not {asked.policy}")
    return book


def _options(asked: Asked, source: Source, keys: Sequence[Key]) -> Options:
    services = {service.name for service in source.inventory.services}
    stores = {str(ref) for key in keys for ref in key.stored_in}
    return replace(
        asked.options,
        accept_unverified=accepted("--accept-unverified", asked.accepted.unverified, services),
        accept_unhealthy=accepted("--accept-unhealthy", asked.accepted.unhealthy, services),
        accept_unreachable=accepted("--accept-unreachable", asked.accepted.unreachable, stores),
        accept_owner=accepted("--accept-owner", asked.accepted.owner, stores),
    )


def _show(operator: Terminal, source: Source, keys: Sequence[Key], book: Playbook) -> None:
    lines = []
    for key in keys:
        services = [service.name for service in source.inventory.services_of(key.name)]
        first = "canary" if "canary" in key.tags else ""
        lines.append((key.name, key.account, ", ".join(str(ref) for ref in key.stored_in), ", ".join(services) or "none listed", first))
    title = f"{counted(len(keys), 'key')}, playbook {book.name}, policy {book.policy.value}"
    operator.screen.table(title, ("key", "account", "stored in", "services", "first"), lines)


def _rehearse(source: Source, keys: Sequence[Key], book: Playbook, options: Options, kept: State, operator: Terminal) -> NoReturn:
    """Every key's own rehearsal, one after the other; refused when one of them would be."""
    code = ExitCode.DONE
    for child, row in children_for(source, keys, book, options):
        setting = setting_of(replace(child, incident="INC-rehearsal"), row)
        world = wiring.world(setting, kept, operator, ask=write_guard.read_only, say=operator.screen.progress)
        world.knows = lifecycle.known(kept)
        at = wiring.SystemClock().now().isoformat()
        record = rehearse(world, opening_entry(setting, at, operator.name, {"opened_at": world.now()}), lambda _entry: None)
        operator.screen.hush()
        refused = record.exit_code is ExitCode.REFUSED
        operator.screen.say(f"{child.key}: {'refused: ' + record.runs[-1].outcome.said if refused else 'no problem was found'}")
        code = ExitCode.REFUSED if refused else code
    operator.screen.say("dry run: nothing was changed")
    sys.exit(int(code))
