"""Hosts of a drill: each is a stand-in with one place that holds the key, and with services that get it from their platform.

A hosted service does not read the place: its platform puts the value into its environment when it is deployed. In the drill it asks the
stand-in for that environment (`/_runtime`), which is no part of the host's API.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from ir.core.model import Json
from ir.drill.embedded.secret_managers import AzureShelf, GcpShelf
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.hosts.azure_twin import AzureTwin
from ir.drill.hosts.gcp_twin import GcpTwin
from ir.drill.hosts.github_twin import GithubTwin
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.drill.hosts.server import TOKEN, HostTwin
from ir.drill.hosts.vercel_twin import VercelTwin


class Hosted(Protocol):
    """A host with one place that holds the key, as a `Shelf`, and what the inventory says of it."""

    @property
    def twin(self) -> HostTwin:
        """The stand-in."""
        ...

    @property
    def ref(self) -> str:
        """As the inventory names the place."""
        ...

    @property
    def row(self) -> Json:
        """Under `hosts:` of the inventory."""
        ...

    def reload(self, service: str) -> Json:
        """How the inventory says that a service takes up the key."""
        ...

    def deploy(self, service: str) -> None:
        """The service runs there from now on."""
        ...

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        ...

    def key(self) -> str:
        """See `Shelf`."""
        ...

    def disturbed(self) -> str:
        """See `Shelf`."""
        ...


@dataclass
class K8sShelf:
    """A Secret of a cluster, between neighbours; services are Deployments beside it."""

    twin: K8sTwin
    namespace: str = "shop"
    name: str = "stripe"
    neighbours: tuple[tuple[str, str], ...] = (("publishable", "not-a-secret"), ("currency", "eur"))

    @property
    def ref(self) -> str:
        """See `Hosted`."""
        return f"k8s://drill/{self.namespace}/{self.name}#api_key"

    @property
    def row(self) -> Json:
        """See `Hosted`."""
        return {"name": "k8s", "context": "drill", "api_base": self.twin.address, "token": f"env://{TOKEN}"}

    def reload(self, service: str) -> Json:
        """See `Hosted`."""
        return {"rollout": {"context": "drill", "namespace": self.namespace, "deployment": service}}

    def deploy(self, service: str) -> None:
        """See `Hosted`."""
        self.twin.deploy(self.namespace, service, (self.namespace, self.name, "api_key"))

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        self.twin.put_secret(self.namespace, self.name, {**dict(self.neighbours), "api_key": key})

    def key(self) -> str:
        """See `Shelf`."""
        return self.twin.value(self.namespace, self.name, "api_key")

    def disturbed(self) -> str:
        """See `Shelf`. What was kept for the incident is gone, too."""
        changed = [f"{name} was changed" for name, text in self.neighbours if self.twin.value(self.namespace, self.name, name) != text]
        return ", ".join([*changed, *(f"{name} is left" for _, name in self.twin.secrets if name != self.name)])


@dataclass
class VercelShelf:
    """A Secret of a Vercel project, beside another one; services are what the project's deployment runs."""

    twin: VercelTwin
    project: str = "shop"
    name: str = "STRIPE_SECRET_KEY"
    beside: str = "not-a-stripe-key"

    @property
    def ref(self) -> str:
        """See `Hosted`."""
        return f"vercel://{self.project}/{self.name}"

    @property
    def row(self) -> Json:
        """See `Hosted`."""
        return {"name": "vercel", "api_base": self.twin.address, "token": f"env://{TOKEN}"}

    def reload(self, service: str) -> Json:
        """See `Hosted`."""
        return {"vercel": {"project": self.project}}

    def deploy(self, service: str) -> None:
        """See `Hosted`."""
        if service not in self.twin.services:
            self.twin.services[service] = (self.project, self.name)
            self.twin.deployed(self.project)

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        self.twin.builds = 1.0
        self.twin.put(self.project, "DATABASE_URL", self.beside)
        self.twin.put(self.project, self.name, key)

    def key(self) -> str:
        """See `Shelf`."""
        return self.twin.value(self.project, self.name)

    def disturbed(self) -> str:
        """See `Shelf`."""
        return "" if self.twin.value(self.project, "DATABASE_URL") == self.beside else "DATABASE_URL was changed"


@dataclass
class GithubShelf:
    """A secret of a repository; services are jobs, each run of which gets it."""

    twin: GithubTwin
    repo: str = "acme/shop"
    name: str = "STRIPE_SECRET_KEY"
    beside: str = "not-a-stripe-key"

    @property
    def ref(self) -> str:
        """See `Hosted`."""
        return f"github-actions://{self.repo}/{self.name}"

    @property
    def row(self) -> Json:
        """See `Hosted`."""
        return {"name": "github-actions", "api_base": self.twin.address, "token": f"env://{TOKEN}"}

    def reload(self, service: str) -> Json:
        """See `Hosted`."""
        return {"polls": "1s"}

    def deploy(self, service: str) -> None:
        """See `Hosted`."""
        self.twin.services[service] = (self.repo, "", self.name)

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        self.twin.put(self.repo, "DATABASE_URL", self.beside)
        self.twin.put(self.repo, self.name, key)

    def key(self) -> str:
        """See `Shelf`."""
        return self.twin.value(self.repo, self.name)

    def disturbed(self) -> str:
        """See `Shelf`."""
        return "" if self.twin.value(self.repo, "DATABASE_URL") == self.beside else "DATABASE_URL was changed"


@contextmanager
def hosts(kinds: frozenset[StoreKind], token: str) -> Iterator[tuple[Hosted, ...]]:
    """Stand-ins of the chosen hosts, which take that token."""
    with ExitStack() as stack:
        made: list[Hosted] = []
        if StoreKind.K8S in kinds:
            made.append(K8sShelf(stack.enter_context(K8sTwin())))
        if StoreKind.GCP in kinds:
            made.append(GcpShelf(stack.enter_context(GcpTwin())))
        if StoreKind.AZURE in kinds:
            made.append(AzureShelf(stack.enter_context(AzureTwin())))
        if StoreKind.VERCEL in kinds:
            made.append(VercelShelf(stack.enter_context(VercelTwin())))
        if StoreKind.GITHUB in kinds:
            made.append(GithubShelf(stack.enter_context(GithubTwin())))
        for host in made:
            host.twin.tokens[token] = frozenset({"*"})
        yield tuple(made)
