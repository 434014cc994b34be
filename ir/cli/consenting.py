"""Stores, hosts and commands that are new since the last finished incident are shown before they get a key."""

from collections.abc import Iterable

from ir import consent
from ir.cli.people import Terminal
from ir.errors import Refused
from ir.inventory import Inventory, Key
from ir.wiring import State


def ask(source: Inventory, rows: Iterable[Key], kept: State, operator: Terminal, *, yes: bool, pinned: bool, sha256: str) -> None:
    """Ask where it is needed; `--yes` gives consent on first use only, a pinned inventory always.

    Raises:
        Refused: not consented.
    """
    before = consent.known(kept.ledger.index())
    places = {place for row in rows for place in consent.destinations(source, row)}
    new = sorted(places - (before or set()))
    if pinned or not new or (before is None and yes):
        return
    operator.screen.say("New since the last finished incident:\n  " + "\n  ".join(new))
    if yes:
        raise Refused(
            "stores, hosts or commands are new, and --yes consents on first use only",
            safe="nothing was changed",
            next_step=f"look at them, then pin the inventory: --inventory-sha256 {sha256}",
        )
    if not operator.confirm("Send the key there?"):
        raise Refused("not consented", safe="nothing was changed")
