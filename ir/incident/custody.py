"""Custody: the places that hold the old and the new key between steps, so that no step ever passes a secret on.

The first listed store that can hold custody does; without one, the escrow; without that, nothing, and a mint is refused.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from ir.core.errors import PortError, Rejected
from ir.core.secret import Secret
from ir.ports import Left


class Custodian(Protocol):
    """The part of a store (or an escrow) that holds keys for an incident."""

    @property
    def custodian(self) -> bool:
        """Whether `keep` works here."""
        ...

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store.keep`."""
        ...

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store.fetch`."""
        ...


Found = Secret | PortError | None
Each = Callable[[Sequence[Custodian], Callable[[Custodian], Found]], list[Found]]


class Escrow(Custodian, Protocol):
    """Custody of last resort: not a store, so it is emptied on its own."""

    def left(self, incident: str) -> Left:
        """See `ports.Store.left`."""
        ...

    def discard(self, incident: str) -> None:
        """See `ports.Store.discard`."""
        ...


def _in_order(places: Sequence[Custodian], work: Callable[[Custodian], Found]) -> list[Found]:
    return [work(place) for place in places]


class Custody:
    """All places that may hold custody for one incident, best first.

    Args:
        incident: whose custody.
        places: where it may be; those that cannot hold custody are left out.
        each: asks many places, `World.each` or one after the other.
        escrow: an incident's custody of last resort, asked only when no other place will do.
    """

    def __init__(
        self, incident: str, places: Sequence[Custodian], each: Each = _in_order, escrow: Callable[[str], Escrow] | None = None
    ) -> None:
        self._incident, self._each, self._escrow_of = incident, each, escrow
        self._escrow = escrow(incident) if escrow is not None else None
        self._every = [place for place in places if place.custodian]
        self.passed_over: Callable[[], Collection[str]] = tuple
        """Names of stores that are left alone in this incident, as long as there is any other place."""
        self.leaking: Callable[[], Collection[str]] = tuple
        """Names of stores that no new key is kept in: where the old one leaked, and no one has said that it is closed."""

    @property
    def _places(self) -> list[Custodian]:
        names = self.passed_over()
        found = [place for place in self._every if str(getattr(place, "ref", "")) not in names] if names else self._every
        return found or ([] if self._escrow is not None and self._escrow.custodian else self._every)

    def of(self, incident: str) -> "Custody":
        """The custody of another incident, in the same places."""
        other = Custody(incident, self._every, self._each, self._escrow_of)
        other.passed_over, other.leaking = self.passed_over, self.leaking
        return other

    @property
    def possible(self) -> bool:
        """Whether there is any place at all."""
        return bool(self._places) or (self._escrow is not None and self._escrow.custodian)

    @property
    def takes_new(self) -> bool:
        """Whether there is a place that a new key may be kept in."""
        return bool(self._taking("new")) or (self._escrow is not None and self._escrow.custodian)

    def keep(self, role: str, secret: Secret) -> str:
        """Hold `secret` under `role` (`old`, or a new key) in the first place that takes it; returns a secret-free address.

        Raises:
            PortError: of the last place, when none took it.
        """
        last: PortError = Rejected("no listed store can hold custody and there is no escrow")
        for place in self._taking(role):
            try:
                return place.keep(self._incident, role, secret)
            except PortError as error:
                last = error
        if self._escrow is not None and self._escrow.custodian:
            return self._escrow.keep(self._incident, role, secret)
        raise last

    def _taking(self, role: str) -> list[Custodian]:
        """Places that a key of that role may be kept in: what is known to strangers already may stay where they were."""
        names = self.leaking() if role != "old" else ()
        return [place for place in self._places if str(getattr(place, "ref", "")) not in names]

    def fetch(self, role: str) -> Secret | None:
        """The key that is held under `role`, in any place; None when no place has it.

        Raises:
            PortError: a place could not be asked and no other has it.
        """

        def look(place: Custodian) -> Found:
            try:
                return place.fetch(self._incident, role)
            except PortError as error:
                return error

        # the first place nearly always has it; the others are asked only when it does not
        found = self._each(self._places[:1], look)
        if not any(isinstance(one, Secret) for one in found):
            found += self._each(self._places[1:], look)
        for one in found:
            if isinstance(one, Secret):
                return one
        if self._escrow is not None:
            rest = look(self._escrow)
            if isinstance(rest, Secret):
                return rest
        failures = [one for one in found if isinstance(one, PortError)]
        if failures:
            raise failures[-1]
        return None

    def escrowed(self) -> tuple[str, ...]:
        """Roles that the escrow of this machine holds.

        Raises:
            PortError: it cannot be looked at.
        """
        return self._escrow.left(self._incident).roles if self._escrow is not None else ()

    def discard(self) -> None:
        """Empty the escrow; the other places are stores, and discarded as such. Idempotent.

        Raises:
            PortError: it cannot be emptied now.
        """
        if self._escrow is not None:
            self._escrow.discard(self._incident)
