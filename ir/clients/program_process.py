"""One child process: feed it, read it, and end it with all its children when its time is up."""

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

_CHUNK = 64 * 1024
_TICK = 0.2
"""Seconds between looks for a program that has ended while its pipes stay open."""
_LINGER = 0.25
"""Seconds to wait for output after the program has ended: a daemon that it left may hold the pipes open for ever."""
_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""


@dataclass
class Pipe:
    """The kept part of one output: `limit` bytes, and whether there was more."""

    limit: int
    data: bytearray = field(default_factory=bytearray)
    cut: bool = False

    def take(self, chunk: bytes) -> None:
        """Keep as much as there is room for."""
        room = self.limit - len(self.data)
        self.data += chunk[:room]
        self.cut = self.cut or len(chunk) > room


def talk(process: "subprocess.Popen[bytes]", data: bytes, out: Pipe, err: Pipe, deadline: float) -> None:
    """Feed and read until the pipes end, the program has been over for `_LINGER` seconds, or the time is up."""
    feed, ended = memoryview(data), False
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, kept)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE, None)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(min(_TICK, left)):
                if key.data is not None:
                    _read(selector, key)
                elif process.stdin is not None:
                    feed = _write(selector, process.stdin, feed)
            if not ended and process.poll() is not None:
                ended, deadline = True, min(deadline, time.monotonic() + _LINGER)


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    chunk = os.read(key.fd, _CHUNK)
    if chunk:
        key.data.take(chunk)
    else:
        selector.unregister(key.fileobj)


def _write(selector: selectors.BaseSelector, pipe: IO[bytes], feed: memoryview) -> memoryview:
    try:
        feed = feed[os.write(pipe.fileno(), feed[:_CHUNK]) :]
    except BlockingIOError:
        return feed
    except BrokenPipeError:
        feed = feed[:0]  # it does not read its input; its exit code says whether that matters
    if not feed:
        selector.unregister(pipe)
        pipe.close()
    return feed


def wait(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether it ended within that time."""
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a program that still runs, and its whole group; what it left behind after ending by itself stays."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline and not _over(process):
        time.sleep(_LINGER / 10)
    # until `wait`, the leader's number cannot be given to another process, so this reaches our group or none
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: "subprocess.Popen[bytes]", sign: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)


def _over(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has ended; its process number stays reserved."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
