"""What the contract of a store needs from the world around it: services that read, neighbours that write, bad networks."""

import secrets
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import ClassVar

from ir.ports import Store
from ir.reference import Reference
from ir.secret import Secret

NEIGHBOUR = "db_password"


def key() -> Secret:
    """A key like Stripe's, made up on the spot."""
    return Secret("sk_" + "test_" + secrets.token_hex(24))


def unique(stem: str = "payments") -> str:
    """A name that no other test uses."""
    return f"{stem}-{secrets.token_hex(4)}"


class StoreWorld(ABC):
    """One kind of store, seen with the eyes of everybody but the adapter. Every place is a new object.

    Attributes:
        stages: the store can hold a value that services do not see.
        custodian: it can hold custody.
        neighbours: other fields stand beside the key's.
        loses_answers: `lossy` works.
        hangs: `hanging` works.
    """

    stages: ClassVar[bool] = True
    custodian: ClassVar[bool] = True
    neighbours: ClassVar[bool] = True
    loses_answers: ClassVar[bool] = True
    hangs: ClassVar[bool] = True

    @abstractmethod
    def place(self, value: Secret) -> Reference:
        """A new object whose field holds `value`."""

    @abstractmethod
    def nowhere(self) -> Reference:
        """A place where no object is."""

    @abstractmethod
    def make(self, ref: Reference, *, timeout: float = 5.0) -> Store:
        """A fresh adapter, as another process would have it."""

    @abstractmethod
    def seen(self, ref: Reference) -> str:
        """What a service reads, by a client that is not the adapter's."""

    @abstractmethod
    def write(self, ref: Reference, value: Secret) -> None:
        """Somebody else writes the field."""

    @abstractmethod
    def census(self, ref: Reference) -> object:
        """All of the object: versions, labels, values, neighbours."""

    @abstractmethod
    def traces(self, ref: Reference, incident: str) -> list[str]:
        """What of an incident is still to be found."""

    def neighbour(self, ref: Reference) -> str:
        """The neighbouring field, as a service reads it."""
        raise NotImplementedError

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """Somebody else writes the neighbouring field."""
        raise NotImplementedError

    def lossy(self, ref: Reference) -> AbstractContextManager[Store]:
        """An adapter whose writes arrive and whose answers do not."""
        raise NotImplementedError

    @abstractmethod
    def forbidden(self, value: Secret) -> AbstractContextManager[Store]:
        """An adapter that may read but not write."""

    @abstractmethod
    def hanging(self) -> AbstractContextManager[Store]:
        """An adapter whose other side never answers."""
