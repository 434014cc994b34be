"""`ir campaign start --all | --account X | --tag T | --stored-in … | --keys-from FILE`, also as `ir rotate stripe` with the same."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from ir import inventory
from ir.cli import campaigns, same_key
from ir.cli.rotate_options import ManyKeys
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.option_groups import takes
from ir.cli.terminal.option_values import accepted, choose_policy
from ir.cli.terminal.screen import Screen
from ir.cli.terminal.work_signing import signers
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Json, Policy
from ir.core.wording import counted
from ir.engine.dry_run import run_dry
from ir.fleet import digest
from ir.fleet.agreed_work import agreed
from ir.fleet.campaign import Child, chosen
from ir.fleet.campaign_child import Source, children_for, new_name, setting_of, surrounded
from ir.fleet.campaign_store import CampaignLedger
from ir.incident import playbook
from ir.incident.context import Options
from ir.incident.playbook import Playbook
from ir.inventory import Key
from ir.inventory import consent as consents
from ir.inventory.opened import Opened
from ir.ports import Irreversible
from ir.runtime import adapter_registry, notifications, surroundings, wiring, worlds
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.emergency import under_way
from ir.runtime.incident_spec import opening_entry


@takes(ManyKeys)
def start(asked: ManyKeys) -> None:
    """Rotate many keys: all, or those of an account, a tag, a store or a file; each is an incident of its own."""
    if not asked.chosen:
        raise UsageError("which keys?", next_step="--all, --account, --tag, --stored-in or --keys-from")
    begin(asked, Terminal(Screen(as_json=asked.as_json), name=actor(), yes=asked.yes))


def begin(asked: ManyKeys, operator: Terminal) -> NoReturn:
    """Plan, ask, write the campaign, and run it from here or leave it to the workers."""
    opened = inventory_source.default(asked.inventory_file, operator.screen)
    source = Source(opened.source, opened.name, opened.base)
    consent = Consent(open_state, operator, opened, yes=asked.yes, pin=asked.inventory_sha256)
    keys = chosen(source.inventory, asked.choice())
    book = book_of(asked, operator)
    kept, options = open_state(), options_of(asked, source, keys)
    _show(operator, source, keys, book)
    made = children_for(source, keys, book, replace(options, dry_run=False, yes=True))
    touched = consents.dry_run if options.dry_run else consents.destinations
    consent.ask({place for key in keys for place in touched(source.inventory, key)})
    if book.policy is not Policy.EXPLOITED:  # containment waits for no look
        _refuse_shared(opened, keys, operator, consent)
    if options.dry_run:
        found = rehearsed(children_for(source, keys, book, options), kept, operator)
        operator.screen.say("dry run: nothing was changed")
        sys.exit(int(ExitCode.REFUSED if any(found.values()) else ExitCode.DONE))
    name = new_name(wiring.SystemClock().now().isoformat())
    if not operator.confirm_by_name(_about(name, source, keys)):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    ledger = written(name, asked, book, made, kept, consent, operator)
    if asked.detach:
        operator.screen.say(f"left to the workers (ir worker); ir campaign status {name} shows how it goes")
        notifications.flush_all()
        sys.exit(int(ExitCode.DONE))
    campaigns.run_here(kept, ledger, name, operator, file=asked.inventory_file, pin=asked.inventory_sha256)


def written(
    name: str,
    asked: ManyKeys,
    book: Playbook,
    made: Sequence[tuple[Child, Json]],
    kept: State,
    consent: Consent,
    operator: Terminal,
    more: Json | None = None,
) -> CampaignLedger:
    """The campaign, signed and in the database from here on; `more` is kept with what it is about."""
    ledger, opened = CampaignLedger(kept.engine), consent.opened
    keys = [opened.source.key(child.key) for child, _ in made]
    made = surrounded(made, surroundings.of_process(kept.engine).keep(same_key.around(consent, keys)))
    about = {
        "inventory": opened.name,
        "inventory_sha256": inventory.digest(opened.text),
        "playbook": book.name,
        "policy": book.policy.value,
        "reason": asked.reason,
        **(more or {}),
    }
    ledger.open(
        name,
        "campaign",
        operator.name,
        asked.limits(),
        about,
        agreed(signers(kept, opened, operator, asked.sign_with), name, operator.name, made),
    )
    operator.screen.say(f"campaign {name}: {counted(len(made), 'key')}")
    _tell(kept, ledger, name, opened, operator)
    return ledger


def _tell(kept: State, ledger: CampaignLedger, name: str, opened: Opened, operator: Terminal) -> None:
    row = ledger.campaign(name)
    if opened.source.notify and row is not None:
        desk = wiring.desk(opened.source, kept, adapter_registry.reference_resolver(opened.source, operator, opened.base))
        desk.tell(digest.campaign(row, ledger.children(name)))


def _refuse_shared(opened: Opened, keys: Sequence[Key], operator: Terminal, consent: Consent) -> None:
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


def book_of(asked: ManyKeys, operator: Terminal) -> Playbook:
    """The playbook of all keys. Raises UsageError."""
    asked.refuse_unchosen("say --policy exposed, exploited or scheduled")
    return asked.checked(playbook.load(asked.playbook_name or f"stripe-{choose_policy(asked.policy, operator)}"))


def options_of(asked: ManyKeys, source: Source, keys: Sequence[Key]) -> Options:
    """What was said, as every key's incident records it. Raises UsageError."""
    services = {service.name for service in source.inventory.services}
    stores = {str(ref) for key in keys for ref in key.stored_in}
    return replace(
        asked.options(),
        accept_unverified=accepted("--accept-unverified", asked.accept_unverified, services),
        accept_unhealthy=accepted("--accept-unhealthy", asked.accept_unhealthy, services),
        accept_unreachable=accepted("--accept-unreachable", asked.accept_unreachable, stores),
        accept_owner=accepted("--accept-owner", asked.accept_owner, stores),
    )


def _show(operator: Terminal, source: Source, keys: Sequence[Key], book: Playbook) -> None:
    lines = []
    for key in keys:
        services = [service.name for service in source.inventory.services_of(key.name)]
        first = "canary" if "canary" in key.tags else ""
        lines.append((key.name, key.account, ", ".join(str(ref) for ref in key.stored_in), ", ".join(services) or "none listed", first))
    title = f"{counted(len(keys), 'key')}, playbook {book.name}, policy {book.policy.value}"
    operator.screen.table(title, ("key", "account", "stored in", "services", "first"), lines)


def rehearsed(made: Sequence[tuple[Child, Json]], kept: State, operator: Terminal) -> dict[str, str]:
    """Try each key without writes, one after the other: key → why it would be refused, "" = no problem was found."""
    found = {}
    for child, row in made:
        setting = setting_of(replace(child, incident="INC-rehearsal"), row)
        if taken := under_way(kept, setting):
            operator.screen.say(f"{child.key}: {taken} has its replacement already: it is taken over, its old key contained, its kill next")
            continue
        world = worlds.read_only(setting, kept, operator, say=operator.screen.progress)
        at = wiring.SystemClock().now().isoformat()
        record = run_dry(world, opening_entry(setting, at, operator.name, {"opened_at": world.now()}), lambda _entry: None)
        operator.screen.hush()
        found[child.key] = record.runs[-1].outcome.said if record.exit_code is ExitCode.REFUSED else ""
        operator.screen.say(f"{child.key}: {'refused: ' + found[child.key] if found[child.key] else 'no problem was found'}")
    return found
