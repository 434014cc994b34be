"""Read evidence in a process of its own, which is ended when its time is up: a hostile line may be made to take long.

An order goes in on standard input, news and the result come out on standard output, each behind its length. Both ends are this
file's, so they speak Python's own format; a key is in none of it (a `Secret` cannot be written so).
"""

import pickle
import resource
import struct
import subprocess
import sys
import threading
import time
from typing import IO, Any

from ir.clients import program
from ir.clients.program_process import end
from ir.core.errors import PortError, Unknown, UsageError
from ir.ports import Reviewed
from ir.review.reading import Order, carry_out
from ir.review.workspace import Say

_ARGV = (sys.executable, "-I", "-m", "ir.review.apart")
_LENGTH = struct.Struct(">I")
_CORES = 64


def carried_out(order: Order, seconds: float, say: Say) -> Reviewed | None:
    """As `reading.carry_out`; None: the time was up, and the process was ended. Raises as it does."""
    program.no_core_dumps()
    env = program.environment(("TMPDIR", "TZ"))
    process = subprocess.Popen(
        _ARGV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, start_new_session=True
    )
    late = threading.Event()

    def too_late() -> None:
        late.set()
        end(process)

    bell = threading.Timer(seconds, too_late)
    bell.daemon = True
    bell.start()
    try:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes were asked for
        told = _conversation(process.stdin, process.stdout, (order, seconds), say)
    finally:
        bell.cancel()
        bell.join()
        end(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    if told is None:
        if late.is_set():
            return None
        raise Unknown("the reading of the files ended without a result", next_step="ir review stripe, with the same files")
    kind, found = told
    if kind == "reviewed":
        return found  # type: ignore[no-any-return]  # what `main` wrote
    raise (UsageError if kind == "usage" else Unknown)(**found)


def _conversation(way_in: IO[bytes], way_out: IO[bytes], order: Any, say: Say) -> tuple[str, Any] | None:
    """The result, None when there is none."""
    try:
        _write(way_in, order)
        way_in.close()
        while True:
            kind, found = _read(way_out)
            if kind != "news":
                return kind, found
            say(found)
    except (OSError, EOFError, ValueError):
        return None


def _write(pipe: IO[bytes], message: Any) -> None:
    data = pickle.dumps(message)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = pipe.read(_LENGTH.unpack(head)[0])
    return pickle.loads(data)  # noqa: S301 - of our own child, or of our parent


def main() -> None:
    """Run as the child. An orphan ends by itself when it has used the time of its order on every core."""
    order, seconds = _read(sys.stdin.buffer)
    most = int(seconds + 1) * _CORES
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    last = 0.0

    def say(text: str) -> None:
        nonlocal last
        if time.monotonic() - last > 0.1:
            last = time.monotonic()
            _write(sys.stdout.buffer, ("news", text))

    try:
        told: tuple[str, Any] = ("reviewed", carry_out(order, say))
    except (PortError, UsageError) as error:
        told = ("usage" if isinstance(error, UsageError) else "unknown", _words(error))
    _write(sys.stdout.buffer, told)


def _words(error: PortError | UsageError) -> dict[str, str]:
    return {"what": error.what, "safe": error.safe, "next_step": error.next_step}


if __name__ == "__main__":
    main()
