"""A terminal's settings (termios) as this tool sets them: silent while it works, visible or hidden while it asks. Pure, but for two calls.

All three keep the signals of Ctrl-C and Ctrl-Z. Nothing waits for output to drain: a terminal that Ctrl-S stopped would never let go.
"""

import os
import select
import signal
import sys
import termios
import time
from contextlib import suppress
from functools import cache
from typing import Any

Attributes = list[Any]
"""What `termios.tcgetattr` gives."""

_LOCAL, _CHARACTERS = 3, 6
"""Places in `Attributes`."""
_EXTPROC = getattr(termios, "EXTPROC", {"linux": 0o200000, "darwin": 0x800}.get(sys.platform, 0))
"""Lines are edited outside the kernel (tty_ioctl(4), <termios.h>); Python names it from 3.13 on."""
_SILENT_FOR = 0.2
"""Seconds without a byte after which a paste is over."""
_LONGEST_PASTE = 10.0
"""Seconds after which a line that is never silent (a stuck key) is given up."""


def silent(before: Attributes) -> Attributes:
    """Nothing is echoed, and a byte can be seen as soon as it is there, not only at the end of its line."""
    found = _copied(before)
    found[_LOCAL] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON)
    found[_CHARACTERS][termios.VMIN], found[_CHARACTERS][termios.VTIME] = 1, 0
    return found


def visible(before: Attributes) -> Attributes:
    """A line that is edited and shown by this process, which looks at it first: the kernel passes on every byte, and echoes none.

    The flags say so: a line is read and shown (ICANON, ECHO), and not by the kernel (EXTPROC). Signals are this process's, too. Where
    the kernel does not leave it to us, nothing is echoed at all, and its signals stay its own.
    """
    if not _leaves_lines_to_us():
        return silent(before)
    found = _copied(before)
    found[_LOCAL] |= termios.ECHO | termios.ICANON | termios.ISIG | _EXTPROC
    return found


def hidden(before: Attributes) -> Attributes:
    """A line that is edited by the kernel, and not echoed."""
    found = _copied(before)
    found[_LOCAL] |= termios.ICANON | termios.ISIG
    found[_LOCAL] &= ~(termios.ECHO | termios.ECHONL)
    found[0] |= termios.ICRNL
    return found


def signals(before: Attributes) -> dict[int, int]:
    """The byte of Ctrl-C and its like → the signal that it stands for, while lines are left to us; {} where they are not."""
    if not _leaves_lines_to_us():
        return {}
    keys = {termios.VINTR: signal.SIGINT, termios.VQUIT: signal.SIGQUIT, termios.VSUSP: signal.SIGTSTP}
    found = {before[_CHARACTERS][place]: number for place, number in keys.items()}
    return {byte[0]: number for byte, number in found.items() if isinstance(byte, bytes) and byte != b"\0"}


@cache
def _leaves_lines_to_us() -> bool:
    """Whether this kernel knows EXTPROC, seen at a terminal that is made for it."""
    with suppress(OSError, termios.error):
        ours, theirs = os.openpty()
        try:
            mode = termios.tcgetattr(theirs)
            mode[_LOCAL] |= termios.ECHO | termios.ICANON | _EXTPROC
            termios.tcsetattr(theirs, termios.TCSANOW, mode)
            os.write(ours, b"x")
            return _readable(theirs, _SILENT_FOR) and not _readable(ours, 0.0)
        finally:
            os.close(ours)
            os.close(theirs)
    return False


def ours(now: Attributes, before: Attributes) -> bool:
    """Whether `now` is what we made of `before`, and no other program has changed it since."""
    return now != before and now in (silent(before), visible(before), hidden(before))


def discard(handle: int, *, begun: bool = False) -> None:
    """Throw away what was typed so far; a paste that has begun is waited for until its line is silent. The mode has to be `silent`.

    `begun`: there may be one though nothing of it is left: the kernel has thrown away what came before Ctrl-C.
    """
    with suppress(OSError, termios.error):
        if not in_front(handle):  # what is typed now is the shell's, and reading would stop this process
            return
        end = time.monotonic() + _LONGEST_PASTE
        while _readable(handle, _SILENT_FOR if begun else 0.0):
            termios.tcflush(handle, termios.TCIFLUSH)
            while time.monotonic() < end and _readable(handle, _SILENT_FOR):
                if not os.read(handle, 65536):
                    return
            if time.monotonic() >= end:
                break
        termios.tcflush(handle, termios.TCIFLUSH)


def in_front(handle: int) -> bool:
    """Whether this process may use the terminal: a shell has not put it into the background. Where no shell controls it, it may."""
    try:
        return os.tcgetpgrp(handle) == os.getpgrp()
    except OSError:
        return True


def terminal(handles: tuple[int, ...] = (0, 2, 1)) -> int | None:
    """The terminal of a person: standard input, else where errors or results go; None: there is none."""
    return next((handle for handle in handles if _is_terminal(handle)), None)


def apply(handle: int, attributes: Attributes) -> None:
    """Set them, if the terminal is there and ours to set."""
    with suppress(OSError, termios.error):
        if in_front(handle):
            termios.tcsetattr(handle, termios.TCSANOW, attributes)


def _readable(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], seconds)[0])


def _is_terminal(handle: int) -> bool:
    try:
        return os.isatty(handle)
    except OSError:
        return False


def _copied(before: Attributes) -> Attributes:
    return [*before[:_CHARACTERS], list(before[_CHARACTERS])]
