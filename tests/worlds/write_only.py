"""What the contract of a write-only store needs: the host with the eyes of everybody but the adapter."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ir.adapters.stores.github.actions_secret import GithubActionsStore
from ir.adapters.stores.vercel.variable import VercelStore
from ir.clients.host_api import Login
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.drill.hosts.github_twin import GithubTwin
from ir.drill.hosts.server import HostTwin
from ir.drill.hosts.vercel_twin import VercelTwin
from ir.ports import Store
from tests.worlds.bad_network import Request
from tests.worlds.stores import unique

Entry = tuple[type[HostTwin], type["WriteOnlyWorld"]]


class WriteOnlyWorld(ABC):
    """One host. Every place is a new object.

    Attributes:
        twin: the host itself.
        address: where adapters find it.
    """

    twin: HostTwin

    def __init__(self, twin: HostTwin) -> None:
        self.twin, self.address = twin, twin.address
        twin.tokens |= {"all": frozenset({"*"}), "reader": frozenset({"read"})}

    @abstractmethod
    def place(self, value: Secret) -> Reference:
        """A new place that holds `value`."""

    @abstractmethod
    def nowhere(self) -> Reference:
        """A place where none is, in a project that we may see."""

    @abstractmethod
    def unseen(self) -> Reference:
        """A place in a project that is not there, or not ours to see."""

    @abstractmethod
    def made(self, ref: Reference, login: Login, timeout: float) -> Store:
        """The adapter."""

    @abstractmethod
    def seen(self, ref: Reference) -> str:
        """What stands there."""

    @abstractmethod
    def write(self, ref: Reference, value: Secret) -> None:
        """Somebody else writes it."""

    @abstractmethod
    def is_write(self, request: Request) -> bool:
        """Whether a request changes something."""

    def make(self, ref: Reference, *, login: str = "all", timeout: float = 5.0) -> Store:
        """A fresh adapter, as another process would have it."""
        return self.made(ref, Login(api_base=self.address, token=lambda: Secret(login)), timeout)

    @contextmanager
    def at(self, address: str) -> Iterator[None]:
        """For that long, adapters find the host at another address."""
        before, self.address = self.address, address
        try:
            yield
        finally:
            self.address = before


class VercelWorld(WriteOnlyWorld):
    """Secrets of one project."""

    twin: VercelTwin

    def place(self, value: Secret) -> Reference:
        """See `WriteOnlyWorld`."""
        name = unique("STRIPE").replace("-", "_").upper()
        self.twin.put("shop", name, value.reveal())
        return parse(f"vercel://shop/{name}")

    def nowhere(self) -> Reference:
        """See `WriteOnlyWorld`."""
        self.twin.put("shop", "OTHER", "x")
        return parse("vercel://shop/NOT_THERE")

    def unseen(self) -> Reference:
        """See `WriteOnlyWorld`."""
        return parse("vercel://not-ours/STRIPE_KEY")

    def made(self, ref: Reference, login: Login, timeout: float) -> Store:
        """See `WriteOnlyWorld`."""
        return VercelStore(ref, login=login, timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `WriteOnlyWorld`."""
        return self.twin.value(ref.host, ref.path)

    def write(self, ref: Reference, value: Secret) -> None:
        """See `WriteOnlyWorld`."""
        self.twin.put(ref.host, ref.path, value.reveal())

    def is_write(self, request: Request) -> bool:
        """See `WriteOnlyWorld`."""
        return request.method == "PATCH"


class GithubWorld(WriteOnlyWorld):
    """Secrets of one repository."""

    twin: GithubTwin

    def place(self, value: Secret) -> Reference:
        """See `WriteOnlyWorld`."""
        name = unique("STRIPE").replace("-", "_").upper()
        self.twin.put("acme/shop", name, value.reveal())
        return parse(f"github-actions://acme/shop/{name}")

    def nowhere(self) -> Reference:
        """See `WriteOnlyWorld`."""
        self.twin.put("acme/shop", "OTHER", "x")
        return parse("github-actions://acme/shop/NOT_THERE")

    def unseen(self) -> Reference:
        """See `WriteOnlyWorld`."""
        return parse("github-actions://acme/not-ours/STRIPE_KEY")

    def made(self, ref: Reference, login: Login, timeout: float) -> Store:
        """See `WriteOnlyWorld`."""
        return GithubActionsStore(ref, login=login, timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `WriteOnlyWorld`."""
        repo, _, name = ref.path.partition("/")
        return self.twin.value(f"{ref.host}/{repo}", name, ref.field)

    def write(self, ref: Reference, value: Secret) -> None:
        """See `WriteOnlyWorld`."""
        repo, _, name = ref.path.partition("/")
        self.twin.put(f"{ref.host}/{repo}", name, value.reveal(), ref.field)

    def is_write(self, request: Request) -> bool:
        """See `WriteOnlyWorld`."""
        return request.method == "PUT"


WORLDS: dict[str, Entry] = {"vercel": (VercelTwin, VercelWorld), "github-actions": (GithubTwin, GithubWorld)}
"""Every write-only adapter joins its contract with one line here."""


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest) -> Iterator[WriteOnlyWorld]:
    """One of each kind."""
    twin, made = WORLDS[request.param]
    with twin() as host:
        yield made(host)
