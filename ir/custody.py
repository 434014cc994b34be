"""Custody: where the old and the new key are held between steps, so that no step ever passes a secret on.

The first listed store that can hold custody does; without one, the escrow; without that, nothing, and a mint is refused.
"""

from collections.abc import Sequence
from typing import Protocol

from ir.errors import PortError, Rejected
from ir.secret import Secret


class Custodian(Protocol):
    """The part of a store (or an escrow) that holds keys for an incident."""

    custodian: bool

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store.keep`."""
        ...

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store.fetch`."""
        ...


class Custody:
    """All places that may hold custody for one incident, best first."""

    def __init__(self, incident: str, places: Sequence[Custodian]) -> None:
        self._incident = incident
        self._places = [place for place in places if place.custodian]

    @property
    def possible(self) -> bool:
        """Whether there is any place at all."""
        return bool(self._places)

    def keep(self, role: str, secret: Secret) -> str:
        """Hold `secret` under `role` in the first place that takes it; returns a secret-free address.

        Raises:
            PortError: of the last place, when none took it.
        """
        last: PortError = Rejected("no listed store can hold custody and there is no escrow")
        for place in self._places:
            try:
                return place.keep(self._incident, role, secret)
            except PortError as error:
                last = error
        raise last

    def fetch(self, role: str) -> Secret | None:
        """What is held under `role`, wherever it is; None when no place has it.

        Raises:
            PortError: a place could not be asked and no other has it.
        """
        failure: PortError | None = None
        for place in self._places:
            try:
                found = place.fetch(self._incident, role)
            except PortError as error:
                failure = error
                continue
            if found is not None:
                return found
        if failure is not None:
            raise failure
        return None
