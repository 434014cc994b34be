"""Custody of last resort, when no listed store can hold it: an encrypted file whose key is not on that disk.

One file per incident and role, AES-256-GCM under a key of its own; `locks` says what holds that key.
"""

import base64
import json
import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Any

from ir.adapters.stores.escrow import locks
from ir.adapters.stores.private_file import Content, PrivateFolder, translated
from ir.core import untrusted_json
from ir.core.errors import Conflict, Missing, Rejected
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import Left

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


class EncryptedEscrow:
    """Holds keys for incidents, as a store with custody does.

    Args:
        folder: where the files lie; made with mode 0700.
        timeout: seconds per call of the lock that holds the file keys.
    """

    def __init__(self, folder: Path, *, timeout: float = 30.0) -> None:
        self.ref = Reference("escrow", "", str(folder))
        self._path, self._timeout = folder, timeout

    @cached_property
    def _lock(self) -> locks.Lock | None:
        return locks.chosen(self._timeout)

    @property
    def custodian(self) -> bool:
        """Whether a trustworthy lock can hold the file keys."""
        return self._lock is not None

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store.keep`. Raises Rejected when no lock can hold the file key."""
        if self._lock is None:
            raise Rejected(
                "there is no place for a key outside of this disk",
                next_step="unlock the system's keyring, or set VAULT_ADDR or IR_ESCROW_KMS_KEY",
            )
        name, context = _names(incident, role)
        with translated(str(self._path)):
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._folder() as folder, folder.lock():
            before = _perhaps(folder, name)
            if before is None or self._opened(before, context) != secret:
                sealed = self._sealed(secret, context)
                if not folder.replace(name, sealed, f"{name}.tmp", before):
                    raise Conflict(f"{self._path / name} changed while we wrote it")
                if before is not None:
                    self._forget(before)
        return f"escrow://{self._path / name} ({self._lock.kind})"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store.fetch`. Raises Rejected when the file is torn or not ours."""
        name, context = _names(incident, role)
        try:
            with self._folder() as folder:
                content = _perhaps(folder, name)
        except Missing:
            return None
        return self._opened(content, context) if content else None

    def left(self, incident: str) -> Left:
        """See `ports.Store.left`; by the names of the files alone."""
        stem = _names(incident, "x")[0].removesuffix("x.json")
        try:
            with self._folder() as folder:
                mine = [name for name in folder.names() if name.startswith(stem) and name.endswith(".json")]
        except Missing:
            return Left()
        return Left(tuple(name.removeprefix(stem).removesuffix(".json") for name in mine))

    def discard(self, incident: str) -> None:
        """See `ports.Store.discard`. The file keys are destroyed where they are ours."""
        stem = _names(incident, "x")[0].removesuffix("x.json")
        try:
            with self._folder() as folder, folder.lock():
                for name in folder.names():
                    if not name.startswith(stem):
                        continue
                    content = _perhaps(folder, name)
                    if content is not None and name.endswith(".json"):
                        self._forget(content)
                    folder.remove(name)
        except Missing:
            return

    def _folder(self) -> PrivateFolder:
        return PrivateFolder(self._path, self._timeout)

    def _sealed(self, secret: Secret, context: str) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._lock is None:
            raise Rejected("there is no place for a key outside of this disk")
        key, nonce = AESGCM.generate_key(256), secrets.token_bytes(12)
        text = AESGCM(key).encrypt(nonce, secret.reveal().encode(), context.encode())
        row = {"kind": self._lock.kind, "token": self._lock.seal(key, context), "nonce": _coded(nonce), "text": _coded(text)}
        return json.dumps(row).encode()

    def _opened(self, content: Content, context: str) -> Secret:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        row = _row(content)
        key = self._lock_of(row).open(row["token"], context)
        plain: bytes | None
        try:
            plain = AESGCM(key).decrypt(base64.b64decode(row["nonce"]), base64.b64decode(row["text"]), context.encode())
        except (InvalidTag, ValueError):
            plain = None
        if plain is None:
            raise Rejected(f"what the escrow holds of {context} is torn or was exchanged")
        return Secret(plain.decode())

    def _forget(self, content: Content) -> None:
        row = _row(content)
        self._lock_of(row).destroy(row["token"])

    def _lock_of(self, row: dict[str, Any]) -> locks.Lock:
        if self._lock is None or self._lock.kind != row["kind"]:
            has = self._lock.kind if self._lock else "nothing"
            said = f"the escrow was locked by `{row['kind']}`, and the settings of now name {has}"
            raise Rejected(said, next_step="use the settings that the incident began with")
        return self._lock


def _names(incident: str, role: str) -> tuple[str, str]:
    """The file's name, and the context that the ciphertext is bound to."""
    if not _NAME.fullmatch(incident) or not _NAME.fullmatch(role):
        raise Rejected(f"`{incident[:40]}`, `{role[:40]}` cannot be names of files")
    return f"{incident}.{role}.json", f"{incident}/{role}"


def _perhaps(folder: PrivateFolder, name: str) -> Content | None:
    try:
        return folder.read(name)
    except Missing:
        return None


def _row(content: Content) -> dict[str, Any]:
    try:
        row = untrusted_json.loads(content.data)
    except ValueError:
        row = None
    if not isinstance(row, dict) or set(row) != {"kind", "token", "nonce", "text"}:
        raise Rejected("a file of the escrow is torn")
    return row


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode()
