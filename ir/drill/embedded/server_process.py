"""A server of a drill as a child process: on a free port of loopback, quiet, awaited, and ended with the world that it belongs to."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

_LAST_WORDS = 5.0
"""Seconds that it has to end by itself."""


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    argv: Sequence[str],
    answers: Callable[[], bool],
    why_not: str,
    *,
    patience: float,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """For as long as the context lasts.

    Args:
        argv: what runs.
        answers: whether it serves by now.
        why_not: what is said when it never does.
        patience: seconds until it has to answer.
        cwd: its folder; None: ours.
        env: its environment; None: ours.

    Raises:
        RuntimeError: it ended, or did not answer in time.
    """
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, cwd=cwd, env=env)
    try:
        until = time.monotonic() + patience
        while not answers():
            if child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(why_not)
            time.sleep(0.03)
        yield
    finally:
        child.terminate()
        try:
            child.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
