"""A person at a terminal: types, pastes, presses Ctrl-C, reads the screen; and what the terminal itself knows of it."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.worlds import job_shell
from tests.worlds.started import Started, fork

_WITHIN = 30.0
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[78])")


class Person:
    """One terminal of 80 × 24, and whoever sits at it.

    Args:
        forked: what Python is to run is forked from a process that has imported `ir`, which takes a tenth of the time.

    Attributes:
        screen: every byte that the terminal showed.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, forked: bool = False) -> None:
        self.folder, self.environment = folder, {**environment, "TERM": "xterm", "PYTHONUNBUFFERED": "1"}
        self._forked = forked
        self._ours, self._terminal = pty.openpty()
        self.resizes(24, 80)
        self.before = self.modes()
        self.screen, self._moved = bytearray(), threading.Condition()
        with tempfile.TemporaryDirectory(prefix="ir-") as place, socket.socket(socket.AF_UNIX) as waits:
            waits.bind(f"{place}/shell")
            waits.listen(1)
            waits.settimeout(60.0)
            self._shell = self._begun(f"{place}/shell")
            self._line, _ = waits.accept()
        self._heard = self._line.makefile("r")
        self._line.settimeout(60.0)
        self.pid = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _begun(self, path: str) -> "subprocess.Popen[bytes] | Started":
        streams = self._terminal
        if self._forked:
            words = ("-m", job_shell.__name__, path)
            return Started(fork(words, cwd=self.folder, env=self.environment, reads=streams, output=streams, errors=streams, session=True))
        argv = [sys.executable, job_shell.__file__, path]
        return subprocess.Popen(
            argv, stdin=streams, stdout=streams, stderr=streams, cwd=self.folder, env=self.environment, start_new_session=True
        )

    def _watch(self) -> None:
        with suppress(OSError):
            while chunk := os.read(self._ours, 65536):
                with self._moved:
                    self.screen += chunk
                    self._moved.notify_all()

    # ── the keyboard ──

    def starts(self, *words: str) -> None:
        """Runs `ir …` in front."""
        self.runs(sys.executable, "-m", "ir.cli", *words)

    def runs(self, *argv: str) -> None:
        """Runs a program in front."""
        python = self._forked and argv[0] == sys.executable
        self._tell({"python": argv[1:]} if python else {"run": argv})
        self.pid = int(self._hear()["pid"])

    def types(self, text: str) -> None:
        """Keys, as the keyboard sends them: Enter is a carriage return."""
        os.write(self._ours, text.replace("\n", "\r").encode())

    def presses(self, letter: str) -> None:
        """Ctrl and a letter."""
        os.write(self._ours, bytes([ord(letter.upper()) - 64]))

    def sends(self, number: signal.Signals) -> None:
        """From another terminal."""
        os.kill(self.pid, number)

    def brings_back(self) -> None:
        """`fg`."""
        self._tell({"fg": True})

    def resizes(self, rows: int, columns: int) -> None:
        """The window gets another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ── the eyes ──

    def sees(self, text: str, *, after: int = 0, within: float = _WITHIN) -> int:
        """Waits for it on the screen; returns where it ends there."""
        with self._moved:
            seen = self._moved.wait_for(lambda: text in self.shown(after), within)
            assert seen, f"`{text}` never stood on the screen:\n{self.screen.decode(errors='replace')}"
            return after + self.shown(after).index(text) + len(text)

    def shown(self, after: int = 0) -> str:
        """The words on the screen from a place on, as a person reads them: without colours, however lines were broken."""
        return " ".join(_SEQUENCE.sub("", self.screen.decode(errors="replace")).split())[after:]

    def ends(self) -> int:
        """The exit code, once the command has ended; negative: the signal that ended it."""
        told = self._hear()
        assert told["state"] == "ended", told
        time.sleep(0.05)  # what it printed last is on its way
        return int(told["code"])

    def heard(self, within: float) -> dict[str, Any] | None:
        """What the shell tells of the command in that time: that it ended, with its code, or stopped; None: nothing."""
        if not select.select([self._line], [], [], within)[0]:
            return None
        told = self._hear()
        time.sleep(0.05)  # what it printed last is on its way
        return told

    def stops(self) -> None:
        """Waits until Ctrl-Z has stopped it."""
        assert self._hear()["state"] == "stopped"

    # ── the terminal ──

    def modes(self) -> list[Any]:
        """As `termios.tcgetattr`."""
        return termios.tcgetattr(self._terminal)

    @property
    def echoes(self) -> bool:
        """Whether a key that is pressed now is shown."""
        return bool(self.modes()[3] & termios.ECHO)

    @property
    def asked(self) -> str:
        """`line` while a line is read that is shown, `hidden` while one is read that is not, "" while nothing is."""
        local = self.modes()[3]
        if not local & termios.ICANON:
            return ""
        return "line" if local & termios.ECHO else "hidden"

    def sets(self, *, echo: bool) -> None:
        """`stty echo` or `stty -echo`."""
        modes = self.modes()
        modes[3] = modes[3] | termios.ECHO if echo else modes[3] & ~termios.ECHO
        termios.tcsetattr(self._terminal, termios.TCSANOW, modes)

    def until_echo(self, *, on: bool) -> None:
        """Waits until a question is asked (`on`), or the terminal is silent again."""
        end = time.monotonic() + _WITHIN
        while self.echoes is not on:
            assert time.monotonic() < end, self.shown()
            time.sleep(0.01)

    def left(self) -> bytes:
        """What the next program would read: keys that were typed and not taken."""
        modes = self.modes()
        raw = [*modes[:6], list(modes[6])]
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 0, 0
        termios.tcsetattr(self._terminal, termios.TCSANOW, raw)
        found = b""
        while select.select([self._terminal], [], [], 0.1)[0]:
            found += os.read(self._terminal, 4096)
        termios.tcsetattr(self._terminal, termios.TCSANOW, modes)
        return found

    def _tell(self, order: dict[str, Any]) -> None:
        self._line.sendall(json.dumps(order).encode() + b"\n")

    def _hear(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._heard.readline())
        return told

    def closes(self) -> None:
        """The window is closed: the shell goes, and the kernel hangs up on what runs in front."""
        self._shell.kill()
        self._shell.wait(10)
        end = time.monotonic() + _WITHIN
        while _lives(self.pid):
            assert time.monotonic() < end, "a command lives on without its terminal"
            time.sleep(0.02)

    def leaves(self) -> None:
        """Nothing of it stays behind."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._shell.kill()
        self._shell.wait(10)
        self._line.close()
        os.close(self._terminal)
        os.close(self._ours)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def person(folder: Path, environment: Mapping[str, str], *, forked: bool = False) -> Iterator[Person]:
    """Sits down, and leaves."""
    made = Person(folder, environment, forked=forked)
    try:
        yield made
    finally:
        made.leaves()
