"""A shell of one job, as the leader of a terminal's session: starts it, is told when it stops or ends, brings it back, and stays.

Run as a process of its own, on a terminal; speaks lines of JSON over the socket whose path is its first argument. A real shell would
set the terminal's modes itself, and so hide what a command leaves behind. Where the fork server made this process, all that the command
imports is there: an order with `python` then forks a program, as Python takes it, instead of executing Python.
"""

import fcntl
import json
import os
import signal
import socket
import sys
import termios
from pathlib import Path

TERMINAL = 0
_IGNORED = (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def main() -> None:
    """Until the socket is closed."""
    fcntl.ioctl(TERMINAL, termios.TIOCSCTTY, 0)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(sys.argv[1])
        words = _serve(line)
    if words:
        _become(words)


def _serve(line: socket.socket) -> list[str]:
    """Obey orders; returns the words of a forked job in the job itself."""
    job = 0
    for text in line.makefile("r"):
        order = json.loads(text)
        if "fg" in order:
            os.tcsetpgrp(TERMINAL, job)
            os.kill(-job, signal.SIGCONT)
        else:
            job = os.fork()
            if job == 0:
                _in_front()
                if "python" in order:
                    return list(order["python"])
                os.execv(order["run"][0], order["run"])  # noqa: S606 - an argument list, and no shell
            _tell(line, {"pid": job, "state": "runs"})
        _tell(line, {"pid": job, **_waited(job)})
    return []


def _in_front() -> None:
    os.setpgid(0, 0)
    os.tcsetpgrp(TERMINAL, os.getpid())
    for number in (*_IGNORED, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _become(words: list[str]) -> None:
    """As Python starts: with two signals handled."""
    from tests.worlds import fork_server

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    fork_server.become(fork_server.Request(tuple(words), str(Path.cwd()), dict(os.environ), -1, session=False))


def _waited(job: int) -> dict[str, object]:
    _, status = os.waitpid(job, os.WUNTRACED)
    os.tcsetpgrp(TERMINAL, os.getpid())
    if os.WIFSTOPPED(status):
        return {"state": "stopped"}
    return {"state": "ended", "code": os.waitstatus_to_exitcode(status)}


def _tell(line: socket.socket, row: dict[str, object]) -> None:
    line.sendall(json.dumps(row).encode() + b"\n")


if __name__ == "__main__":
    main()
