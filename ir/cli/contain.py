"""`ir contain INC|KEY`: the red button. Needs no store and no service, takes no turn in any queue."""

import os
import sys
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from ir.actions import contain as containing
from ir.cli import rotate
from ir.cli.incidents import AsJson, Yes
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, Consent, refuse_other
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES, Terminal, files_of
from ir.cli.terminal.option_values import identify_row
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Did, Json
from ir.core.secret import Secret
from ir.incident import playbook
from ir.incident import record as incident_record
from ir.incident.action_catalog import ACTIONS
from ir.incident.context import Options
from ir.incident.plan import Step, compile_plan
from ir.incident.record import Incident
from ir.runtime import wiring
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.incident_spec import Setting, setting_from


def contain(
    what: Annotated[str, typer.Argument(help="An incident, or the name of a key in the inventory.")] = "",
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = "",
    leaked_key_from: Annotated[str, typer.Option(help=f"Where the leaked key comes from: {SOURCES}", metavar="SOURCE")] = "",
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a leaked key away from strangers, now: narrow it, or guide you to an access policy or a rotation."""
    screen, kept = Screen(as_json=as_json), open_state()
    operator = Terminal(screen, name=actor(), yes=yes)
    leaked = rotate.leaked_key(leaked_key_from, screen)
    if not what.startswith("INC-"):
        opened, leaked = inventory_source.read_or_make(inventory_file, leaked, operator, name=what)
        consent = Consent(lambda: kept, operator, opened, yes=yes, pin=inventory_sha256)
        options = Options(yes=yes, drill=os.environ.get("IR_DRILL") == "1", key_files=files_of(leaked=leaked_key_from))
        _open(what, consent, kept, operator, leaked, options)
    record = _record(kept, what)
    refuse_other(inventory_sha256, record.opened["inventory_sha256"])
    if not operator.confirm(f"Contain the leaked key of {what} now? Services that still use it will fail."):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes")
    sys.exit(_contain(kept, record, operator, leaked))


def _contain(kept: State, record: Incident, operator: Terminal, leaked: Secret | None) -> int:
    """Acts at once, beside whatever process runs the incident, and tells it afterwards."""
    setting = setting_from(record.id, record.opened)
    setting.options = replace(setting.options, dry_run=False)
    world = wiring.world(setting, kept, operator, ask=lambda: None, leaked=leaked, say=operator.screen.progress)
    step = Step("contain", "contain", ACTIONS["contain"].danger, "contain", "", {})
    outcome = containing.run(world, record, step)
    operator.screen.step("contain", outcome)
    body: Json = {"said": outcome.said, "facts": outcome.facts}
    kept.ledger.send(record.id, "contain", operator.name, body)
    holder = kept.ledger.holder(record.id)
    if not record.ended and holder is not None and not holder["alive"]:
        operator.screen.say(f"the kill is still to come, without waiting for an overlap: ir resume {record.id}")
    if operator.screen.as_json:
        operator.screen.document({"incident": record.id, "did": outcome.did.value, "said": outcome.said, "todo": outcome.todo})
    codes = {Did.DONE: ExitCode.DONE, Did.SKIPPED: ExitCode.DONE, Did.WAITING: ExitCode.WAITING}
    return int(codes.get(outcome.did, ExitCode.DEBT))


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
