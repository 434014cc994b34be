"""The real command line as a process of its own; its output goes to the screen at once and is kept to be searched."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Protocol

from ir.drill.embedded.options import LONGEST_WAIT

_GRACE = 5.0


@dataclass(frozen=True)
class Ran:
    """The end of a command: exit code, its whole output, and its duration in seconds."""

    code: int
    output: bytes
    took: float


class Running(Protocol):
    """A started command, with the parts of `subprocess.Popen` that are needed."""

    @property
    def pid(self) -> int:
        """Its process id; it leads a session of its own."""
        ...

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, as soon as there is one. Raises subprocess.TimeoutExpired."""
        ...


Start = Callable[[Sequence[str], Mapping[str, str], Path, int], Running]
"""Starts `ir` without input: arguments, environment, folder, and the descriptor that takes all output."""


def execute(args: Sequence[str], env: Mapping[str, str], cwd: Path, output: int) -> Running:
    """See `Start`."""
    return subprocess.Popen(
        [sys.executable, "-m", "ir.cli", *args],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )


class CommandLine:
    """Runs `ir`.

    Args:
        env: environment; holds no key.
        cwd: folder to run in.
        show: gets the output as it comes.
        terminal: columns of a terminal that the command gets, so that it shows colours and progress; 0: none.
        start: starts it.
    """

    def __init__(self, env: Mapping[str, str], cwd: Path, show: Callable[[bytes], None], *, terminal: int, start: Start = execute) -> None:
        self._env, self._cwd, self._show, self._terminal, self._start = dict(env), cwd, show, terminal, start

    def run(self, *args: str, kill_after: float = 0.0) -> Ran:
        """Run it to its end, without a person at the keyboard. A run that takes too long is ended.

        `kill_after`: seconds after which it gets SIGKILL, 0 = never.
        """
        began = time.monotonic()
        reads, writes = pty.openpty() if self._terminal else os.pipe()
        try:
            if self._terminal:
                _set_size(writes, self._terminal)
            child = self._start(args, self._env, self._cwd, writes)
        finally:
            os.close(writes)
        overdue = Timer(LONGEST_WAIT, _signal, (child, signal.SIGINT))
        death = Timer(kill_after, _signal, (child, signal.SIGKILL))
        overdue.start()
        if kill_after:
            death.start()
        try:
            output = self._copy(reads, self._show)
            return Ran(child.wait(), output, time.monotonic() - began)
        finally:
            overdue.cancel()
            death.cancel()
            os.close(reads)
            _end(child)

    @staticmethod
    def _copy(reads: int, show: Callable[[bytes], None]) -> bytes:
        kept = bytearray()
        while True:
            try:
                chunk = os.read(reads, 65536)
            except OSError:  # A terminal whose other side is closed says so in this way.
                chunk = b""
            if not chunk:
                return bytes(kept)
            kept += chunk
            show(chunk)


def _set_size(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))


def _end(child: Running) -> None:
    if child.poll() is not None:
        return
    _signal(child, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: Running, number: signal.Signals) -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
