"""Decide whether a worker is fit to take a key: its inventory, clock, database and logins. One that is not takes nothing, and says why.

A login that is refused is this worker's own matter, as long as stores of other keys on the same server refuse it, too: then the keys are
left to workers with a better one. Where one store alone refuses, it is the key that cannot be rotated, and its incident says so. A store
that gives no answer may be seen by another worker: the key is put off, and after some times begun all the same, to be refused by name.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from ir import inventory
from ir.core.durations import spoken
from ir.core.errors import Denied, IrError, PortError, Unknown
from ir.core.model import Json
from ir.core.reference import Reference
from ir.fleet import agreed_work
from ir.fleet.agreed_work import Trust, Work
from ir.fleet.campaign import Child, ChildState, server
from ir.fleet.campaign_child import setting_of
from ir.fleet.campaign_store import CampaignLedger
from ir.inventory import Inventory
from ir.runtime import adapter_registry
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting
from ir.runtime.lifecycle import Unattended
from ir.runtime.noted_store import Noted
from ir.storage.database import clock

EVERY = 20.0
"""Seconds between looks of a worker at itself."""
CLOCK = 120.0
"""Seconds by which its clock may differ from the database's."""
_UNASKED = ("manual", "env", "command")
"""Schemes without a login of the worker's own that could be looked at without running a program."""
_OTHERS = 3


@dataclass(frozen=True)
class AskedStore:
    """A field of a store, and the inventory that says how it is reached."""

    ref: Reference
    source: Inventory
    base: Path


@dataclass
class Fitness:
    """The fitness of one worker.

    Attributes:
        said: why it takes nothing, "" = it is fit.
    """

    kept: State
    book: CampaignLedger
    trust: Callable[[], Trust]
    said: str = ""
    _good: dict[str, AskedStore] = field(default_factory=dict)
    """Server → a store on it that could be read."""
    _denied: dict[str, AskedStore] = field(default_factory=dict)
    """Server → a store on it that refused this worker's login."""
    _looked: float = 0.0

    def look(self) -> str:
        """Look again, now and then; returns `said`."""
        if self._looked and time.monotonic() - self._looked < EVERY:
            return self.said
        self._looked = time.monotonic()
        self._look_at_logins()
        self.said = self._inventory() or self._time() or self._logins()
        return self.said

    def may_take(self, child: Child, work: Work) -> bool | None:
        """Whether its stores answer this worker; each that was read is handed on with `work`, so that its incident need not read it again.

        False: they refuse this worker's login, which `said` tells; None: one gives no answer now.
        """
        if work.changed is not None:
            return True  # its incident, wherever it runs, reports the fault
        try:
            setting = setting_of(child, work.row)
        except (IrError, LookupError, TypeError, ValueError):
            return True  # its incident, wherever it runs, reports the fault
        for place in _places(setting):
            store = self._store(place)
            found = self._read(store)
            if found == "":
                work.stores[str(place.ref)] = store.hand_over()
                self._good[server(place.ref)] = place
            elif found is None:
                return None
            elif not self._others_read(place, child):
                self._denied[server(place.ref)] = place
                self.said = self._logins()
                return False
        return True

    # ── what is looked at ──

    def _inventory(self) -> str:
        try:
            self.trust()
        except IrError as error:
            return error.what
        return ""

    def _time(self) -> str:
        try:
            with self.kept.engine.connect() as db:
                ahead = time.time() - clock(db)
        except sa.exc.SQLAlchemyError as error:
            return f"the database cannot be used ({type(error).__name__})"
        if abs(ahead) > CLOCK:
            return f"its clock is {spoken(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the database's"
        return ""

    def _look_at_logins(self) -> None:
        """Look again at logins: refused ones may work by now, good ones may be revoked."""
        for name, place in list(self._denied.items()):
            if self._read(self._store(place)) == "":
                del self._denied[name]
                self._good[name] = place
        for name, place in list(self._good.items()):
            if self._read(self._store(place)):
                del self._good[name]
                self._denied[name] = place

    def _logins(self) -> str:
        return "; ".join(f"the store at {place.ref} refuses its login" for place in self._denied.values())

    def _others_read(self, place: AskedStore, child: Child) -> bool:
        """Whether this worker can read a store of another key on the same server, or has none to compare with."""
        there = server(place.ref)
        known = self._good.get(there)
        if known is not None and known.ref != place.ref:
            return self._read(self._store(known)) == ""
        asked = 0
        for other in self.book.children(child.campaign):
            if asked < _OTHERS and other.id != child.id and there in other.stores and other.state is not ChildState.DONE:
                try:
                    places = [one for one in _places(self._trusted(other)) if server(one.ref) == there]
                except (IrError, LookupError, TypeError, ValueError):
                    continue
                asked += 1
                if any(self._read(self._store(one)) == "" for one in places):
                    return True
        return asked == 0

    def _store(self, place: AskedStore) -> Noted:
        return Noted(adapter_registry.store(place.ref, place.source, Unattended(self.kept.me.actor, yes=True), place.base))

    def _read(self, store: Noted) -> str | None:
        """The reason why this worker may not read it, "" = it may; None: that cannot be told now."""
        try:
            store.read()
        except Denied as error:
            return error.what
        except PortError as error:
            return None if isinstance(error, Unknown) else ""
        return ""

    def _trusted(self, child: Child) -> Setting:
        """Raises Refused: no trusted person agreed to it."""
        said: Json = self.book.setting(child)
        agreed_work.check(child, said, self.trust())
        return setting_of(child, said)


def _places(setting: Setting) -> Sequence[AskedStore]:
    source = inventory.loads(setting.text, setting.name)
    refs = source.key(setting.key).stored_in
    return [AskedStore(ref, source, setting.base) for ref in refs if ref.scheme not in _UNASKED]
