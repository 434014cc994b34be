"""Azure Key Vault as others see it: straight into the state of the stand-in."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ir.adapters.stores.azure.secret_store import AzureSecretStore
from ir.clients.host_api import Login
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.drill.hosts.azure_twin import AzureTwin
from ir.ports import Store
from tests.worlds.bad_network import Answer, Request, silence
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique

READER = frozenset({"getSecret/action", "readMetadata/action"})


class AzureWorld(StoreWorld):
    """Secrets whose key stands in `field`, or is the whole value ("")."""

    def __init__(self, twin: AzureTwin, field: str) -> None:
        self.twin, self.field, self.upstream, self._address = twin, field, twin.address, twin.address
        self.neighbours = bool(field)  # type: ignore[misc]  # a matter of the field here
        twin.tokens |= {"all": frozenset({"*"}), "reader": READER}

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        name = unique()
        self.twin.put(name, self._text(value))
        return parse(f"azure-kv://shop/{name}" + (f"#{self.field}" if self.field else ""))

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"azure-kv://shop/{unique()}")

    def make(self, ref: Reference, *, timeout: float = 5.0, login: str = "all") -> Store:
        """See `StoreWorld`."""
        return AzureSecretStore(ref, login=Login(api_base=self._address, token=lambda: Secret(login)), timeout=timeout)

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

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        held = {name: held for name, held in (*self.twin.secrets.items(), *self.twin.deleted.items()) if name.endswith(ref.path)}
        return {name: [(one.id, one.value, dict(one.attributes)) for one in secret.versions] for name, secret in held.items()}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`. What is deleted and can be recovered is a trace, too."""
        names = [held.name for held in (*self.twin.secrets.values(), *self.twin.deleted.values())]
        return [name for name in names if name.endswith(ref.path) and incident in name]

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
        return request.method in ("DELETE", "POST", "PUT")

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`. Azure has no seal."""
        return {name: _error(status) for name, status in (("too many", 429), ("broken", 500), ("expired token", 401))}

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


def _error(status: int) -> Answer:
    return Answer(status, json.dumps({"error": {"code": "AsTold", "message": "as told"}}).encode())
