"""An inventory that was read once, so that consent and use are about the same text."""

from dataclasses import dataclass
from pathlib import Path

from ir import inventory
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
