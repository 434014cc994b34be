"""How a benchmark runs, and how it ends: whatever ends it, nothing that it started lives on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

_PATIENCE = 20.0
"""Seconds that a program has to end what it started."""


def run(main: Callable[[], int | None]) -> NoReturn:
    """End with what the benchmark returns. SIGTERM raises SystemExit in it, so that each `with` and `finally` ends what it began."""
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())


def _end(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut the tidying short
    sys.exit(128 + number)


@contextmanager
def started(argv: Sequence[str], **how: Any) -> Iterator["subprocess.Popen[str]"]:
    """A program in a process group of its own; at the exit all of the group ends: what still runs is asked to, and then killed.

    Args:
        argv: the program.
        how: as for `subprocess.Popen`.
    """
    with subprocess.Popen(argv, process_group=0, text=True, **how) as child:
        try:
            yield child
        finally:
            with suppress(ProcessLookupError):
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGTERM)
                    with suppress(subprocess.TimeoutExpired):
                        child.wait(_PATIENCE)
                os.killpg(child.pid, signal.SIGKILL)
