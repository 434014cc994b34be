"""Files that hold keys: read and replaced whole, closed to strangers, and never through a link.

A file is replaced by renaming a finished one over it: owner, group, mode and extended attributes (access lists) are kept,
and after a power loss either the old or the new file is whole. Writers of ours exclude each other by a lock on the
folder; any other writer is noticed by comparing the content right before the rename.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ir.adapters.stores import file_hindrance
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown

_LARGEST = 1 << 20
_POLL = 0.02
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, repr=False)
class Content:
    """The content of a file, and the file's identity."""

    data: bytes
    info: os.stat_result
    attributes: dict[str, bytes]


class PrivateFolder:
    """The folder of a file, held open so that it cannot be exchanged meanwhile; use as a context manager.

    Args:
        path: the folder.
        timeout: seconds to wait for another process of ours.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self.path, self._timeout, self._fd = path, timeout, -1

    def __enter__(self) -> "PrivateFolder":
        with translated(f"the folder {self.path}"):
            self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def read(self, name: str) -> Content:
        """The file and its facts. Raises Missing, Denied (a link, a stranger's, open to strangers), Rejected (too large)."""
        place = self.path / name
        with translated(str(place)):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
            try:
                info = os.fstat(fd)
                _refuse_unsafe(info, place)
                return Content(_read_all(fd, place), info, _attributes(fd))
            finally:
                os.close(fd)

    def names(self) -> list[str]:
        """What is in the folder."""
        with translated(str(self.path)):
            return sorted(os.listdir(self._fd))  # noqa: PTH208 - of the folder that we hold open, not of its name

    def check_replace(self, name: str, info: os.stat_result) -> None:
        """Raises Denied or Rejected when `replace` would fail or would have to change owner or group."""
        place = self.path / name
        folder = os.fstat(self._fd)
        self._refuse_fixed(name)
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=self._fd, effective_ids=True):
            said = f"no file can be made in {self.path}, so {place} cannot be replaced as a whole"
            raise Denied(said, next_step=f"chmod u+w {self.path}")
        if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
            raise Denied(f"everybody may exchange files in {self.path}", next_step=f"chmod o-w {self.path}")
        if info.st_nlink > 1:
            raise Denied(f"{place} has {info.st_nlink} names; the others would keep the old key", next_step="make it a file of its own")
        if os.geteuid() != 0 and info.st_gid not in (os.getegid(), *os.getgroups()):
            raise Denied(f"{place} belongs to a group that we are not in, and replacing it would change that")

    def _refuse_fixed(self, name: str) -> None:
        place = self.path / name
        found = file_hindrance.of_mount(self.path.resolve() / name) or file_hindrance.of_file(self._fd, self.path)
        if found is None:
            with translated(str(place)):
                fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
                found = file_hindrance.of_file(fd, place)
                os.close(fd)
        if found is not None:
            raise found

    def replace(self, name: str, data: bytes, scratch: str, before: Content | None) -> bool:
        """Put `data` in place of the file; False: it is no longer as in `before` (None: it must not be there yet).

        `scratch` is the name of the file meanwhile; only call this while holding `lock`.
        """
        place = self.path / name
        with translated(str(place)):
            self._write_scratch(scratch, data, before)
            if not self._is_still(name, before):
                self.remove(scratch)
                return False
            try:
                os.rename(scratch, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except OSError:
                self.remove(scratch)
                raise
            os.fsync(self._fd)
        return True

    def remove(self, name: str) -> None:
        """Take a file of ours away; free to repeat."""
        with translated(str(self.path / name)), suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)
            os.fsync(self._fd)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude other writers of ours. Raises Unknown when that takes too long."""
        until = time.monotonic() + self._timeout
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                busy = time.monotonic() > until
            if busy:
                raise Unknown(f"another process has been writing in {self.path} for {self._timeout:g} s", safe="nothing was written")
            time.sleep(_POLL)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _write_scratch(self, scratch: str, data: bytes, like: Content | None) -> None:
        self.remove(scratch)  # left by an earlier try that was killed; we hold the lock
        fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._fd)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if like is not None:
                os.fchown(fd, like.info.st_uid, like.info.st_gid)
                os.fchmod(fd, stat.S_IMODE(like.info.st_mode))
                _set_attributes(fd, like.attributes)
            os.fsync(fd)
        except OSError:
            self.remove(scratch)
            raise
        finally:
            os.close(fd)

    def _is_still(self, name: str, before: Content | None) -> bool:
        try:
            now = self.read(name)
        except Missing:
            return before is None
        return before is not None and now.data == before.data and now.info.st_ino == before.info.st_ino


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate the system's errors into ours."""
    try:
        yield
    except OSError as error:
        raise _leaf(error, what) from None


def _leaf(error: OSError, what: str) -> PortError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Missing(f"there is no {what}")
    if error.errno == errno.ELOOP:
        return Denied(f"{what} is a link, which somebody could point elsewhere", next_step="name the file itself")
    if error.errno in _DENIED:
        return Denied(f"the system does not let this user do that to {what} ({os.strerror(error.errno or 0)})")
    if error.errno in (errno.EBUSY, errno.EXDEV):
        return Rejected(f"{what} is mounted as a file of its own and cannot be replaced", next_step="mount its folder instead")
    return Unknown(f"the system failed at {what} ({os.strerror(error.errno or 0)})")


def _refuse_unsafe(info: os.stat_result, place: Path) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise Denied(f"{place} is not a plain file")
    if os.geteuid() not in (0, info.st_uid):
        raise Denied(f"{place} belongs to user {info.st_uid}, not to us", next_step=f"run as its owner, or: chown {os.geteuid()} {place}")
    if info.st_mode & stat.S_IRWXO:
        raise Denied(f"everybody can open {place} (mode {stat.S_IMODE(info.st_mode):o})", next_step=f"chmod o= {place}")


def _attributes(fd: int) -> dict[str, bytes]:
    if not hasattr(os, "listxattr"):
        return {}
    try:
        return {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
    except OSError:  # a file system without any
        return {}


def _set_attributes(fd: int, attributes: dict[str, bytes]) -> None:
    for name, value in attributes.items():
        try:
            os.setxattr(fd, name, value)
        except OSError:
            # Labels of a security module are the system's to give; without its access list, readers would be locked out.
            if name.startswith("system.posix_acl"):
                raise


def _read_all(fd: int, place: Path) -> bytes:
    parts, size = [], 0
    while part := os.read(fd, 1 << 16):
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise Rejected(f"{place} is larger than {_LARGEST} bytes")
    return b"".join(parts)
