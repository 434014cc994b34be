"""`ir contain INC|KEY`: the red button. Needs no store and no service, takes no turn in any queue."""

import os
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from ir import inventory
from ir.cli import emergency, rotate
from ir.cli.incidents import record_of
from ir.cli.options import AsJson, Yes
from ir.cli.terminal import inventory_source, record_prompt
from ir.cli.terminal.consent_prompt import PIN, Consent, refuse_other
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES, Terminal, files_of
from ir.cli.terminal.screen import Screen
from ir.core.model import Policy
from ir.core.secret import Secret
from ir.incident import playbook, reversibility
from ir.incident.context import Options
from ir.incident.plan import compile_plan
from ir.incident.record import FINAL
from ir.inventory.opened import Opened
from ir.runtime import record_consent, which_key
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.emergency import overlaps
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
    record = record_of(kept, what)
    refuse_other(inventory_sha256, inventory.digest(record.opened["inventory"]))
    if not inventory_sha256:
        record_prompt.ask(kept, operator, record, record_consent.removing)
    setting = setting_from(record.id, record.opened)
    setting.options = replace(setting.options, dry_run=False)
    source = inventory.loads(setting.text, setting.name)
    account = source.account(source.key(setting.key).account)
    kills = reversibility.way(account, replaces=not setting.options.no_replacement, made="new" in record.facts).kills
    if record.status in FINAL and kills:  # a later run does not hear of a new key any more
        opened = Opened(setting.text, setting.name, setting.base)
        options = Options(yes=yes, drill=setting.options.drill)
        _open(setting.key, Consent(lambda: kept, operator, opened, yes=yes, pin=inventory_sha256), kept, operator, leaked, options)
    emergency.confirm(kept, operator, record, what, kills=kills)
    emergency.contain(kept, setting, record, operator, leaked, ends=overlaps(record, Policy.SCHEDULED))


def _open(key: str, consent: Consent, kept: State, operator: Terminal, leaked: Secret | None, options: Options) -> NoReturn:
    """No incident yet: open one whose plan is containment and nothing else."""
    opened = consent.opened
    row = which_key.identify(consent, key, leaked, operator)
    plan = compile_plan(playbook.load("stripe-contain"), opened.source, row)
    rotate.carry_out(Setting("", opened.text, opened.name, opened.base, row.name, plan, options), kept, operator, leaked, None, consent)
