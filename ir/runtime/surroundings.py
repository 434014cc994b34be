"""The inventory around a key of a campaign: its other keys are compared before the kill, as those of a single rotation are.

The incident of such a key knows its own rows alone, so that its cost does not grow with the others. What lies around it is kept once for
all of them, under a SHA-256 that each one's options name. One process looks at it once for all keys that ask at the same time.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import sqlalchemy as sa

from ir import inventory
from ir.core.errors import BadFile
from ir.core.model import Json, Policy
from ir.incident.context import World
from ir.inventory import Inventory
from ir.ports import Comparison, Operator
from ir.runtime.look_around import WITHIN, ListedObject, LookAround, Seen, listed, of_this_tool
from ir.runtime.same_value import Judge
from ir.runtime.shared_look import SharedLook
from ir.storage.inventory_texts import InventoryTexts, sha256_of

_KEPT = 8
"""Inventories that one process remembers."""
_EACH, _IDLE = 0.5, 3
"""Seconds of a wait between two looks at whether it should end, and how many of them have to find that every incident waits."""
_GONE = "what the campaign was begun with is no longer in the database as it was"


@dataclass(frozen=True)
class Around:
    """An inventory, and what of it may be run and told to compare other keys.

    Attributes:
        base: the folder that relative paths are relative to.
        agreed: see `Options.agreed`.
    """

    text: str
    name: str
    base: str
    agreed: tuple[str, ...]

    @property
    def body(self) -> Json:
        """As it is kept."""
        return {"text": self.text, "name": self.name, "base": self.base, "agreed": list(self.agreed)}

    @property
    def sha256(self) -> str:
        """The name that it is kept under."""
        return sha256_of(self.body)

    @cached_property
    def inventory(self) -> Inventory:
        """Raises BadFile: this version cannot read it."""
        return inventory.loads(self.text, self.name)


@lru_cache(maxsize=16)
def of_process(engine: sa.Engine) -> "Surroundings":
    """What this process knows, of one database."""
    return Surroundings(InventoryTexts(engine))


class Surroundings:
    """See `of_process`. `texts`: where they are kept."""

    def __init__(self, texts: InventoryTexts) -> None:
        self._texts, self._lock = texts, threading.Lock()
        self._known = dict[str, tuple[Around, SharedLook]]()

    def keep(self, around: Around) -> str:
        """Keep one for all machines; returns its name."""
        return self._texts.keep(around.body)

    def find(self, name: str) -> Around | None:
        """None: there is none of that name, or it was changed since."""
        body = self._texts.find(name)
        return Around(body["text"], body["name"], body["base"], tuple(body["agreed"])) if body is not None else None

    def others(self, name: str, key: str, operator: Operator, own: Collection[str], world: Callable[[], World]) -> "Others":
        """What is around a key of `world`; `own`: see `Judge`."""
        return Others(lambda: self._shared(name, operator), key, operator, own, world)

    def _shared(self, name: str, operator: Operator) -> tuple[Around, SharedLook] | None:
        with self._lock:
            if name not in self._known:
                around = self.find(name)
                if around is None:
                    return None
                while len(self._known) >= _KEPT:
                    self._known.pop(next(iter(self._known)))
                self._known[name] = around, SharedLook(_looking(around, operator))
            return self._known[name]


class Others:
    """The places around one key of a campaign; see `same_value.OtherPlaces`, which does it for a rotation alone."""

    def __init__(
        self,
        shared: Callable[[], tuple[Around, SharedLook] | None],
        key: str,
        operator: Operator,
        own: Collection[str],
        world: Callable[[], World],
    ) -> None:
        self._shared, self._key, self._operator, self._own, self._world = shared, key, operator, own, world

    def compare(self, fingerprint: str) -> Comparison:
        """By a look that began after this question. Raises nothing."""
        return self._compared(fingerprint, lambda look: look.fresh(self._wait))

    def compare_lately(self, fingerprint: str) -> Comparison:
        """By the newest look that there is; where it found the key, by one that begins now."""
        found = self._compared(fingerprint, lambda look: look.last() or look.fresh(self._wait))
        return self.compare(fingerprint) if found.holders else found

    def _compared(self, fingerprint: str, seen: Callable[[SharedLook], Seen]) -> Comparison:
        shared = self._shared()
        try:
            if shared is None:
                return Comparison(unread={"every other key": _GONE})
            around, look = shared
            judge = Judge(around.inventory, around.inventory.key(self._key), self._own)
        except (BadFile, LookupError, StopIteration):
            return Comparison(unread={"every other key": _GONE})
        asked = LookAround(around.inventory, self._operator, Path(around.base), around.agreed)
        found = seen(look)
        return judge.judged(found, fingerprint, asked.holds, time.monotonic() + WITHIN)

    def _wait(self, seconds: float, least: float) -> bool:
        """Let another incident work meanwhile; a signal ends it. Strangers who have the key, uncontained, are not given that time.

        Where every incident of this process waits, for a while now, it ends after `least` seconds: none is worth waiting for.
        """
        world = self._world()
        if world.plan.policy is Policy.EXPLOITED and not world.run.facts().get("containment"):
            return False
        began, idle = world.elapsed(), 0
        with world.hooks.resting(seconds) as none_works:
            while (left := began + seconds - world.elapsed()) > 0:
                idle = idle + 1 if none_works() else 0
                if world.run.stopping() or (idle > _IDLE and world.elapsed() - began >= least):
                    return False
                world.ports.clock.sleep(min(left, _EACH))
        return True


def _looking(around: Around, operator: Operator) -> Callable[[], Seen]:
    """Looks at everything; what did not change since the last look is not read again."""
    source = around.inventory
    rows = [(key.name, ref) for key in source.held for ref in key.stored_in]
    objects = listed([*rows, *(("", ref) for _, ref in of_this_tool(source, source.accounts))])
    look = LookAround(source, operator, Path(around.base), around.agreed)
    return lambda: look.take([ListedObject(name, fields) for name, fields in objects.items()], source.services)
