"""After the red button without custody, the rotation's new key is in this process alone, so its rollout comes next."""

import os
from pathlib import Path

from ir.cli.terminal.operator import Terminal
from ir.core.secret import Secret
from ir.incident import debts
from ir.incident.context import World
from ir.incident.irreversible import NO_INVENTORY
from ir.incident.record import Incident
from ir.runtime.incident_spec import Setting


def offer(setting: Setting, world: World, operator: Terminal) -> list[str]:
    """The words of the command that rolls it out, if there is such a key and somebody sits here who wants that now; else [].

    The keys go through pipes that the command inherits: neither in its words nor in its environment.
    """
    new, facts = world.keys.replacement, world.run.facts()
    if new is None or facts.get("new", {}).get("custody") or facts.get("rotation", {}).get("value") != "taken":
        return []
    opened = {"key": setting.key, "inventory_name": setting.name, "inventory_base": str(setting.base)}
    command = debts.roll_out(Incident(opened=opened))
    if operator.interactive and operator.confirm(f"The new key is in no custody. Give it to the services now ({command})?"):
        return [*_words(setting, world), "--policy", "exploited", "--new-key-from", _piped(new)]
    operator.tell(f"The new key is in no custody: leave the Dashboard's dialog open, and paste its value when this asks for it: {command}")
    return []


def _words(setting: Setting, world: World) -> list[str]:
    """`ir rotate stripe` for this key and inventory."""
    if setting.name != NO_INVENTORY:
        return ["rotate", "stripe", setting.key, "--inventory", str(setting.base / Path(setting.name).name)]
    assert world.keys.leaked is not None  # noqa: S101 - without an inventory there is nothing but the key itself
    return ["rotate", "stripe", "--leaked-key-from", _piped(world.keys.leaked), "--api-base", world.account.api_base]


def _piped(secret: Secret) -> str:
    """As a source that the next command reads once."""
    reading, writing = os.pipe()
    os.write(writing, secret.reveal().encode() + b"\n")
    os.close(writing)
    os.set_inheritable(reading, True)
    return f"fd:{reading}"
