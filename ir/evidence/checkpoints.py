"""Signed checkpoints of an incident's audit stream, made at the end of each phase, at each wait and at the end.

A checkpoint is `{statement, signature}`. The statement is `{incident, size, merkle_root, head_hash, ts}`: the root of the
tree of RFC 6962 (SHA-256) over the first `size` canonical entries, the hash of the last of them, and when it was made (UTC).
The signature is OpenSSH's over the canonical statement, namespace `ir-checkpoint`: `bundle_verifier` and `ssh-keygen -Y
verify` both check it. A statement with `purged` also says that evidence files were removed: `{by, reason, files}`.
A checkpoint may carry a `timestamp` of an authority outside (`ir.evidence.timestamps`).
"""

import os
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ir.core import sshsig
from ir.core.errors import IrError, Refused
from ir.core.model import Danger, Did, Json
from ir.evidence.bundle_verifier import NAMESPACE, Tree
from ir.evidence.hash_chain import WORD, canonical
from ir.incident.action_catalog import ACTIONS
from ir.storage.database import create_tables, single
from ir.storage.patience import all_patient

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "evidence-key.pem"

_meta = sa.MetaData()
_checkpoints = sa.Table(
    "ir_checkpoints",
    _meta,
    sa.Column("incident", sa.String, primary_key=True),
    sa.Column("size", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("made", sa.JSON, nullable=False),
)


_ENTRIES, _PURGE = "", "purge"
"""Kinds of rows that belong to the present record."""


class Signer:
    """Signs statements with an Ed25519 key."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = key
        self.public = sshsig.public_key(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())

    def signed(self, statement: Json, namespace: str = NAMESPACE) -> Json:
        """Sign a statement. Under another namespace the result cannot be taken for a checkpoint."""
        return {"statement": statement, "signature": sshsig.sign(canonical(statement), self._key, namespace)}


def own_signer(folder: Path) -> Signer:
    """The key of this machine, made on first use: `evidence-key.pem` in the state folder, 0600.

    Raises:
        Refused: it can be read by others, is a link, or is not a key.
        OSError: it can neither be read nor made.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = folder / KEY_FILE
    if not path.exists() and not path.is_symlink():
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _place(path, made)
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(file.fileno())
        data = file.read(10_000)
    if mode.st_mode & 0o077 or mode.st_uid != os.geteuid():
        raise Refused(f"{path} can be read by others", safe="nothing was signed", next_step=f"chmod 600 {path}, or remove it for a new one")
    return signer(data, str(path))


def signer(data: bytes, where: str) -> Signer:
    """A signer from a private key in the form of a file or a store.

    Raises:
        Refused: it is no Ed25519 private key without a passphrase.
    """
    try:
        return Signer(sshsig.private_key(data))
    except ValueError:
        raise Refused(f"{where} holds no Ed25519 private key without a passphrase", next_step="make one: ssh-keygen -t ed25519") from None


def _place(path: Path, data: bytes) -> None:
    """Place the machine's key. When several processes begin at once, one of them makes it, and no other sees a part of it."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(scratch, path)
    except FileExistsError:
        pass
    finally:
        scratch.unlink()


@all_patient()
class CheckpointLog:
    """The table of checkpoints, in the incidents' database, so that every machine that writes a bundle has all of them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._single = single(engine)
        create_tables(engine, _meta)

    def add(self, checkpoint: Json) -> None:
        """Add a checkpoint; of two about the same entries, the first stays."""
        statement = checkpoint["statement"]
        try:
            with self._single.begin() as db:
                row = {"incident": statement["incident"], "size": statement["size"], "kind": _kind(statement), "made": checkpoint}
                db.execute(sa.insert(_checkpoints), row)
        except sa.exc.IntegrityError:
            return

    def stamp(self, checkpoint: Json) -> None:
        """Store the `timestamp` with the checkpoint that it covers (`ir.evidence.timestamps`); of two, the caller passes the earlier."""
        statement = checkpoint["statement"]
        where = (_checkpoints.c.incident == statement["incident"]) & (_checkpoints.c.size == statement["size"])
        with self._engine.begin() as db:
            db.execute(sa.update(_checkpoints).where(where & (_checkpoints.c.kind == _kind(statement))).values(made=checkpoint))

    def of(self, incident: str) -> list[Json]:
        """All checkpoints of an incident's present record, smallest first."""
        mine = (_checkpoints.c.incident == incident) & _checkpoints.c.kind.in_([_ENTRIES, _PURGE])
        query = sa.select(_checkpoints.c.made).where(mine).order_by(_checkpoints.c.size, _checkpoints.c.kind)
        with self._single.connect() as db:
            return list(db.execute(query).scalars())

    def set_aside(self, incident: str) -> Json:
        """Keep the checkpoints of a lost record apart, before its incident gets a new record.

        Returns:
            `{size, head_hash, ts}` of the farthest checkpoint of a lost record, {} when there is none: the new record names it.
        """
        mine = _checkpoints.c.incident == incident
        since = f" of a record lost before {_now()}"
        with self._engine.begin() as db:
            current = mine & _checkpoints.c.kind.in_([_ENTRIES, _PURGE])
            db.execute(sa.update(_checkpoints).where(current).values(kind=_checkpoints.c.kind + since))
            farthest = sa.select(_checkpoints.c.made).where(mine).order_by(_checkpoints.c.size.desc()).limit(1)
            made = db.execute(farthest).scalar()
        return {name: made["statement"][name] for name in ("size", "head_hash", "ts")} if made else {}


def _kind(statement: Json) -> str:
    return _PURGE if statement.get("purged") else _ENTRIES


class Checkpointer:
    """Takes the entries of one incident, from the first on, and signs a checkpoint where one is due.

    A checkpoint that cannot be made never stops an incident: it is said once, and the evidence stays unsigned.

    Args:
        new_signer: finds the key when it is first needed.
        say: for the screen.
    """

    def __init__(self, log: CheckpointLog, new_signer: Callable[[], Signer], say: Callable[[str], None]) -> None:
        self._log, self._new_signer, self._say = log, new_signer, say
        self._tree = Tree()
        self._signer: Signer | None = None
        self._known: set[int] | None = None
        self._failed = False

    def __call__(self, entry: Json) -> None:
        """Take in one more entry; a resumed incident passes its earlier entries, too."""
        self._tree.add(canonical(entry))
        if self._failed or not due(entry):
            return
        try:
            if self._known is None:
                self._known = {int(one["statement"]["size"]) for one in self._log.of(entry["incident"])}
            if self._tree.size not in self._known:
                self._signer = self._signer or self._new_signer()
                self._log.add(self._signer.signed(statement(entry, self._tree)))
        except (OSError, IrError, sa.exc.SQLAlchemyError) as error:
            self._failed = True
            self._say(f"WARNING: the audit stream is not signed any more: {type(error).__name__}")


def due(entry: Json) -> bool:
    """Whether a checkpoint is due: at the end, at each wait, at each word of a person, after each step that may have changed something."""
    if entry["kind"] != "step":
        return bool(entry["kind"] in ("ended", WORD))
    action, did = entry["body"]["action"], entry["body"]["outcome"]["did"]
    return did == Did.WAITING.value or action not in ACTIONS or ACTIONS[action].danger is not Danger.READ


def statement(last: Json, tree: Tree, **more: Json) -> Json:
    """The statement about the entries up to `last`, which `tree` was made of."""
    told = {"incident": last["incident"], "size": tree.size, "merkle_root": tree.root(), "head_hash": last["hash"]}
    return {**told, "ts": _now(), **more}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tree_of(entries: Iterable[Json]) -> Tree:
    """The tree over all entries."""
    tree = Tree()
    for entry in entries:
        tree.add(canonical(entry))
    return tree
