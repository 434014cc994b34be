"""The inventory of a command, read once: consent, plan and run use the same text."""

import os
from pathlib import Path

from ir import inventory
from ir.cli.terminal import adhoc_inventory
from ir.cli.terminal.operator import Terminal, read_key
from ir.cli.terminal.screen import Screen
from ir.core import yaml_file
from ir.core.errors import UsageError
from ir.core.secret import Secret
from ir.incident.irreversible import NO_INVENTORY
from ir.inventory.opened import Opened

VARIABLE, HERE = "IR_INVENTORY", "inventory.yaml"
INVENTORY = f"Inventory file; default: {VARIABLE}, else {HERE} of this folder."


def read(file: str) -> Opened:
    """From a file. Raises BadFile."""
    path = Path(file)
    opened = Opened(yaml_file.read(path), file, path.resolve().parent)
    inventory.loads(opened.text, opened.name)
    return opened


def chosen(file: str, screen: Screen) -> str:
    """The one rule of all commands: the file that is named, else `IR_INVENTORY`, else `inventory.yaml` of this folder; "" = none.

    Which one was taken is said, unless it was named.
    """
    if file:
        return file
    named, where = os.environ.get(VARIABLE, ""), VARIABLE
    if not named and Path(HERE).exists():
        named, where = HERE, "of this folder"
    if named:
        screen.note(f"inventory: {named} ({where})")
    return named


def default(file: str, screen: Screen) -> Opened:
    """The inventory of a command that cannot go without one.

    Raises:
        UsageError: there is none.
        BadFile: it is wrong.
    """
    path = chosen(file, screen)
    if not path:
        raise UsageError("there is no inventory", next_step=f"--inventory FILE, or {VARIABLE}, or {HERE} in this folder")
    return read(path)


def read_or_make(
    file: str, leaked: Secret | None, operator: Terminal, *, name: str = "", api_base: str = ""
) -> tuple[Opened, Secret | None]:
    """From a file, or made up for a leaked key alone; and that key, if there is one.

    A pasted key goes without an inventory unless one is named. Where there is neither, a person at the terminal is asked for the key,
    if the command line did not `name` one.

    Raises:
        UsageError: there is no inventory and no key.
    """
    screen = operator.screen
    if file or leaked is None:
        path = chosen(file, screen)
        if path:
            return read(path), leaked
    elif os.environ.get(VARIABLE) or Path(HERE).exists():
        screen.note(f"a pasted key goes without an inventory; to use one: --inventory {os.environ.get(VARIABLE) or HERE}")
    if leaked is None and not name and operator.interactive:
        screen.note(f"No inventory was found (--inventory, {VARIABLE}, {HERE} of this folder), so the key itself is needed. Ctrl-C leaves.")
        leaked = read_key("prompt", "The leaked key", screen)
    if leaked is None:
        way = "prompt" if operator.interactive else "file:PATH"
        raise UsageError("there is no inventory", next_step=f"--inventory FILE, or --leaked-key-from {way} to go without one")
    return Opened(adhoc_inventory.inventory_for(leaked, screen, api_base=api_base), NO_INVENTORY, Path.cwd()), leaked
