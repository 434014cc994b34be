"""Reasons why a file cannot be replaced although its mode allows it: a mount of its own, or an attribute of the file system."""

import array
import fcntl
import os
import re
from pathlib import Path

from ir.core.errors import Denied, PortError, Rejected

_GET_FLAGS = 0x80086601
"""`FS_IOC_GETFLAGS` of Linux; what `lsattr` asks."""
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def of_file(fd: int, place: Path) -> PortError | None:
    """The reason for an open file or folder; None: there is none, or this system does not tell."""
    flags = array.array("l", [0])
    try:
        fcntl.ioctl(fd, _GET_FLAGS, flags)
    except (OSError, ValueError):
        return None
    if flags[0] & (_IMMUTABLE | _APPEND_ONLY):
        letter = "i" if flags[0] & _IMMUTABLE else "a"
        said = f"{place} has the attribute {'immutable' if letter == 'i' else 'append-only'}, so it cannot be replaced"
        return Denied(said, next_step=f"chattr -{letter} {place}")
    return None


def of_mount(place: Path) -> PortError | None:
    """A file that is mounted over another, as containers do with single files: a rename over it fails (EBUSY)."""
    if os.fspath(place) in _mounted():
        return Rejected(f"{place} is mounted as a file of its own and cannot be replaced", next_step="mount its folder instead")
    return None


def _mounted() -> set[str]:
    try:
        rows = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return set()
    return {_OCTAL.sub(lambda hit: chr(int(hit[1], 8)), row.split()[4]) for row in rows if len(row.split()) > 4}
