"""`ir rotate stripe --adopt INC`: show what stores and Stripe still tell of an incident, and let a person decide to go on with it."""

from copy import deepcopy
from typing import cast

from ir.actions import preflight
from ir.cli.terminal.operator import Terminal
from ir.core.durations import spoken
from ir.core.errors import AlreadyRunning, PortError, Refused, UsageError
from ir.core.model import Did, Json
from ir.core.secret import Secret
from ir.engine.dbos_records import read_entries
from ir.engine.step_attempt import guarded
from ir.incident import adoption
from ir.incident.context import World
from ir.incident.facts import Facts
from ir.incident.record import Incident
from ir.runtime import worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting


def adopt(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, known: Json) -> Json:
    """First facts, `known` included, of an incident that another machine began; looks only, and asks before it continues.

    Raises:
        UsageError: not an incident's id.
        Refused: it is known here, nothing tells of it, it cannot be continued, or the operator does not agree.
    """
    name = setting.incident
    if not adoption.NAMED.fullmatch(name):
        raise UsageError(f"`{name[:40]}` is not an incident id", next_step="INC-YYYYMMDD-xxxx, as it is written on what it staged")
    _refuse_known(kept, name)
    world = worlds.read_only(setting, kept, operator, leaked=leaked, say=operator.screen.progress)
    try:
        facts = cast(Facts, {**known, **adoption.look(world)})
    except PortError as error:
        raise Refused(f"what {name} kept could not be asked for: {error.what}", safe="nothing was changed", next_step="try again") from None
    _show(operator, name, facts)
    if not setting.options.dry_run:
        _confirm(operator, name, facts, world)
        _refuse_what_preflight_refuses(world, facts)
    return cast(Json, facts)


def _refuse_known(kept: State, name: str) -> None:
    holder = kept.leases.holder(name)
    if holder is not None and holder.alive:
        raise AlreadyRunning(holder.blocks, incident=name, next_step=f"ir status {name} --follow")
    row = kept.index.find(name)
    if row is not None and read_entries(kept.engine, name):
        raise Refused(
            f"{name} is recorded here ({row.status}), so there is nothing to rebuild",
            safe="nothing was changed",
            next_step=f"ir resume {name}",
        )


def _show(operator: Terminal, name: str, facts: Facts) -> None:
    found, screen = facts["adopted"], operator.screen
    screen.table(
        f"What stores and Stripe show of {name}",
        ("store", "holds", "of the incident"),
        [
            (store, row["holds"] or row["trouble"] or "cannot be read", ", ".join(row["roles"]) or "nothing")
            for store, row in found["stores"].items()
        ],
    )
    for key, called in found["keys"].items():
        screen.say(f"Stripe lists {called} ({key}), alive")
    if facts.get("new"):
        screen.say(f"The replacement is there ({facts['new']['fingerprint']}); nothing will be minted again.")
    elif found["keys"]:
        screen.say("The value of what was minted is lost: it will be expired, and another key minted.")
    else:
        screen.say(f"No replacement was found. Should the Dashboard list a key named ir-{name}-…, its value is lost: expire it there.")


def _confirm(operator: Terminal, name: str, facts: Facts, world: World) -> None:
    found = facts["adopted"]
    who = found["owner"] or "somebody"
    since = f", {spoken(max(world.now() - found['since'], 1.0))} ago" if found["since"] else ""
    operator.screen.warn(
        f"{name} was begun by {who}{since}. No database tells whether its process still lives, and two that go on with one "
        "incident undo each other's work: make sure that it has ended."
    )
    if not operator.confirm(f"Is the process that began {name} dead, and shall this machine go on with it?"):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")


def _refuse_what_preflight_refuses(world: World, facts: Facts) -> None:
    """Refuse before it is begun: an id that was begun here cannot be adopted once more with other exceptions."""
    step = next((step for step in world.plan.steps if step.action == "preflight"), None)
    if step is None:
        return
    outcome = guarded(preflight, world, Incident(id=world.incident, facts=deepcopy(facts)), step)
    if outcome.did is not Did.DONE:
        raise Refused(outcome.said, safe="nothing was changed", next_step=outcome.todo)
