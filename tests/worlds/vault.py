"""Vault as others see it: plain hvac against an OpenBao server."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import Any

import hvac

from ir.adapters.stores.vault.kv_store import VaultStore
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.drill.embedded.openbao_server import OpenBao
from ir.ports import Store
from tests.worlds.bad_network import Answer, Request, silence
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique
from tests.worlds.surroundings import environment

MOUNT = "secret"


def settings(address: str, token: str) -> dict[str, str | None]:
    """Environment of a process that uses the server at `address`."""
    return {
        "VAULT_ADDR": address,
        "VAULT_TOKEN": token,
        "VAULT_NAMESPACE": None,
        "VAULT_CACERT": None,
        "VAULT_CAPATH": None,
        "VAULT_CLIENT_CERT": None,
        "VAULT_SKIP_VERIFY": None,
    }


@lru_cache
def client(server: OpenBao) -> hvac.Client:
    """A client that is not the product's, with all rights."""
    return hvac.Client(url=server.address, token=server.token)


def token_with(server: OpenBao, rules: str) -> str:
    """A token that may do only what `rules` (HCL) say."""
    name = "p" + secrets.token_hex(4)
    client(server).sys.create_or_update_policy(name=name, policy=rules)
    made = client(server).auth.token.create(policies=[name], ttl="1h")
    return str(made["auth"]["client_token"])


def forget(server: OpenBao, beginning: str) -> None:
    """Delete every secret at the top of the mount whose name begins so, with all versions."""
    kv = client(server).secrets.kv.v2
    with suppress(hvac.exceptions.InvalidPath):  # nothing is left at all
        for name in kv.list_secrets(path="", mount_point=MOUNT)["data"]["keys"]:
            if name.startswith(beginning):
                kv.delete_metadata_and_all_versions(path=name, mount_point=MOUNT)


def read(server: OpenBao, ref: Reference) -> str:
    """What a service reads of that node."""
    got = client(server).secrets.kv.v2.read_secret_version(path=ref.path, mount_point=MOUNT, raise_on_deleted_version=True)
    return str(got["data"]["data"][ref.field])


def settled(server: OpenBao, ref: Reference) -> None:
    """Wait until that node has the secret at all."""
    until = time.monotonic() + 10.0
    while True:
        try:
            read(server, ref)
        except hvac.exceptions.InvalidPath:
            assert time.monotonic() < until
            time.sleep(0.01)
        else:
            return


class VaultWorld(StoreWorld):
    """Secrets whose key stands in `field`, a name or a pointer."""

    def __init__(self, server: OpenBao, field: str) -> None:
        self.server, self.field = server, field
        self.upstream = server.address
        self.kv = client(server).secrets.kv.v2

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        path = "prod/" + unique()
        leaf = {self.field.rsplit("/", 1)[-1]: value.reveal()}
        data = {**({"stripe": leaf} if "/" in self.field else leaf), NEIGHBOUR: "pässwort", "port": 5432}
        self.kv.create_or_update_secret(path=path, secret=data, mount_point=MOUNT)
        return parse(f"vault://{MOUNT}/{path}#{self.field}")

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"vault://{MOUNT}/{unique()}#api_key")

    def make(self, ref: Reference, *, timeout: float = 5.0) -> Store:
        """See `StoreWorld`."""
        return VaultStore(ref, timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return str(self._inner(self.data(ref.path))[self._leaf])

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        data = self.data(ref.path)
        self._inner(data)[self._leaf] = value.reveal()
        self.kv.create_or_update_secret(path=ref.path, secret=data, mount_point=MOUNT)

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return str(self.data(ref.path)[NEIGHBOUR])

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        self.kv.create_or_update_secret(path=ref.path, secret={**self.data(ref.path), NEIGHBOUR: text}, mount_point=MOUNT)

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        return {path: (self._versions(path), self.data(path)) for path in [ref.path, *self._beside(ref)]}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`."""
        return [path for path in self._beside(ref) if incident in path]

    def through(self, address: str) -> AbstractContextManager[None]:
        """See `StoreWorld`."""
        return environment(**settings(address, self.server.token))

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.method in ("POST", "PUT", "DELETE", "PATCH") and not request.path.endswith("/capabilities-self")

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`."""
        said = {"too many": (429, "too many"), "broken": (500, "internal"), "expired token": (403, "permission denied")}
        return {
            name: Answer(status, json.dumps({"errors": [text]}).encode())
            for name, (status, text) in {**said, "sealed": (503, "Vault is sealed")}.items()
        }

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        ref = self.place(value)
        token = token_with(self.server, f'path "{MOUNT}/data/{ref.path}" {{ capabilities = ["read"] }}')
        with environment(VAULT_TOKEN=token):
            yield self.make(ref)

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        with silence() as address, environment(VAULT_ADDR=address):
            yield self.make(self.nowhere(), timeout=0.3)

    def data(self, path: str) -> dict[str, Any]:
        """All fields, now."""
        got = self.kv.read_secret_version(path=path, mount_point=MOUNT, raise_on_deleted_version=True)
        return dict(got["data"]["data"])

    def server_metadata(self, ref: Reference, **settings: object) -> None:
        """Change the metadata of a secret, as its owners would."""
        client(self.server).adapter.post(f"/v1/{MOUNT}/metadata/{ref.path}", json=settings)

    def _versions(self, path: str) -> list[str]:
        return sorted(self.kv.read_secret_metadata(path=path, mount_point=MOUNT)["data"]["versions"])

    def _beside(self, ref: Reference) -> list[str]:
        folder, _, leaf = ref.path.rpartition("/")
        names = self.kv.list_secrets(path=folder, mount_point=MOUNT)["data"]["keys"]
        return [f"{folder}/{name}" for name in names if name.startswith(leaf + ".")]

    def _inner(self, data: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = data["stripe"] if "/" in self.field else data
        return found

    @property
    def _leaf(self) -> str:
        return self.field.rsplit("/", 1)[-1]
