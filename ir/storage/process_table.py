"""Tell which process a number of the kernel means, and whether it runs."""

import os
from pathlib import Path

_PROC = Path("/proc")
_ENDED = ("Z", "X", "x")
"""The kernel's letters for a process that has ended."""


def machine() -> str:
    """One running kernel and one numbering of its processes, "" where that is not told.

    Host names repeat, those of containers and cloned machines above all, and process numbers repeat with them.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def born(pid: int) -> str:
    """The kernel's start time of a process, "" when there is none or it is not shown.

    One that has ended counts as none, though its number stays taken until its parent asks after it: where a container's first
    process never asks, that is for ever.
    """
    try:
        state, *rest = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if state in _ENDED else rest[18]
    except (OSError, IndexError, ValueError):
        return ""


def runs(where: str, pid: int, since: str) -> bool | None:
    """Whether the process `pid` of the machine `where`, started at `since`, still runs; None when only its heartbeat can tell."""
    if not where or not since or where != machine():
        return None
    seen = born(pid)
    if not seen and _hidden(pid):
        return None
    return seen == since


def _hidden(pid: int) -> bool:
    """Whether such a process exists and is hidden from us, as where /proc shows each user only his own."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return False
