"""A cloud's manager of secrets as others see it: straight into the state of its stand-in."""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, Generic, Protocol, TypeVar

from ir.clients.host_api import Login
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.bad_network import Answer, silence
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique


class SecretManager(Protocol):
    """What the stand-ins have in common; `tokens`: login → its rights."""

    address: str
    tokens: dict[str, frozenset[str]]

    def put(self, name: str, value: str) -> object:
        """Add a version, as somebody does with the cloud's program."""

    def value(self, name: str) -> str:
        """What the newest version holds."""


Twin = TypeVar("Twin", bound=SecretManager)


class SecretManagerWorld(StoreWorld, Generic[Twin]):
    """Secrets whose key stands in `field`, or is the whole value ("").

    Attributes:
        scheme: of the references. store: the adapter. reader: the rights of a login that may only read.
    """

    scheme: ClassVar[str]
    store: ClassVar[Callable[..., Store]]
    reader: ClassVar[frozenset[str]]

    def __init__(self, twin: Twin, field: str) -> None:
        self.twin, self.field, self.upstream, self._address = twin, field, twin.address, twin.address
        self.neighbours = bool(field)  # type: ignore[misc]  # a matter of the field here
        twin.tokens |= {"all": frozenset({"*"}), "reader": self.reader}

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        name = unique()
        self.twin.put(name, self._text(value))
        return parse(f"{self.scheme}://shop/{name}" + (f"#{self.field}" if self.field else ""))

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"{self.scheme}://shop/{unique()}")

    def make(self, ref: Reference, *, timeout: float = 5.0, login: str = "all") -> Store:
        """See `StoreWorld`."""
        return self.store(ref, login=Login(api_base=self._address, token=lambda: Secret(login)), timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        text = self.twin.value(ref.path)
        return str(json.loads(text)[self.field]) if self.field else text

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        text = value.reveal()
        self.twin.put(ref.path, json.dumps({**json.loads(self.twin.value(ref.path)), self.field: text}) if self.field else text)

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return str(json.loads(self.twin.value(ref.path))[NEIGHBOUR])

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        self.twin.put(ref.path, json.dumps({**json.loads(self.twin.value(ref.path)), NEIGHBOUR: text}))

    @contextmanager
    def _at(self, address: str) -> Iterator[None]:
        before, self._address = self._address, address
        try:
            yield
        finally:
            self._address = before

    def through(self, address: str) -> AbstractContextManager[None]:
        """See `StoreWorld`."""
        return self._at(address)

    @abstractmethod
    def refused(self, status: int) -> Answer:
        """An answer of the cloud's with that status."""

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`. There is no seal."""
        return {name: self.refused(status) for name, status in (("too many", 429), ("broken", 500), ("expired token", 401))}

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        yield self.make(self.place(value), login="reader")

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        with silence() as address, self._at(address):
            yield self.make(self.nowhere(), timeout=0.3)

    def _text(self, value: Secret) -> str:
        return json.dumps({self.field: value.reveal(), NEIGHBOUR: "pässwort\n", "port": 5432}, indent=1) if self.field else value.reveal()
