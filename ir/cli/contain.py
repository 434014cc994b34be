"""`ir contain INC|KEY`: the red button. Needs no store and no service, takes no turn in any queue."""

import sys
from dataclasses import replace
from typing import Annotated

import typer

from ir import incident as incidents
from ir import wiring
from ir.actions import contain as containing
from ir.catalog import ACTIONS
from ir.cli.incidents import AsJson, Yes
from ir.cli.people import SOURCES, Terminal, read_key
from ir.cli.screen import Screen
from ir.errors import ExitCode, Refused, UsageError
from ir.incident import Incident
from ir.model import Did, Json
from ir.plan import Step
from ir.secret import Secret
from ir.wiring import State


def contain(
    what: Annotated[str, typer.Argument(help="An incident, or the name of a key in the inventory.")] = "",
    inventory_file: Annotated[str, typer.Option("--inventory", help="Inventory file, for a key.", metavar="FILE")] = "",
    leaked_key_from: Annotated[str, typer.Option(help=f"Where the leaked key comes from: {SOURCES}", metavar="SOURCE")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take a leaked key away from strangers, now: narrow it, or guide you to an access policy or a rotation."""
    if not what.startswith("INC-"):
        _open(what, inventory_file, leaked_key_from, yes=yes, as_json=as_json)
    screen, kept = Screen(as_json=as_json), wiring.state()
    operator = Terminal(screen, name=wiring.actor(), yes=yes)
    leaked = read_key(leaked_key_from, "The leaked key", screen) if leaked_key_from else None
    record = _record(kept, what)
    if not operator.confirm(f"Contain the leaked key of {what} now? Services that still use it will fail."):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes")
    sys.exit(_contain(kept, record, operator, leaked))


def _contain(kept: State, record: Incident, operator: Terminal, leaked: Secret | None) -> int:
    """Acts at once, beside whatever process runs the incident, and tells it afterwards."""
    setting = wiring.setting_from(record.id, record.opened)
    setting.options = replace(setting.options, dry_run=False)
    world = wiring.world(setting, kept, operator, ask=lambda: None, leaked=leaked, say=operator.screen.progress)
    step = Step("contain", "contain", ACTIONS["contain"].danger, "contain", "", {})
    outcome = containing.run(world, record, step)
    operator.screen.step("contain", outcome)
    body: Json = {"said": outcome.said, "facts": outcome.facts}
    kept.ledger.send(record.id, "contain", operator.name, body)
    if operator.screen.as_json:
        operator.screen.document({"incident": record.id, "did": outcome.did.value, "said": outcome.said, "todo": outcome.todo})
    codes = {Did.DONE: ExitCode.DONE, Did.SKIPPED: ExitCode.DONE, Did.WAITING: ExitCode.WAITING}
    return int(codes.get(outcome.did, ExitCode.DEBT))


def _open(key: str, inventory_file: str, leaked_key_from: str, *, yes: bool, as_json: bool) -> None:
    """No incident yet: open one whose plan is containment and nothing else."""
    from ir.cli.rotate import stripe

    stripe(
        key=key,
        inventory_file=inventory_file,
        playbook_name="stripe-contain",
        leaked_key_from=leaked_key_from,
        policy="exploited",
        yes=yes,
        as_json=as_json,
    )


def _record(kept: State, name: str) -> Incident:
    from ir.runner import read_entries

    entries = read_entries(kept.ledger.engine, name) if kept.ledger.find(name) else []
    if not entries:
        raise UsageError(f"there is no incident {name}", next_step="ir status lists them, or name a key: ir contain KEY --inventory FILE")
    return incidents.fold(entries)
