"""Show what an inventory makes `ir` run, and the secrets that it sends, before it happens: to a person, or pinned for a machine."""

from collections.abc import Callable, Iterable
from functools import cached_property

from ir import inventory
from ir.cli.terminal.operator import Terminal
from ir.core.errors import Refused
from ir.inventory import consent
from ir.inventory.opened import Opened
from ir.runtime.app_state import State

PIN = "Pin the inventory, whose SHA-256 `ir inventory check` prints; for machines."
TRUST = "Trust this inventory?"
YES = "Consent to what the inventory runs and reaches, on first use."


class Consent:
    """The consent of one command about one inventory, read once: what is agreed to is what is used.

    A pinned inventory is agreed to as it stands. `--yes` agrees on first use only, which is before the first rotation has finished.
    Without either a person at the terminal is asked, once for each thing.

    Args:
        kept: opens the state; only when there is something to agree to.
        opened: the inventory.
        pin: the SHA-256 that it has to have, "" = none.

    Raises:
        Refused: it is another inventory than the pinned one.
    """

    def __init__(self, kept: Callable[[], State], operator: Terminal, opened: Opened, *, yes: bool, pin: str = "") -> None:
        self.opened = opened
        self._open, self._operator, self._yes, self._pinned = kept, operator, yes, bool(pin)
        self._sha256 = inventory.digest(opened.text)
        refuse_other(pin, self._sha256)

    def ask(self, places: Iterable[str], otherwise: str = "", question: str = TRUST) -> None:
        """Go on only if it is agreed to.

        Args:
            places: from `ir.inventory.consent`.
            otherwise: another way out besides the pin.
            question: what a person is asked below the list.

        Raises:
            Refused: it is not.
        """
        new = self._new(set(places))
        if not new:
            return
        shown = "\n  ".join(new)
        if self._yes or not self._operator.interactive:
            why = "--yes consents on first use only" if self._yes else "no person is here to consent"
            raise Refused(
                f"what the inventory runs or reaches is new, and {why}:\n  {shown}",
                safe="nothing was changed, none of it was run or reached",
                next_step=f"look at it, then pin the inventory: --inventory-sha256 {self._sha256}{otherwise and f'; or {otherwise}'}",
            )
        self._operator.screen.say(f"New since the last finished incident:\n  {shown}")
        if not self._operator.confirm(question):
            raise Refused("not consented", safe="nothing was changed, none of it was run or reached")
        self._state.consents.add(new, self._operator.name)

    def may(self, places: Iterable[str], question: str = TRUST) -> bool:
        """The same, for what can be left out."""
        try:
            self.ask(places, question=question)
        except Refused:
            return False
        return True

    def unagreed(self, places: Iterable[str]) -> list[str]:
        """Those of these places that lack consent so far; asks no question."""
        return self._new(set(places))

    def agreed(self, places: set[str]) -> list[str]:
        """Those of these places that a person saw and agreed to, or that are pinned. Asks no question, and `--yes` alone has shown none."""
        if self._pinned or not places:
            return sorted(places)
        return sorted(places & ((consent.known(self._state.index.rows()) or set()) | self._state.consents.places()))

    def _new(self, places: set[str]) -> list[str]:
        if self._pinned or not places:
            return []
        finished = consent.known(self._state.index.rows())
        if finished is None and self._yes:
            return []
        return sorted(places - (finished or set()) - self._state.consents.places())

    @cached_property
    def _state(self) -> State:
        return self._open()


def refuse_other(pin: str, sha256: str) -> None:
    """Raises Refused: `sha256` is not the pinned one."""
    if pin.lower() not in ("", sha256):
        raise Refused(
            f"the inventory is not the one that --inventory-sha256 pins; its SHA-256 is {sha256}",
            safe="nothing was changed, nothing that it names was run or reached",
            next_step="look at what was changed in it, then pin it again (ir inventory check)",
        )
