"""Conjur as others see it: straight into the state of the stand-in."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ir.adapters.stores.conjur.store import ConjurStore
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.bad_network import Answer, Request, silence
from tests.worlds.conjur_fake import ConjurFake, Variable
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique
from tests.worlds.surroundings import environment


def settings(fake: ConjurFake, login: str = "admin") -> dict[str, str | None]:
    """Environment of a process that is logged in to the stand-in."""
    return {
        "CONJUR_APPLIANCE_URL": fake.address,
        "CONJUR_ACCOUNT": fake.account,
        "CONJUR_AUTHN_LOGIN": login,
        "CONJUR_AUTHN_API_KEY": fake.keys[login],
        "CONJUR_AUTHN_TOKEN_FILE": None,
        "CONJUR_CERT_FILE": None,
        "CONJUR_SSL_CERTIFICATE": None,
    }


class ConjurWorld(StoreWorld):
    """Variables, with their companion or without, the whole value or a JSON field of it."""

    def __init__(self, fake: ConjurFake, field: str, *, companion: bool = True) -> None:
        self.fake, self.field, self.companion = fake, field, companion
        self.upstream = fake.address
        self.neighbours = bool(field)  # type: ignore[misc]  # a matter of the field here
        self.stages = self.custodian = companion  # type: ignore[misc]  # and of the companion

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        name = "prod/" + unique()
        self.fake.variables[name] = Variable()
        self.fake.variables[name].put(self._text(value).encode())
        if self.companion:
            self.fake.variables[f"{name}-ir"] = Variable()
        return parse(f"conjur://{self.fake.account}/{name}" + (f"#{self.field}" if self.field else ""))

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"conjur://{self.fake.account}/{unique()}")

    def make(self, ref: Reference, *, timeout: float = 5.0) -> Store:
        """See `StoreWorld`."""
        return ConjurStore(ref, timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        text = self.text(ref.path)
        return str(json.loads(text)[self.field]) if self.field else text

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        text = value.reveal()
        if self.field:
            text = json.dumps({**json.loads(self.text(ref.path)), self.field: text})
        self.fake.variables[ref.path].put(text.encode())

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return str(json.loads(self.text(ref.path))[NEIGHBOUR])

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        self.fake.variables[ref.path].put(json.dumps({**json.loads(self.text(ref.path)), NEIGHBOUR: text}).encode())

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        return {name: list(found.versions) for name, found in self.fake.variables.items() if name.startswith(ref.path)}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`. The history counts."""
        kept = self.fake.variables.get(f"{ref.path}-ir", Variable()).versions
        return [value.decode() for _, value in kept if incident.encode() in value]

    def through(self, address: str) -> AbstractContextManager[None]:
        """See `StoreWorld`."""
        return environment(CONJUR_APPLIANCE_URL=address)

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.method == "POST" and request.path.startswith("/secrets/")

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`. Conjur has no seal."""
        return {name: Answer(status, b"") for name, status in (("too many", 429), ("broken", 500), ("expired token", 401))}

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        ref = self.place(value)
        login = f"host/{unique()}"
        self.fake.host(login.removeprefix("host/"))
        self.fake.grants[login, ref.path] = frozenset({"read", "execute"})
        with environment(**settings(self.fake, login)):
            yield self.make(ref)

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        with silence() as address, environment(CONJUR_APPLIANCE_URL=address):
            yield self.make(self.nowhere(), timeout=0.3)

    def text(self, name: str) -> str:
        """The current value of a variable."""
        return self.fake.variables[name].versions[-1][1].decode()

    def _text(self, value: Secret) -> str:
        if not self.field:
            return value.reveal()
        return json.dumps({self.field: value.reveal(), NEIGHBOUR: "pässwort", "port": 5432}, indent=1)
