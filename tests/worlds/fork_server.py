"""`python -m tests.worlds.fork_server FD`: imports the command once and forks a process for each request on the socket FD.

Starting Python and importing everything is most of what a short run of the command costs. A forked process is as real as one
that was executed: it has a number, an environment, a folder, a session and standard streams of its own, it is killed alone, and
at its end its threads are waited for and what it asked for at its exit is done. Only what the kernel shows of it in
`/proc/N/cmdline` and `/proc/N/environ` is this server's.

The server has one thread and opens nothing, so that a fork copies no lock that is held and no connection.
"""

import atexit
import gc
import os
import pkgutil
import runpy
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import orjson
import stripe

import ir
from ir import report
from ir.incident.folding import fold
from ir.report import notices
from tests.unit.report_samples import overlap

LATE = (
    *("botocore.session", "hvac"),
    *("cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.hazmat.primitives.serialization"),
    *("duckdb", "jinja2", "pydantic.type_adapter", "sqlalchemy.dialects.sqlite", "tenacity"),
)
"""Libraries that the command imports where it uses them."""
LARGEST = 65_536
"""Bytes of a request."""


@dataclass(frozen=True)
class Request:
    """What to run, and where.

    Attributes:
        program: as Python takes it: `-m MODULE ARGUMENT…` or `-c TEXT ARGUMENT…`.
        umask: -1: as the server's.
        session: whether the process leads a session of its own.
    """

    program: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    umask: int
    session: bool

    def to_bytes(self) -> bytes:
        """For the socket."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Request":
        """See `to_bytes`."""
        row = orjson.loads(data)
        return cls(**{**row, "program": tuple(row["program"])})


def main() -> None:
    """Serve until the other side closes its end; in a forked process, be the command."""
    for name in (*_modules(), *LATE):
        import_module(name)
    assert stripe.StripeClient.__name__ and all(_drawn()), "what is imported and compiled by its first use"
    gc.collect()
    gc.freeze()  # no collection in a forked process touches, and thereby copies, what they share
    atexit.register(gc.unfreeze)  # DuckDB complains of what is not collected at the end
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    if request is None:
        os._exit(0)  # it has opened nothing; taking down what was imported takes seconds on a busy machine
    with _ending_at_once():
        become(request)


def serve(control: socket.socket) -> Request | None:
    """Fork for every request; returns None at the end, and the request in the forked process.

    With a request come four descriptors: standard input, output and error, and a pipe that is told the process id and,
    when the process has ended, its exit code, a line each.
    """
    children: dict[int, tuple[int, int]] = {}
    with selectors.DefaultSelector() as ready, control:
        ready.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is control:
                    data, streams, _, _ = socket.recv_fds(control, LARGEST, 4)
                    if not data:
                        return None
                    pid = os.fork()
                    if pid == 0:
                        for told, watched in children.values():
                            os.close(told)
                            os.close(watched)
                        os.close(streams.pop())
                        _take_over(streams)
                        return Request.from_bytes(data)
                    children[pid] = streams.pop(), os.pidfd_open(pid)
                    for stream in streams:
                        os.close(stream)
                    os.write(children[pid][0], b"%d\n" % pid)
                    ready.register(children[pid][1], selectors.EVENT_READ, pid)
                else:
                    told, watched = children.pop(key.data)
                    ready.unregister(watched)
                    os.close(watched)
                    _, status = os.waitpid(key.data, 0)
                    with open(told, "wb") as pipe:  # noqa: PTH123 - a descriptor
                        pipe.write(b"%d\n" % os.waitstatus_to_exitcode(status))


def become(request: Request) -> None:
    """Be the command: everything that a new process starts with is set, then the program runs."""
    os.chdir(request.cwd)
    if request.umask >= 0:
        os.umask(request.umask)
    if request.session:
        os.setsid()
    os.environ.clear()
    os.environ.update(request.env)
    time.tzset()
    tempfile.tempdir = None
    how, what, *words = request.program
    sys.argv = [how, *words]
    if how == "-m":
        sys.path[0] = request.cwd
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = ""
        sys.modules["__main__"] = made = ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), made.__dict__)  # noqa: S102 - as `python -c` does


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """Have Python do all that it does at the exit of this process but the last: it does not take down what was imported.

    That is shared with the server until it is touched; to copy and to take down all of it is more work than most commands are.
    """
    codes: list[int] = []
    atexit.register(_end, codes)  # what the program asks for at its exit is done before
    try:
        yield
        codes.append(0)
    except SystemExit as ended:
        codes.append(ended.code if isinstance(ended.code, int) else bool(ended.code))
        raise
    except Exception:
        codes.append(1)
        raise


def _end(codes: list[int]) -> None:
    """Called when all threads have ended; an output that is gone is left to Python, which tells of it."""
    if codes:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(codes[-1] & 0xFF)


def _modules() -> Iterator[str]:
    """Everything of the command's; a drill is another process's matter."""
    for found in pkgutil.walk_packages(ir.__path__, "ir."):
        if not found.name.startswith(("ir.drill", "ir.cli.__main__")):
            yield found.name


def _drawn() -> Iterator[str]:
    """A report, the page of its bundle and the drafts: every one of their templates is compiled."""
    sample = overlap().entries
    drawn = report.render_all(fold(sample), sample)
    told = orjson.loads(drawn["json"])
    yield from drawn.values()
    yield report.readme(told, "", ())
    yield from (notices.draft(told, to) for to in notices.DRAFTS)


def _take_over(streams: list[int]) -> None:
    """Make them this process's standard streams, buffered as Python does it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = _stream(0, "r", "strict")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "w", "strict")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace")  # type: ignore[misc]


def _stream(number: int, mode: str, errors: str) -> Any:
    lines = number == 2 or os.isatty(number)
    return open(number, mode, 1 if lines else -1, encoding="utf-8", errors=errors, closefd=False)


if __name__ == "__main__":
    main()
