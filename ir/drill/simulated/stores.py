"""The other end of a rotation: stores that hold the key, and services that read them."""

from collections.abc import Callable
from dataclasses import replace

from ir.adapters.stores.old_news import PATIENCE
from ir.core.errors import Conflict, PortError, Rejected, Unknown
from ir.core.ownership import Owner
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.core.store_kind import PlaceKind, Promises
from ir.drill.simulated.clock import SimClock
from ir.ports import STAGED, Held, Left, Pending, Permission

_LAG = 120.0
"""Seconds that a copy is behind."""


class SimStore:
    """One field of one object, with versions, stages and custody.

    Where the copy that is read is behind our own last write, an adapter waits for it, and when it stays so it does not know
    (`adapters.stores.old_news`): nothing that was read before counts.

    Attributes:
        shut: what every call raises until a person fixes it.
        reverts_in: calls until GitOps puts the first value back, 0 = never. owned: programs that it says do so.
        changed: called when something but a call of ours has changed the value.
    """

    guided = False

    def __init__(self, ref: Reference, value: Secret, clock: SimClock) -> None:
        self.ref, self.value, self.number, self.clock = ref, value, 1, clock
        self._behind_until = 0.0
        self.staged: dict[str, Secret] = {}
        self.kept: dict[tuple[str, str], Secret] = {}
        self.fail_next: list[PortError] = []
        self.writes: list[str] = []
        self.history: dict[str, Secret] = {"1": value}
        self.shut: PortError | None = None
        self.reverts_in = 0
        self.owned: tuple[Owner, ...] = ()
        self.changed: Callable[[], None] = lambda: None

    @property
    def promises(self) -> Promises:
        """See `ports.Store`."""
        return self.ref.promises

    @property
    def custodian(self) -> bool:
        """See `ports.Store`."""
        return self.promises.custody

    def put(self, value: Secret) -> None:
        """Somebody, perhaps us, makes another value current."""
        self.value, self.number = value, self.number + 1
        self.history[str(self.number)] = value

    def behind(self) -> None:
        """The copy that is read is behind, for longer than an adapter waits."""
        self._behind_until = self.clock.elapsed() + _LAG

    def catches_up(self) -> None:
        """It is not, any more."""
        self._behind_until = 0.0

    def _seen(self) -> None:
        if self.clock.elapsed() < self._behind_until:
            self.clock.sleep(PATIENCE)
            raise Unknown("it has been read as it was before our own last write")

    def earlier(self) -> Held:
        """What a replica that lags behind would say."""
        number = max(self.number - 1, 1)
        return Held(self.history[str(number)], str(number), ("user",))

    def _fate(self) -> None:
        if self.reverts_in:
            self.reverts_in -= 1
            if not self.reverts_in:
                self.put(self.history["1"])
                self.changed()
        if self.shut:
            raise self.shut
        if self.fail_next:
            raise self.fail_next.pop(0)

    def read(self) -> Held:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        return Held(self.value, str(self.number), ("user",))

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`."""
        self._fate()
        return Permission(True, "may write")

    def ends_at(self, held: Held) -> float:
        """See `ports.Store`."""
        return held.until

    def stamp(self) -> str:
        """See `ports`."""
        return ""

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`."""
        return self.owned

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        return next((Pending(other, 0.0, "1", other) for other in self.staged if other != incident), None)

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        return tuple(sorted({*self.staged, *(incident for incident, _ in self.kept)}))

    def drop(self, found: Pending) -> None:
        """See `ports.Store`."""
        self._fate()
        self.staged.pop(found.incident, None)

    def left(self, incident: str) -> Left:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        staged = [STAGED] if incident in self.staged else []
        return Left((*staged, *(role for name, role in self.kept if name == incident)))

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        self._fate()
        self.writes.append("stage")
        self.staged[incident] = new
        return f"{self.number}-staged"

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        if self.value != new:
            if expected and expected != str(self.number) and self.history.get(expected) != self.value:
                raise Conflict("it moved on")
            self.put(new)
            self.writes.append("promote")
        return str(self.number)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        if self.value == new:
            self.put(old)
            self.writes.append("undo")
        elif self.value != old:
            raise Conflict("a third value")
        return str(self.number)

    def discard(self, incident: str) -> None:
        """See `ports.Store`."""
        self._fate()
        self.staged.pop(incident, None)
        self.kept = {k: v for k, v in self.kept.items() if k[0] != incident}

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        self._fate()
        self.kept[(incident, role)] = secret
        return f"{self.ref}|{role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        return self.staged.get(incident) if role == STAGED else self.kept.get((incident, role))


class SimWriteOnly(SimStore):
    """A store that takes values and tells none: it shows only its mark of the last change, which each write moves."""

    promises = Promises(PlaceKind.WRITE_ONLY)

    def read(self) -> Held:
        """See `ports.Store`."""
        return replace(super().read(), value=None, siblings=())

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        self._fate()
        return ""

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""
        self._fate()
        self._seen()
        if expected != str(self.number):
            raise Conflict("it moved on")
        self.put(new)
        self.writes.append("promote")
        return str(self.number)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""
        raise Rejected("what it holds cannot be read")

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`."""
        raise Rejected("what it holds cannot be read")
