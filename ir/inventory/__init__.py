"""The inventory: accounts, keys, stores and services, read from a file that a person wrote.

Every mistake is named with file, line, YAML path and fix.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from ir.core import yaml_file
from ir.core.errors import BadFile
from ir.inventory.rows import NOTICE_KINDS, Account, Approver, Command, Inventory, Key, Notify, Webhook
from ir.inventory.rules import problems
from ir.inventory.service_rows import Reload, Service, Verify, waves

__all__ = [
    "NOTICE_KINDS",
    "Account",
    "Approver",
    "Command",
    "Inventory",
    "Key",
    "Notify",
    "Reload",
    "Service",
    "Verify",
    "Webhook",
    "digest",
    "load",
    "loads",
    "waves",
]


def load(path: Path) -> Inventory:
    """Read and check an inventory file.

    Raises:
        BadFile: with file, line, YAML path, what is wrong and the fix.
    """
    return loads(yaml_file.read(path), str(path))


@lru_cache(maxsize=64)
def loads(text: str, name: str) -> Inventory:
    """As `load`, from text; errors call it `name`. Equal texts give the same object, which is never changed."""
    data, lines = yaml_file.parse(text, name)
    inventory = yaml_file.check(Inventory, data, lines, name)
    for path, what, fix in problems(inventory):
        raise BadFile(name, lines.get(path, 0), yaml_file.dotted(path), what, fix)
    return inventory


def digest(text: str) -> str:
    """SHA-256 of the file's bytes, which `--inventory-sha256` pins."""
    return hashlib.sha256(text.encode()).hexdigest()
