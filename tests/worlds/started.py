"""Processes of the command, as the tests use them: they start at once, and are else like any that was executed.

See `tests.worlds.fork_server`. A test that looks at what the kernel shows of a process (its arguments, its environment), or
that gives Python itself options, executes one instead.
"""

import atexit
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from io import FileIO
from pathlib import Path

import ir
from tests.worlds.fork_server import Request

COMMAND = ("-m", "ir.cli")


class Started:
    """A running process, with what is needed of `subprocess.Popen`.

    Args:
        told: where the fork server tells the process id and the exit code.
        outputs: standard output, and standard error where that is apart.

    Attributes:
        pid: its number.
        returncode: None while it runs; negative: the signal that ended it.
    """

    def __init__(self, told: FileIO, outputs: Sequence[FileIO] = ()) -> None:
        self.returncode: int | None = None
        self._told, self._outputs = told, {output: bytearray() for output in outputs}
        self._asking = threading.Lock()
        self.pid = int(_line(told))

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, as soon as there is one.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        with selectors.DefaultSelector() as ready:
            ready.register(self._told, selectors.EVENT_READ)
            if not ready.select(timeout):
                raise subprocess.TimeoutExpired("ir", timeout or 0.0)
        with self._asking:
            if self.returncode is None:
                self.returncode = int(_line(self._told))
            return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end: what it wrote to standard output, and to standard error where that is apart.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds; nothing is lost.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as ready:
            for output in self._outputs:
                if not output.closed:
                    ready.register(output, selectors.EVENT_READ)
            while ready.get_map():
                left = None if until is None else until - time.monotonic()
                found = ready.select(left) if left is None or left > 0 else []
                if not found:
                    raise subprocess.TimeoutExpired("ir", timeout or 0.0)
                for key, _ in found:
                    output = next(one for one in self._outputs if one is key.fileobj)
                    if piece := output.read(65_536):
                        self._outputs[output] += piece
                    else:
                        ready.unregister(output)
                        output.close()
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        said = [bytes(kept).decode().replace("\r\n", "\n") for kept in self._outputs.values()]
        return said[0], "".join(said[1:])

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def start(
    *words: str,
    cwd: Path,
    env: Mapping[str, str],
    program: Sequence[str] = COMMAND,
    umask: int = -1,
    session: bool = False,
    apart: bool = False,
) -> Started:
    """Start a process without input; its output and its errors come together, unless they are to be kept `apart`."""
    pipes = [os.pipe() for _ in range(2 if apart else 1)]
    reads, writes = zip(*pipes, strict=True)
    try:
        told = fork((*program, *words), cwd=cwd, env=env, output=writes[0], errors=writes[-1], umask=umask, session=session)
    finally:
        for descriptor in writes:
            os.close(descriptor)
    return Started(told, [FileIO(descriptor) for descriptor in reads])


def start_of_drill(args: Sequence[str], env: Mapping[str, str], cwd: Path, output: int) -> Started:
    """Start `ir` as a drill does, see `ir.drill.embedded.command_line.Start`."""
    return Started(fork((*COMMAND, *args), cwd=cwd, env=env, output=output, errors=output, session=True))


def fork(
    program: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: int,
    errors: int,
    reads: int | None = None,
    umask: int = -1,
    session: bool = False,
) -> FileIO:
    """Have a process forked that writes to two descriptors, and reads from a third; returns where the server tells of it, see `Started`."""
    request = Request(tuple(program), str(cwd), dict(env), umask, session)
    told, tell = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        socket.send_fds(_server(), [request.to_bytes()], [nothing if reads is None else reads, output, errors, tell])
    finally:
        os.close(nothing)
        os.close(tell)
    return FileIO(told)


@cache
def _server() -> socket.socket:
    """The socket of this process's fork server, which ends when the socket is closed."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    # the code that is tested here, wherever it lies
    env = {**kept, "PYTHONPATH": str(Path(ir.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    argv = [sys.executable, "-m", "tests.worlds.fork_server", str(there.fileno())]
    with there:
        process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, pass_fds=[there.fileno()])

    def end() -> None:
        here.close()
        process.wait(10)

    atexit.register(end)
    return here


def _line(pipe: FileIO) -> bytes:
    """One line; the server writes each at once.

    Raises:
        RuntimeError: the fork server has ended.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = pipe.read(1)
        if not piece:
            raise RuntimeError("the fork server of the tests has ended")
        line += piece
    return bytes(line)
