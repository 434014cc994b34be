"""What the contract of a store needs from the world around it: services that read, neighbours that write, bad networks."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.bad_network import LOST, Answer, Bad, Request, proxy

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
        upstream: address of the server, empty when there is none.
    """

    stages: ClassVar[bool] = True
    custodian: ClassVar[bool] = True
    neighbours: ClassVar[bool] = True
    loses_answers: ClassVar[bool] = True
    hangs: ClassVar[bool] = True
    upstream: str = ""

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

    def through(self, address: str) -> AbstractContextManager[None]:
        """For that long, adapters find the server at another address."""
        raise NotImplementedError

    def is_write(self, request: Request) -> bool:
        """Whether a request to the server changes something there."""
        raise NotImplementedError

    def refusals(self) -> dict[str, Answer]:
        """The server's own words when it does nothing: `too many`, `broken`, `expired token`, and `sealed` if it can be."""
        raise NotImplementedError

    @contextmanager
    def lossy(self, ref: Reference) -> Iterator[Store]:
        """An adapter whose writes arrive and whose answers do not."""

        def spoils(request: Request) -> Bad | None:
            return LOST if self.is_write(request) else None

        with proxy(self.upstream, spoils=spoils) as way, self.through(way.address):
            yield self.make(ref)

    @abstractmethod
    def forbidden(self, value: Secret) -> AbstractContextManager[Store]:
        """An adapter that may read but not write."""

    @abstractmethod
    def hanging(self) -> AbstractContextManager[Store]:
        """An adapter whose other side never answers."""
