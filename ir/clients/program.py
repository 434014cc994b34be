"""Run a user's program: a reloader, a verifier, a store of their own.

Never a shell. The child gets an allow-listed environment, one pipe each for input, output and errors and no other
descriptor, and a session of its own, so that a time-out ends the whole family. Core dumps are off before it starts. A
secret reaches it on standard input only; what it prints comes back scrubbed by value and capped.
"""

import errno
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ir.clients.program_process import Pipe, end, talk, wait
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret, longest_form, scrub

ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
"""What every child gets, besides `LC_*`; anything else is named by the user."""

KEPT = 16 * 1024
"""Bytes kept of standard output and of standard error; the rest is read and dropped."""

LARGEST_SECRET = 64 * 1024
"""The most bytes that a program may print as a secret (AWS Secrets Manager's own limit)."""

_LONGEST_SHAPE = 512


@dataclass(frozen=True)
class Finished:
    """How a program ended.

    Attributes:
        code: exit code; negative: the signal that ended it.
        out, err: what it printed, UTF-8 (anything else replaced), scrubbed, at most `KEPT` characters each.
        timed_out: it was ended by us.
    """

    code: int
    out: str
    err: str
    timed_out: bool = False

    @property
    def passed(self) -> bool:
        """It ended by itself with exit code 0."""
        return self.code == 0 and not self.timed_out


@dataclass(frozen=True)
class Printed:
    """How a program ended whose output is a secret; `value` is None when it failed or printed nothing."""

    code: int
    value: Secret | None
    err: str
    timed_out: bool = False


def run(
    argv: Sequence[str],
    *,
    stdin: Secret | bytes | None = None,
    env: Sequence[str] = (),
    timeout: float = 30.0,
    cwd: str | None = None,
) -> Finished:
    """Run a program to its end.

    Args:
        argv: program and arguments; no shell reads them.
        stdin: bytes for its standard input (a Secret is sent as UTF-8, without a line end); None: nothing to read.
        env: names of further environment variables that it needs; those that are not set are left out.
        timeout: seconds; then the whole process group gets SIGTERM, and a second later SIGKILL.
        cwd: folder to start in; None: ours.

    Raises:
        Missing: there is no such program.
        Denied: it must not be executed.
        Rejected: the arguments or the environment hold a secret, or cannot be passed.
        Unknown: the system could not start a process just now.
    """
    margin = max(longest_form(), _LONGEST_SHAPE)
    code, out, err, timed_out = _run(argv, stdin, env, timeout, cwd, Pipe(KEPT + margin))
    return Finished(code, _shown(out, margin), _shown(err, margin), timed_out)


def run_for_secret(argv: Sequence[str], *, env: Sequence[str] = (), timeout: float = 30.0, cwd: str | None = None) -> Printed:
    """Run a program that prints a secret (one line end after it is not part of it); for the `read` of a user's store.

    Args and errors as in `run`; also Rejected when it prints more than `LARGEST_SECRET` bytes, or no UTF-8.
    """
    code, out, err, timed_out = _run(argv, None, env, timeout, cwd, Pipe(LARGEST_SECRET))
    value = None
    if code == 0 and not timed_out:
        value = _secret_from(out, argv[0])
    return Printed(code, value, _shown(err, max(longest_form(), _LONGEST_SHAPE)), timed_out)


def find(argv: Sequence[str], *, env: Sequence[str] = ()) -> None:
    """Whether `run` could start this program; it is not started. Raises Missing, Denied, Rejected as `run` does."""
    name = _checked(argv)
    if shutil.which(name, path=environment(env).get("PATH")) is None:
        there = Path(name).is_file() and "/" in name
        raise _translated(PermissionError() if there else FileNotFoundError(), name)


def no_core_dumps() -> None:
    """Take the right to dump core from this process and its children: memory holds keys. Free to repeat."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(
    argv: Sequence[str], stdin: Secret | bytes | None, env: Sequence[str], timeout: float, cwd: str | None, out: Pipe
) -> tuple[int, Pipe, Pipe, bool]:
    err = Pipe(KEPT + max(longest_form(), _LONGEST_SHAPE))
    deadline = time.monotonic() + timeout
    process = _start(argv, environment(env), cwd, has_input=stdin is not None)
    data = stdin.reveal().encode() if isinstance(stdin, Secret) else stdin or b""
    try:
        talk(process, data, out, err, deadline)
        timed_out = not wait(process, deadline - time.monotonic())
    finally:
        end(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
    return process.returncode, out, err, timed_out


def environment(names: Sequence[str] = ()) -> dict[str, str]:
    """The environment of a child.

    Raises:
        Rejected: a variable holds a secret that this process knows.
    """
    chosen = {k: v for k, v in os.environ.items() if k in ENVIRONMENT or k.startswith("LC_") or k in names}
    for name, value in chosen.items():
        if scrub(value) != value:
            raise Rejected(
                f"environment variable {name} holds a secret, and a child's environment can be read by others",
                next_step="let the program read it from standard input, or from the store itself",
            )
    return chosen


def _start(argv: Sequence[str], env: Mapping[str, str], cwd: str | None, *, has_input: bool) -> "subprocess.Popen[bytes]":
    name = _checked(argv)
    no_core_dumps()
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            bufsize=0,
            close_fds=True,
            start_new_session=True,
        )
    except OSError as error:
        raise _translated(error, name) from None
    except ValueError:
        raise Rejected(f"`{name}` could not be started: its arguments are not text") from None


def _checked(argv: Sequence[str]) -> str:
    """The program, after a check that no argument shows a secret in the process list."""
    if not argv or not argv[0]:
        raise Rejected("no program is named")
    for number, argument in enumerate(argv):
        if scrub(argument) != argument:
            raise Rejected(
                f"argument {number} of the program holds a secret, and arguments can be read by others",
                next_step="let the program read it from standard input",
            )
        if "\0" in argument:
            raise Rejected(f"argument {number} of the program holds a zero byte")
    return argv[0]


def _translated(error: OSError, name: str) -> PortError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Missing(f"there is no program or folder `{error.filename or name}`")
    if isinstance(error, PermissionError):
        return Denied(f"`{name}` must not be executed by this user")
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return Unknown(f"the system could not start `{name}` just now")
    return Rejected(f"`{name}` could not be started: {os.strerror(error.errno or 0)}")


def _shown(pipe: Pipe, margin: int) -> str:
    text = scrub(pipe.data.decode("utf-8", errors="replace"))
    # a secret may be cut in two there, which no scrubbing can recognise
    return text[:-margin][:KEPT] if pipe.cut else text[:KEPT]


def _secret_from(pipe: Pipe, name: str) -> Secret | None:
    if pipe.cut:
        raise Rejected(f"`{name}` printed more than {LARGEST_SECRET} bytes where a secret was expected")
    try:
        text = pipe.data.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None:  # outside of the handler: the codec's error holds the bytes, and must not become our context
        raise Rejected(f"`{name}` printed something that is not UTF-8 text where a secret was expected")
    text = text.removesuffix("\n").removesuffix("\r")
    return Secret(text) if text else None
