"""An env file: one variable, changed atomically; mode, owner and every other byte are kept.

The version is a hash of the whole file. Stages and custody lie in a 0600 sibling, `<file>.ir-<incident>`, one line per role.
"""

import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ir.errors import Conflict, Denied, Missing, Rejected, Unknown
from ir.ports import Held, Pending, Permission, Store
from ir.reference import Reference
from ir.secret import Secret

_LINE = re.compile(
    rb"""^(?P<lead>[ \t]*(?:export[ \t]+)?)(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?P<gap>[ \t]*=[ \t]*)
    (?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\r\n#]*?(?=[ \t]+\#|[ \t]*\r?$))""",
    re.MULTILINE | re.VERBOSE,
)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\$": "$", "\\`": "`"}
_TRIES = 5


@dataclass(frozen=True)
class _File:
    data: bytes
    mode: int
    uid: int
    gid: int

    @property
    def version(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:16]


class DotenvStore(Store):
    """One variable of one file.

    Args:
        ref: `dotenv://FILE#VARIABLE`; a relative path starts at `base`.
        base: the inventory's folder.
    """

    guided = False
    custodian = True

    def __init__(self, ref: Reference, *, base: Path) -> None:
        self.ref = ref
        self._path = base / ref.path

    def read(self) -> Held:
        """See `ports.Store`. Raises Denied for a file that others can read or write."""
        found = self._file()
        match, names = self._find(found.data)
        value = _unquoted(match["value"].decode()) if match else ""
        return Held(Secret(value) if value else None, found.version, names)

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`: the file and its folder, for the rename, must be writable."""
        self._file()
        if not os.access(self._path.parent, os.W_OK | os.X_OK) or not os.access(self._path, os.W_OK):
            raise Denied(f"no write permission for {self._path} and its folder")
        return Permission(True, "the file and its folder are writable")

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`: a sibling of another incident."""
        mark = self._path.name + ".ir-"
        for sibling in sorted(self._path.parent.glob(self._path.name + ".ir-INC-*")):
            owner = sibling.name.removeprefix(mark)
            if owner != incident:
                return Pending(owner, sibling.stat().st_mtime, sibling.name)
        return None

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        self.keep(incident, "stage", new)
        return self._sibling(incident).name

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""
        before = self.fetch(incident, "before")

        def may(found: _File, value: str) -> None:
            if found.version != expected and (before is None or value != before.reveal()):
                raise Conflict(f"somebody else changed {self.ref}: its content is {found.version}, {expected} was expected")

        return self._write(new, may)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(_found: _File, value: str) -> None:
            if value != new.reveal():
                raise Conflict(f"{self.ref} holds neither the old key nor ours")

        return self._write(old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`."""
        self._sibling(incident).unlink(missing_ok=True)

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`. The value that stood before is noted too, for a later promote to compare with."""
        with self._locked():
            roles = self._roles(incident)
            held = self.read().value
            wanted = {**roles, role: secret.reveal()}
            if held is not None:
                wanted.setdefault("before", held.reveal())
            if wanted != roles:
                owner = self._file()
                text = "".join(f"{name}={json.dumps(value)}\n" for name, value in sorted(wanted.items()))
                _replace(self._sibling(incident), text.encode(), _File(b"", 0o600, owner.uid, owner.gid))
        return f"{self._sibling(incident).name} as {role}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        value = self._roles(incident).get(role)
        return Secret(value) if value else None

    # ── files ──

    def _sibling(self, incident: str) -> Path:
        return self._path.with_name(f"{self._path.name}.ir-{incident}")

    def _roles(self, incident: str) -> dict[str, str]:
        try:
            text = self._sibling(incident).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Denied(f"{self._sibling(incident).name} cannot be read: {error.strerror}") from None
        return {name: json.loads(value) for name, _, value in (line.partition("=") for line in text.splitlines())}

    def _file(self) -> _File:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Missing(f"there is no file {self._path}") from None
        except OSError as error:
            fix = "name the file itself, not a link" if self._path.is_symlink() else ""
            raise Denied(f"{self._path} cannot be opened: {error.strerror}", next_step=fix) from None
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(file.fileno())
            _refuse_unsafe(self._path, info)
            return _File(file.read(), stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid)

    def _find(self, data: bytes) -> tuple[re.Match[bytes] | None, tuple[str, ...]]:
        matches = list(_LINE.finditer(data))
        ours = [match for match in matches if match["name"].decode() == self.ref.field]
        if len(ours) > 1:
            raise Rejected(f"{self.ref.field} stands {len(ours)} times in {self._path}; which one counts depends on the reader")
        names = dict.fromkeys(match["name"].decode() for match in matches if match not in ours)
        return (ours[0] if ours else None), tuple(names)

    def _write(self, value: Secret, may: Callable[[_File, str], None]) -> str:
        """Change the variable if `may` allows it; a neighbour who is faster is merged, a few times."""
        for _ in range(_TRIES):
            with self._locked():
                found = self._file()
                match, _names = self._find(found.data)
                if match is None:
                    raise Missing(f"{self._path} no longer has {self.ref.field}")
                now = _unquoted(match["value"].decode())
                if now == value.reveal():
                    return found.version
                may(found, now)
                start, end = match.span("value")
                changed = found.data[:start] + _quoted_like(match["value"].decode(), value.reveal()).encode() + found.data[end:]
                if self._file().version == found.version:
                    _replace(self._path, changed, found)
                    return self._read_back(value)
        raise Unknown(f"{self._path} is being changed by somebody else all the time")

    def _read_back(self, value: Secret) -> str:
        held = self.read()
        if held.value != value:
            raise Conflict(f"{self.ref} was overwritten right after our write")
        return held.version

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps our own processes apart; strangers are caught by the hash."""
        handle = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _refuse_unsafe(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise Rejected(f"{path} is not a regular file")
    if info.st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        raise Denied(f"others can read or write {path}", next_step=f"chmod 600 {path}")
    if info.st_uid != os.geteuid() and os.geteuid() != 0:
        raise Denied(f"{path} belongs to user {info.st_uid}, not to you", next_step="run as its owner")


def _replace(path: Path, data: bytes, like: _File) -> None:
    """Write beside, sync, rename, sync the folder: after a power cut there is the old file or the new one."""
    temporary = path.with_name(f".{path.name}.ir-{os.getpid()}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), like.mode)
            if (like.uid, like.gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), like.uid, like.gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unknown(f"{path} could not be written: {error.strerror}") from None


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\.", lambda hit: _ESCAPES.get(hit[0], hit[0]), text[1:-1])
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    return text.strip()


def _quoted_like(before: str, value: str) -> str:
    """A key needs no quotes; the quotes that stood there are kept all the same."""
    mark = before[0] if len(before) > 1 and before[0] == before[-1] and before[0] in "\"'" else ""
    return f"{mark}{value}{mark}"
