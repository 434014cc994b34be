"""`ir contain INC|KEY`: the red button. Needs no store and no service, takes no turn in any queue."""

import os
import sys
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from ir import inventory
from ir.actions import contain as containing
from ir.cli import rotate
from ir.cli.incidents import AsJson, Yes
from ir.cli.terminal import by_name, inventory_source
from ir.cli.terminal.consent_prompt import PIN, Consent, refuse_other
from ir.cli.terminal.inventory_source import INVENTORY, Opened
from ir.cli.terminal.operator import SOURCES, Terminal, files_of
from ir.cli.terminal.option_values import identify_row
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Did
from ir.core.secret import Secret
from ir.incident import irreversible, playbook, reversibility
from ir.incident import record as incident_record
from ir.incident.action_catalog import ACTIONS
from ir.incident.context import Options
from ir.incident.plan import Step, compile_plan
from ir.incident.record import FINAL, Incident
from ir.runtime import wiring
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.incident_spec import Setting, setting_from


def contain(
    what: Annotated[str, typer.Argument(help="An incident, or the name of a key in the inventory.")] = "",
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = "",
    leaked_key_from: Annotated[str, typer.Option(help=f"Where the leaked key comes from: {SOURCES}", metavar="SOURCE")] = "",
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    api_base: Annotated[str, typer.Option(help="Without an inventory: a Stripe stand-in on loopback.", metavar="URL")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a leaked key away from strangers, now: narrow it, or guide you to an access policy or a rotation."""
    screen, kept = Screen(as_json=as_json), open_state()
    operator = Terminal(screen, name=actor(), yes=yes)
    leaked = rotate.leaked_key(leaked_key_from, screen)
    if not what.startswith("INC-"):
        opened, leaked = inventory_source.read_or_make(inventory_file, leaked, operator, name=what, api_base=api_base)
        consent = Consent(lambda: kept, operator, opened, yes=yes, pin=inventory_sha256)
        options = Options(yes=yes, drill=os.environ.get("IR_DRILL") == "1", key_files=files_of(leaked=leaked_key_from))
        _open(what, consent, kept, operator, leaked, options)
    record = _record(kept, what)
    refuse_other(inventory_sha256, record.opened["inventory_sha256"])
    setting = setting_from(record.id, record.opened)
    setting.options = replace(setting.options, dry_run=False)
    source = inventory.loads(setting.text, setting.name)
    account = source.account(source.key(setting.key).account)
    kills = reversibility.way(account, replaces=not setting.options.no_replacement, made="new" in record.facts).kills
    if record.status in FINAL and kills:  # nothing of it hears of a new key any more
        opened = Opened(setting.text, setting.name, setting.base)
        options = Options(yes=yes, drill=setting.options.drill)
        _open(setting.key, Consent(lambda: kept, operator, opened, yes=yes, pin=inventory_sha256), kept, operator, leaked, options)
    if not (_confirmed_by_name(kept, operator, record) if kills else operator.confirm(_QUESTION.format(what))):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    sys.exit(_contain(kept, setting, record, operator, leaked))


_QUESTION = "Contain the leaked key of {} now? Services that still use it will fail."


def _confirmed_by_name(kept: State, operator: Terminal, record: Incident) -> bool:
    """Of two terminals the first counts."""
    about = irreversible.to_contain(record, by_name.ends_in(kept, operator, record, "old"))
    try:
        return by_name.confirmed(operator, about, by_name.settled(record, "contain", lambda: _record(kept, record.id)))
    except by_name.Answered as answered:
        what = f"{answered.by} contained the key meanwhile"
        raise Refused(what, safe="nothing was changed from here", next_step=f"ir status {record.id}") from None


def _contain(kept: State, setting: Setting, record: Incident, operator: Terminal, leaked: Secret | None) -> int:
    """Acts at once, beside whatever process runs the incident, and tells it afterwards."""
    world = wiring.world(setting, kept, operator, ask=lambda: None, leaked=leaked, say=operator.screen.progress)
    step = Step("contain", "contain", ACTIONS["contain"].danger, "contain", "", {})
    fixed = containing.prepare(world, record, step)
    incident_record.merge(record.facts, fixed)
    outcome = containing.act(world, record)
    incident_record.merge(fixed, outcome.facts)
    outcome = replace(outcome, facts=fixed)
    operator.screen.step("contain", outcome)
    if {"containment", "new", "proof"} & set(outcome.facts):  # else nothing has changed that its process would have to know
        kept.ledger.send(record.id, "contain", operator.name, {"said": outcome.said, "facts": outcome.facts})
    for debt in outcome.debts:
        operator.screen.warn(f"still to do: {debt.why} → {debt.todo}")
    holder = kept.ledger.holder(record.id)
    if not record.ended and holder is not None and not holder["alive"]:
        what = "the rollout of the new key" if "new" in outcome.facts else "the kill"
        operator.screen.say(f"{what} is still to come, without waiting for an overlap: ir resume {record.id}")
    if operator.screen.as_json:
        operator.screen.document({"incident": record.id, "did": outcome.did.value, "said": outcome.said, "todo": outcome.todo})
    codes = {Did.DONE: ExitCode.DONE, Did.SKIPPED: ExitCode.DONE, Did.WAITING: ExitCode.WAITING}
    return int(ExitCode.DEBT if outcome.debts else codes.get(outcome.did, ExitCode.DEBT))


def _open(key: str, consent: Consent, kept: State, operator: Terminal, leaked: Secret | None, options: Options) -> NoReturn:
    """No incident yet: open one whose plan is containment and nothing else."""
    opened = consent.opened
    row = identify_row(consent, key, leaked, operator)
    plan = compile_plan(playbook.load("stripe-contain"), opened.source, row)
    rotate.carry_out(Setting("", opened.text, opened.name, opened.base, row.name, plan, options), kept, operator, leaked, None, consent)


def _record(kept: State, name: str) -> Incident:
    from ir.engine.dbos_records import read_entries

    entries = read_entries(kept.ledger.engine, name) if kept.ledger.find(name) else []
    if not entries:
        raise UsageError(f"there is no incident {name}", next_step="ir status lists them, or name a key: ir contain KEY --inventory FILE")
    return incident_record.fold(entries)
