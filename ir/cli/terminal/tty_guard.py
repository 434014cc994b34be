"""Guard the terminal: while a command works nothing is echoed, and text that was typed unasked is thrown away, never used or kept.

A key that is pasted too early must not appear on the screen, and must not be run by the shell when the command has ended. So the
terminal is held from the first moment on, asked by `questions` alone, and given back as it was: at the end, after Ctrl-C, SIGTERM,
SIGHUP, SIGQUIT and a crash, and while Ctrl-Z lets the shell have it. After a SIGKILL the next `ir` puts it right (`tty_record`).

A process has one terminal, as it has one set of signal handlers; so this module has one guard, which only `armed` lets act: code that
is used as a library, or tested, leaves the terminal alone.
"""

import os
import re
import select
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from ir.cli.terminal import tty_mode, tty_record, tty_signals
from ir.cli.terminal.tty_mode import Attributes

ENDED = "\ninterrupted; nothing is lost: ir status shows what is open, ir resume goes on\n"
_LOOKS_EVERY = 0.25
"""Seconds between two looks for an answer from elsewhere."""
_CURSOR_SHOWN = "\x1b[?25h"
_PASTED = re.compile(rb"\x1b\[20[01]~")
"""What a terminal puts around a paste when it is told to (xterm's "bracketed paste"), or an earlier program left it in that mode."""
_MARKS_ON, _MARKS_OFF = "\x1b[?2004h", "\x1b[?2004l"


def _nothing() -> None:
    return None


class _Guard:
    """See above. The lock is held for moments only, and nothing is printed under it: a signal's handler may need it at any time."""

    def __init__(self) -> None:
        self.armed = self.over = False
        self.handle: int | None = None
        self._lock, self._turn = threading.RLock(), threading.Lock()
        self._before: Attributes = []
        self._mode: Callable[[Attributes], Attributes] = tty_mode.silent
        self._lent = self._interrupted = self._marks = False
        self._file: Path | None = None
        self._ask_again = _nothing

    def hold(self) -> None:
        """Silence the terminal, if there is one; once."""
        with self._lock:
            handle = tty_mode.terminal() if self.armed and not self.over and self.handle is None else None
            if handle is None or not tty_mode.in_front(handle):
                return
            try:
                now = termios.tcgetattr(handle)
            except termios.error:
                return
            others = [record for record in tty_record.of(handle) if record.alive]
            self._before = next((record.before for record in others if tty_mode.ours(now, record.before)), now)
            self.handle, self._file = handle, tty_record.write(handle, self._before)
            self._set(tty_mode.silent)
        tty_signals.listen(interrupted=self._interrupt, ended=self._ended, stopped=self._stopped, continued=self._continued)

    def give_back(self, *, drain: bool = True) -> None:
        """The terminal as it was, without what was typed; nothing is asked after this. Further calls do nothing."""
        with self._lock, tty_signals.undisturbed():
            self.over = True
            handle, self.handle = self.handle, None
            if handle is None:
                return
            if not any(record.alive for record in tty_record.of(handle)):  # else the last of them gives it back
                self._restore(handle, drain=drain)
            if self._file is not None:
                with suppress(OSError):
                    self._file.unlink(missing_ok=True)

    def ask_no_more(self) -> None:
        """The process is about to end: a question that is still open takes no answer, and nothing that is typed is echoed."""
        with self._lock:
            self.over = True
            self._set(tty_mode.silent)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """For another program that asks on this terminal, such as ssh-keygen for a passphrase."""
        with self._turn:
            with self._lock:
                self._throw_away()
                self._apply(self._before)
            try:
                yield
            finally:
                with self._lock:
                    self._set(tty_mode.silent)

    @contextmanager
    def asked(self, ask: Callable[[], None], mode: Callable[[Attributes], Attributes]) -> Iterator[None]:
        """Ask a question: throw away what was typed before, print it, and let a line be typed in a mode of `tty_mode`.

        `ask` is called again after Ctrl-Z and `fg`.
        """
        with self._turn:
            with self._lock:
                self._throw_away()
                self._set(mode)
                self._ask_again = ask
                self._mark_pastes()
            ask()
            try:
                yield
            finally:
                with self._lock:
                    self._ask_again = _nothing
                    self._set(tty_mode.silent)
                    self._mark_no_pastes()

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Read on in silence: no question comes between."""
        with self._turn:
            yield

    def drain(self) -> None:
        """Throw away what is still to come of a paste."""
        with self._lock:
            self._throw_away(begun=True)

    def typed(self) -> bytes | None:
        """The next bytes of the line that is asked for, b"" = there will be none; None: not yet. Does not return when all is over."""
        handle = self.handle
        ready = handle is None or _ready(handle, _LOOKS_EVERY)
        with self._lock:
            if not self.over and handle is not None:
                front = tty_mode.in_front(handle)
                if ready and front and _ready(handle, 0.0):
                    return self._obeyed(_read(handle))
        if self.over or handle is None:
            _wait_for_the_end()
        if ready:
            time.sleep(_LOOKS_EVERY)  # it is typed for the shell, which has this process in its background
        return None

    def _restore(self, handle: int, *, drain: bool) -> None:
        tty_mode.apply(handle, tty_mode.silent(self._before))
        self._mark_no_pastes()
        if drain:
            tty_mode.discard(handle, begun=self._interrupted)
        if tty_mode.in_front(handle):
            with suppress(OSError, termios.error):
                termios.tcflush(handle, termios.TCIFLUSH)
        tty_mode.apply(handle, self._before)
        if sys.stderr is not None and sys.stderr.isatty():
            _say(_CURSOR_SHOWN)

    def _set(self, mode: Callable[[Attributes], Attributes]) -> None:
        self._mode = mode
        if self.handle is not None and not self._lent:
            self._apply(mode(self._before))

    def _apply(self, attributes: Attributes) -> None:
        if self.handle is not None:
            tty_mode.apply(self.handle, attributes)

    def _throw_away(self, *, begun: bool = False) -> None:
        if self.handle is not None and not self._lent:
            self._apply(tty_mode.silent(self._before))
            tty_mode.discard(self.handle, begun=begun)

    # ── while a line that is shown is typed: what the kernel does otherwise ──

    def _obeyed(self, read: bytes) -> bytes | None:
        """Send the last signal that was typed to all that runs in front; returns what was typed after it, None: nothing."""
        sent = tty_mode.signals(self._before) if self._mode is tty_mode.visible else {}
        at = max((place for place, byte in enumerate(read) if byte in sent), default=-1)
        if at >= 0:
            os.killpg(0, sent[read[at]])
        return read[at + 1 :] or (None if at >= 0 else read)

    def _mark_pastes(self) -> None:
        """Let the terminal put marks around a paste: Enter within it is no answer."""
        if self._mode is tty_mode.visible and os.environ.get("TERM", "dumb") != "dumb":
            self._marks = True
            _say(_MARKS_ON)

    def _mark_no_pastes(self) -> None:
        if self._marks:
            self._marks = False
            _say(_MARKS_OFF)

    # ── signals ──

    def _interrupt(self) -> None:
        self._interrupted = True

    def _ended(self) -> None:
        self._interrupted = True
        self.ask_no_more()
        _say(ENDED)
        self.give_back()

    def _stopped(self) -> None:
        """Ctrl-Z: the shell gets the terminal as it was."""
        with self._lock:
            if self.handle is not None and not self._lent:
                self._lent = self._interrupted = True
                self._restore(self.handle, drain=True)

    def _continued(self) -> None:
        """In front again (`fg`): silent or asking as before. In the background (`bg`) the terminal stays the shell's."""
        with self._lock:
            handle, lent = self.handle, self._lent
            if handle is None or not tty_mode.in_front(handle):
                return
            if lent:
                self._lent = self._interrupted = False
                with suppress(termios.error):
                    self._before = termios.tcgetattr(handle)
            self._apply(self._mode(self._before))
        if lent:
            self._mark_pastes()
            self._ask_again()


_GUARD = _Guard()
hold, give_back, ask_no_more, lent = _GUARD.hold, _GUARD.give_back, _GUARD.ask_no_more, _GUARD.lent
asked, typed, unseen, drain = _GUARD.asked, _GUARD.typed, _GUARD.unseen, _GUARD.drain


def holds() -> bool:
    """Whether this process holds a terminal, so that a question is asked at it."""
    return _GUARD.handle is not None


def without_marks(read: bytes) -> bytes:
    """What was typed, without the marks around a paste."""
    return _PASTED.sub(b"", read)


@contextmanager
def armed() -> Iterator[None]:
    """For the whole command: what was held is given back at its end, whatever the end."""
    handle = tty_mode.terminal()
    if handle is not None and tty_record.put_right(handle):
        _say(f"{_CURSOR_SHOWN}{_MARKS_OFF}an earlier ir was killed and left this terminal without echo; that is put right\n")
    _GUARD.armed = True
    try:
        yield
    finally:
        give_back()


def end_at_once(code: int) -> NoReturn:
    """End the process without waiting for anything, not even for the end of a paste."""
    give_back(drain=False)
    os._exit(code)


def _ready(handle: int, seconds: float) -> bool:
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    except OSError:
        return True


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 65536)
    except OSError:  # the terminal is gone
        return b""


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _wait_for_the_end() -> NoReturn:
    """Of the process, which has begun: the thread that asked has nothing more to do."""
    while True:
        time.sleep(60)
