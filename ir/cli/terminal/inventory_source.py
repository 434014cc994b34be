"""The inventory that a command works with, read once: what a person agrees to, what is planned and what is done are the same text."""

from dataclasses import dataclass
from pathlib import Path

from ir import inventory
from ir.cli.terminal import adhoc_inventory
from ir.cli.terminal.screen import Screen
from ir.core import yaml_file
from ir.core.errors import UsageError
from ir.core.secret import Secret
from ir.incident.irreversible import NO_INVENTORY
from ir.inventory import Inventory


@dataclass(frozen=True)
class Opened:
    """An inventory: its text, its name in errors, and the folder that relative paths start from."""

    text: str
    name: str
    base: Path

    @property
    def source(self) -> Inventory:
        """What it says."""
        return inventory.loads(self.text, self.name)


def read(file: str) -> Opened:
    """From a file. Raises BadFile."""
    path = Path(file)
    opened = Opened(yaml_file.read(path), file, path.resolve().parent)
    inventory.loads(opened.text, opened.name)
    return opened


def read_or_make(file: str, leaked: Secret | None, screen: Screen, *, api_base: str = "") -> Opened:
    """From a file (`inventory.yaml` of this folder by default), or made up for a leaked key alone."""
    path = Path(file or "inventory.yaml")
    if file or (path.exists() and leaked is None):
        return read(str(path))
    if leaked is None:
        raise UsageError("there is no inventory", next_step="--inventory FILE, or --leaked-key-from prompt to go without one")
    return Opened(adhoc_inventory.inventory_for(leaked, screen, api_base=api_base), NO_INVENTORY, Path.cwd())
