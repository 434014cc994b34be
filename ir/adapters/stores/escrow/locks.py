"""The holders of the key of an escrow's file: never the disk that the file is on.

By settings: `IR_ESCROW_KMS_KEY` (an AWS KMS key), else Vault's transit engine when `VAULT_ADDR` is set
(`IR_ESCROW_TRANSIT_KEY`, default `ir-escrow`, below `IR_ESCROW_TRANSIT_MOUNT`, default `transit`; where neither is named, only if
that key is there for us), else the keyring of the operating system.
"""

import base64
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from ir.adapters.stores.aws import client as aws_client
from ir.adapters.stores.vault import client as vault_client
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown

T = TypeVar("T")
_SERVICE = "ir-escrow"
_REFUSED = ("keyring.backends.null", "keyring.backends.fail", "keyrings.alt")
"""Keyrings that forget, that fail, or that are files on the same disk."""


class Lock(Protocol):
    """Holds file keys. `token` is the part that the file stores; it is useless without the lock."""

    kind: str

    def seal(self, key: bytes, context: str) -> str:
        """Take custody of a file key. `context` (incident and role) must be given again to open it."""
        ...

    def open(self, token: str, context: str) -> bytes:
        """The file key. Raises Missing (it was destroyed), Denied, Unknown."""
        ...

    def destroy(self, token: str) -> None:
        """Forget a file key where it is ours to forget; free to repeat."""
        ...


def chosen(timeout: float, environment: Mapping[str, str] | None = None) -> Lock | None:
    """The lock that the settings name; None when there is none to be trusted."""
    env = os.environ if environment is None else environment
    if env.get("IR_ESCROW_KMS_KEY"):
        return KmsLock(env["IR_ESCROW_KMS_KEY"], timeout)
    if env.get("VAULT_ADDR"):
        name = env.get("IR_ESCROW_TRANSIT_KEY") or "ir-escrow"
        transit = TransitLock(env.get("IR_ESCROW_TRANSIT_MOUNT") or "transit", name, timeout)
        if env.get("IR_ESCROW_TRANSIT_KEY") or env.get("IR_ESCROW_TRANSIT_MOUNT") or transit.usable:
            return transit
    backend = _keyring()
    return KeyringLock(backend, timeout) if backend is not None else None


class KmsLock(Lock):
    """AWS KMS: the file remembers the file key as KMS encrypted it."""

    kind = "kms"

    def __init__(self, key_id: str, timeout: float) -> None:
        self._key_id, self._timeout = key_id, timeout
        self._region = key_id.split(":")[3] if key_id.startswith("arn:") and key_id.count(":") >= 5 else ""

    def seal(self, key: bytes, context: str) -> str:
        """See `Lock`."""
        sealed = self._call(lambda kms: kms.encrypt(KeyId=self._key_id, Plaintext=key, EncryptionContext={"ir": context}), "CiphertextBlob")
        return base64.b64encode(sealed).decode()

    def open(self, token: str, context: str) -> bytes:
        """See `Lock`."""
        blob = base64.b64decode(token)
        return self._call(lambda kms: kms.decrypt(CiphertextBlob=blob, EncryptionContext={"ir": context}), "Plaintext")

    def destroy(self, token: str) -> None:
        """See `Lock`. KMS keeps nothing of a single file."""

    def _call(self, call: Callable[[Any], Any], wanted: str) -> bytes:
        client, what = aws_client.kms(self._region, self._timeout), "the KMS key of the escrow"
        return bytes(aws_client.answer(aws_client.ask(lambda: call(client), what), what, wanted)[wanted])


class TransitLock(Lock):
    """Vault's transit engine: the file remembers the file key as Vault encrypted it."""

    kind = "transit"

    def __init__(self, mount: str, name: str, timeout: float) -> None:
        self._mount, self._name, self._timeout = mount, name, timeout

    @property
    def usable(self) -> bool:
        """False when Vault says that there is no such key or that we may not use it; only reads.

        A Vault that is silent counts as usable.
        """
        what, path = f"the transit key {self._name} of the escrow", f"{self._mount}/encrypt/{self._name}"
        try:
            client = vault_client.client(self._timeout)
        except Rejected:  # not over this connection
            return False
        try:
            vault_client.ask(lambda: client.adapter.get(f"/v1/{self._mount}/keys/{self._name}"), what)
        except (Missing, Rejected):
            return False
        except Denied:  # a narrow token may use the key without a right to look at it
            return self._granted(client, path, what)
        except PortError:
            return True
        return True

    @staticmethod
    def _granted(client: Any, path: str, what: str) -> bool:
        try:
            got = vault_client.ask(lambda: client.adapter.post("/v1/sys/capabilities-self", json={"paths": [path]}), what)
            return bool({"create", "update"} & set(vault_client.data(got, what).get(path, [])))
        except PortError:
            return False

    def seal(self, key: bytes, context: str) -> str:
        """See `Lock`."""
        text = base64.b64encode(key + context.encode()).decode()
        return self._ask("encrypt", {"plaintext": text}, "ciphertext")

    def open(self, token: str, context: str) -> bytes:
        """See `Lock`."""
        plain = base64.b64decode(self._ask("decrypt", {"ciphertext": token}, "plaintext"))
        if plain[32:] != context.encode():
            raise Rejected("a file of the escrow belongs to another incident or role")
        return plain[:32]

    def destroy(self, token: str) -> None:
        """See `Lock`. Vault keeps nothing of a single file."""

    def _ask(self, verb: str, body: dict[str, str], wanted: str) -> str:
        client = vault_client.client(self._timeout)
        what = f"the transit key {self._name} of the escrow"
        got = vault_client.ask(lambda: client.adapter.post(f"/v1/{self._mount}/{verb}/{self._name}", json=body), what)
        return str(vault_client.data(got, what, wanted)[wanted])


class KeyringLock(Lock):
    """The keyring of the operating system: the file stores only the name of the entry."""

    kind = "keyring"

    def __init__(self, backend: Any, timeout: float) -> None:
        self._backend, self._timeout = backend, timeout

    def seal(self, key: bytes, context: str) -> str:
        """See `Lock`."""
        token = f"{context}/{secrets.token_hex(8)}"
        self._call(lambda: self._backend.set_password(_SERVICE, token, base64.b64encode(key).decode()))
        return token

    def open(self, token: str, context: str) -> bytes:
        """See `Lock`."""
        if token.rpartition("/")[0] != context:
            raise Rejected("a file of the escrow belongs to another incident or role")
        found = self._call(lambda: self._backend.get_password(_SERVICE, token))
        if not found:
            raise Missing(f"the keyring has no key for what the escrow holds of {context}")
        return base64.b64decode(found)

    def destroy(self, token: str) -> None:
        """See `Lock`."""
        if self._call(lambda: self._backend.get_password(_SERVICE, token)):
            self._call(lambda: self._backend.delete_password(_SERVICE, token))

    def _call(self, call: Callable[[], T]) -> T:
        """Call the keyring with a time limit: it may wait for its owner's password for ever."""
        got: list[T] = []
        failed: list[PortError] = []

        def work() -> None:
            try:
                got.append(call())
            except Exception as error:  # noqa: BLE001 - a backend raises what its system raises
                failed.append(Unknown(f"the system's keyring gave no answer ({type(error).__name__})", next_step="unlock it"))

        thread = threading.Thread(target=work, daemon=True, name="ir-keyring")
        thread.start()
        thread.join(self._timeout)
        if failed:
            raise failed[0]
        if not got:
            raise Unknown(f"the system's keyring gave no answer within {self._timeout:g} s", next_step="unlock it")
        return got[0]


def _keyring() -> Any:
    """The first keyring that can be trusted."""
    try:
        import keyring
        from keyring.backends import chainer

        backend = keyring.get_keyring()
    except Exception:  # noqa: BLE001 - no library, or a configuration that names nothing
        return None
    several = list(backend.backends) if isinstance(backend, chainer.ChainerBackend) else [backend]
    return next((one for one in several if not type(one).__module__.startswith(_REFUSED)), None)
