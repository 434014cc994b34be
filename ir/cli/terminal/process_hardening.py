"""Harden a process before it reads its first key: no core dumps, vendor switches, tracebacks, or keys in argv.

A traceback, a log line of a library or a memory image may hold a key; an argument is visible in the process list.
"""

import ctypes
import logging
import os
import resource
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from ir.core.errors import UsageError
from ir.core.secret import key_shaped

_SWITCHES = ("SSLKEYLOGFILE", "DBOS_", "OTEL_")
"""Variables (or their beginnings) by which a library would write TLS keys to a file, or send our record to another place."""
_NOT_DUMPABLE = 4
"""`PR_SET_DUMPABLE` of prctl(2): no memory image, not even into a pipe, which `RLIMIT_CORE` does not stop."""


def harden() -> None:
    """Give it all up, for this process; children inherit the limit on core dumps, and get their own environment."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library: the limit has to do
            ctypes.CDLL(None).prctl(_NOT_DUMPABLE, 0, 0, 0, 0)
    for name in [name for name in os.environ if name.startswith(_SWITCHES)]:
        del os.environ[name]
    # Libraries speak through our errors or not at all: what they log of themselves may quote a key.
    logging.lastResort = None
    logging.raiseExceptions = False
    sys.excepthook = _crashed
    threading.excepthook = lambda said: _crashed(said.exc_type, said.exc_value, said.exc_traceback)
    sys.unraisablehook = lambda _said: None


def refuse_keys(argv: Sequence[str]) -> None:
    """Raises UsageError for an argument that holds a key; the key itself is not repeated."""
    for number, word in enumerate(argv, 1):
        if key_shaped(word):
            raise UsageError(
                f"argument {number} holds what looks like a key; it is not used and not repeated here",
                safe="nothing was sent or changed",
                next_step="it is now in your shell's history and was visible in the process list: delete it there, treat it as leaked; "
                "keys are given by --leaked-key-from prompt | stdin | fd:N | file:PATH",
            )


def _crashed(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
    """Report an uncaught error by class and place, never by its text or its frames."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    if kind is not None and sys.stderr is not None:
        sys.stderr.write(f"ir: unexpected {kind.__name__} at {where}\n")
