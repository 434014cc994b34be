"""A Kubernetes cluster as others see it: straight into the state of the stand-in."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ir.adapters.stores.k8s.secret_store import K8sSecretStore
from ir.clients.host_api import Login
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.ports import Store
from tests.worlds.bad_network import Answer, Request, silence
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique

NAMESPACE = "payments"
READ_ONLY = frozenset({"get secrets", "list secrets"})
_PART = frozenset({"get secrets", "patch secrets"})


class K8sWorld(StoreWorld):
    """Secrets with neighbours; `keeps`: our login may make Secrets beside them."""

    def __init__(self, twin: K8sTwin, *, keeps: bool = True) -> None:
        self.twin, self.upstream = twin, twin.address
        self.stages = self.custodian = keeps  # type: ignore[misc]  # a matter of our rights
        self._address, self._token = twin.address, "all" if keeps else "part"
        twin.tokens |= {"all": frozenset({"*"}), "part": _PART, "reader": READ_ONLY}

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        name = unique()
        self.twin.put_secret(NAMESPACE, name, {"api_key": value.reveal(), NEIGHBOUR: "pässwort\n"})
        return parse(f"k8s://prod/{NAMESPACE}/{name}#api_key")

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"k8s://prod/{NAMESPACE}/{unique()}#api_key")

    def make(self, ref: Reference, *, timeout: float = 5.0, token: str = "") -> Store:
        """See `StoreWorld`."""
        found = token or self._token
        return K8sSecretStore(ref, login=Login(api_base=self._address, token=lambda: Secret(found)), timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return self.twin.value(NAMESPACE, self.name(ref), "api_key")

    def name(self, ref: Reference) -> str:
        """Of the Secret."""
        return ref.path.partition("/")[2]

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        self._put(ref, "api_key", value.reveal())

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return self.twin.value(NAMESPACE, self.name(ref), NEIGHBOUR)

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        self._put(ref, NEIGHBOUR, text)

    def _put(self, ref: Reference, key: str, text: str) -> None:
        fields = {name: self.twin.value(NAMESPACE, self.name(ref), name) for name in ("api_key", NEIGHBOUR)}
        self.twin.put_secret(NAMESPACE, self.name(ref), {**fields, key: text})

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        rows = {at: row for at, row in self.twin.secrets.items() if at[1].startswith(self.name(ref))}
        return {at: (row["metadata"]["resourceVersion"], dict(row["data"])) for at, row in rows.items()}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`."""
        return [name for _, name in self.twin.secrets if name.startswith(self.name(ref)) and incident.lower() in name]

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

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.method in ("PATCH", "DELETE") or (request.method == "POST" and request.path.split("?")[0].endswith("/secrets"))

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`. A cluster has no seal."""
        return {name: _status(status) for name, status in (("too many", 429), ("broken", 500), ("expired token", 401))}

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        yield self.make(self.place(value), token="reader")

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        with silence() as address, self._at(address):
            yield self.make(self.nowhere(), timeout=0.3)


def _status(status: int) -> Answer:
    return Answer(status, json.dumps({"kind": "Status", "status": "Failure", "code": status}).encode())
