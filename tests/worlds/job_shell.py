"""A shell of one job, as the leader of a terminal's session: starts it, is told when it stops or ends, brings it back, and stays.

Run as a process of its own; speaks lines of JSON over the descriptor that is its first argument. A real shell would set the
terminal's modes itself, and so hide what a command leaves behind.
"""

import fcntl
import json
import os
import signal
import socket
import sys
import termios

TERMINAL = 0
_IGNORED = (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def main() -> None:
    """Until the socket is closed."""
    fcntl.ioctl(TERMINAL, termios.TIOCSCTTY, 0)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as line:
        heard = line.makefile("r")
        job = 0
        for text in heard:
            order = json.loads(text)
            if "run" in order:
                job = _started(order["run"], line)
            elif "fg" in order:
                os.tcsetpgrp(TERMINAL, job)
                os.kill(-job, signal.SIGCONT)
            line.sendall(json.dumps({"pid": job, **_waited(job)}).encode() + b"\n")


def _started(argv: list[str], line: socket.socket) -> int:
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(TERMINAL, os.getpid())
        for number in (*_IGNORED, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execv(argv[0], argv)  # noqa: S606 - an argument list, and no shell
    line.sendall(json.dumps({"pid": job, "state": "runs"}).encode() + b"\n")
    return job


def _waited(job: int) -> dict[str, object]:
    _, status = os.waitpid(job, os.WUNTRACED)
    os.tcsetpgrp(TERMINAL, os.getpid())
    if os.WIFSTOPPED(status):
        return {"state": "stopped"}
    return {"state": "ended", "code": os.waitstatus_to_exitcode(status)}


if __name__ == "__main__":
    main()
