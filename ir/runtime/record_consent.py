"""Whether this machine agreed to the programs and hosts that the record of an incident names: a row alone is data (decision 0024).

A database that machines share is written by others. So the machine that begins an incident notes on its own disk what it began; another
one knows what its own inventory says, and has to be asked about the rest.
"""

import hashlib
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ir import inventory
from ir.core.errors import IrError
from ir.core.model import Json
from ir.core.stripe_address import STRIPE
from ir.evidence.hash_chain import canonical
from ir.incident.record import Incident
from ir.inventory import Inventory, Key, consent
from ir.inventory.opened import Opened
from ir.runtime.app_state import State
from ir.storage import state_folder
from ir.storage.written_file import write

Places = Callable[[Inventory, Key], set[str]]
_PARTS = ("inventory", "inventory_name", "inventory_base", "key", "plan", "options")
_OF_FOLDER = ("command ", "store dotenv://", "store command://")
"""How places begin that may depend on the folder of the inventory."""


def note(kept: State, incident: str, opened: Json) -> None:
    """Note that what an incident was begun with was agreed to on this machine; `opened`: the body of its first entry.

    What cannot be noted is asked about later.
    """
    with suppress(IrError):
        state_folder.private(kept.folder / "agreed")
        write(_file(kept, incident), _digest(opened))


def noted(kept: State, record: Incident) -> bool:
    """Whether its record is still what this machine agreed to. A database in the own state folder is written by this account alone."""
    if kept.engine.url.get_backend_name() == "sqlite" and str(kept.engine.url.database).startswith(f"{kept.folder}/"):
        return True
    file = _file(kept, record.id)
    return file.exists() and file.read_text(encoding="utf-8") == _digest(record.opened)


def unagreed(kept: State, record: Incident, own: Opened | None, places: Places = consent.destinations) -> list[str]:
    """What of it was not agreed to here, in words; `own`: this machine's inventory, `places`: what would be run and reached, of a key.

    Nothing of what this version cannot read: no world is made of that.
    """
    if noted(kept, record):
        return []
    try:
        source, base = inventory.loads(record.opened["inventory"], record.opened["inventory_name"]), str(record.opened["inventory_base"])
        wanted = _reached(source, source.key(record.opened["key"]), places)
    except (IrError, LookupError, StopIteration, TypeError, ValueError):
        return []
    names = {str(record.opened["key"]), *record.plan.get("also", ())}
    return sorted(wanted - (_own(own, names, base) if own else set()))


def removing(source: Inventory, key: Key) -> set[str]:
    """What is run and reached where only the provider is asked: for a containment, and for deleting what is left of a key."""
    return consent.containment(source, key)


def _own(own: Opened, names: Collection[str], base: str) -> set[str]:
    """What this machine's inventory says of keys of these names."""
    keys = [key for key in own.source.held if key.name in names]
    found = {place for key in keys for look in (consent.destinations, removing) for place in _reached(own.source, key, look)}
    return found if str(own.base) == base else {place for place in found if not place.startswith(_OF_FOLDER)}


def _reached(source: Inventory, key: Key, places: Places) -> set[str]:
    host = f"host {urlsplit(source.account(key.account).api_base).netloc}"
    return ({*places(source, key), host}) - {f"host {urlsplit(STRIPE).netloc}"}


def _file(kept: State, incident: str) -> Path:
    return kept.folder / "agreed" / hashlib.sha256(incident.encode()).hexdigest()  # an id from a row may hold a slash


def _digest(opened: Json) -> str:
    return hashlib.sha256(canonical({name: opened.get(name) for name in _PARTS})).hexdigest()
