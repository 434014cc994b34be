"""The person at the Dashboard's page: clicks what they are told, holds a value to paste, and makes mistakes."""

import time
from collections.abc import Callable
from random import Random

from ir.drill.twin import Key
from tests.hands import mishaps
from tests.hands.clicker import Clicker
from tests.hands.mishaps import Fate, Mishap
from tests.hands.reading import Instruction, Told
from tests.hands.scene import Scene


class AtThePage:
    """One person.

    Args:
        says: notes what is done.

    Attributes:
        copied: the key whose value is in the clipboard.
    """

    def __init__(self, scene: Scene, clicker: Clicker, dice: Random, fate: Fate, says: Callable[[str], None]) -> None:
        self._scene, self._clicker, self._dice, self._fate, self._says = scene, clicker, dice, fate, says
        self.copied: Key | None = None

    def follows(self, found: Instruction) -> None:
        """Clicks."""
        match found.told:
            case Told.CREATE:
                self._made(self._clicker.create(found.what))
            case Told.ROTATE:
                self._made(self._clicker.rotate(self._scene.leaked, "now"))
            case Told.GIVE:
                if self.copied is None and (newest := self._scene.newest()) is not None:
                    self._made(self._clicker.rotate(newest, "now"))
            case Told.POLICY:
                self._clicker.policy(self._scene.leaked, found.what)
            case Told.KILL:
                self._kills(self._scene.ends_in(found.what) or self._scene.leaked)

    def pasted(self, struck: Mishap | None) -> str:
        """What goes through the prompt."""
        value = self.copied.token.reveal() if self.copied is not None else ""
        if struck is not None:
            self._says(struck)
        if struck is Mishap.PASTES_LATE:
            time.sleep(self._dice.uniform(1.0, 2.5))
        others: dict[Mishap, Callable[[], str]] = {
            Mishap.PASTES_TWICE: lambda: f"{value}\n{value}",
            Mishap.PASTES_LEAKED: self._scene.leaked.token.reveal,
            Mishap.PASTES_ANOTHER: self._scene.bystander.token.reveal,
            Mishap.PASTES_STRANGER: lambda: self._scene.stranger().token.reveal(),
            Mishap.PASTES_JUNK: self._scene.of_another_account,
            Mishap.PASTES_CUT: lambda: value[:-20],
            Mishap.PASTES_SPACE: lambda: f"{value} ",
            Mishap.PASTES_LINES: lambda: f"{value}\n\n",
        }
        return others.get(struck, lambda: value)() + "\n" if struck is not None else value + "\n"

    def _made(self, value: str) -> None:
        struck = self._fate.strikes(mishaps.MAKING)
        key = self._scene.world.twin.key(value) if value else None
        if struck is Mishap.CLICKS_LATE:
            time.sleep(self._dice.uniform(0.5, 3.0))
        if struck is not None:
            self._says(struck)
        if struck is Mishap.LOSES_DIALOG and key is not None:
            self._scene.lost.append(key)
            key = None
        self.copied = key

    def _kills(self, key: Key) -> None:
        struck = self._fate.strikes(mishaps.CLICKING)
        if struck is not None:
            self._says(struck)
        if struck is Mishap.CLICKS_LATE:
            time.sleep(self._dice.uniform(0.5, 3.0))
        elif struck is Mishap.WRONG_ROW_OTHER:
            self._clicker.expire(self._scene.bystander)
        elif struck is Mishap.WRONG_ROW_NEW and (new := self.copied) is not None and new.token.reveal() in self._scene.held:
            self._clicker.expire(new)
            self.copied = None
            return
        self._clicker.expire(key)
