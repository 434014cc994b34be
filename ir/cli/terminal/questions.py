"""Ask for one line at the terminal that is held. A key that is typed where it would be shown is refused before it is."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ir.cli.terminal import tty_guard, tty_mode
from ir.cli.terminal.key_guess import PASTE
from ir.cli.terminal.screen import Screen
from ir.cli.terminal.typed_line import KeyTyped, TypedLine
from ir.core.wording import counted

_TRIES = 3
"""Keys that are taken for a slip at one question; then there is no answer."""
_MAY_BE_KEY = "What was typed may be a key, and this question takes none: it was kept nowhere, and it was no answer. {shown}"
_NOT_SHOWN = "None of it was shown."
_SHOWN = "{first} of it stood here for {seconds:.1f} s; that was taken away."
_WHERE = "A key goes only where a prompt ends with `(not shown)`."
_MORE = "Nothing more of it is shown. Press Enter when it is over; you are asked again then."
_FASTEST = 30.0
"""Characters that a hand types in a second."""
_OVER = (b"\r", b"\n", b"\x04")
"""Bytes that end a line that is thrown away."""


class AnsweredElsewhere(Exception):
    """The question was settled from elsewhere while it was open here; nothing was read."""


def no_person() -> str:
    """Where a question cannot be answered elsewhere."""
    return ""


def ask(prompt: str, screen: Screen, *, hidden: bool = False, elsewhere: Callable[[], str] = no_person, answers: Sequence[str] = ()) -> str:
    """One line, with its end; "" when there is none. What was typed before the question is no answer to it.

    Args:
        prompt: the question, and how it is to be answered.
        screen: where it stands.
        hidden: what is typed is not shown. Else what may be a key is not, and the question is asked again.
        elsewhere: the person who settled the question meanwhile, "" = none; asked a few times a second.
        answers: all that a question takes that is not hidden; none = any text.

    Raises:
        AnsweredElsewhere: an answer came from another terminal, as `elsewhere` tells.
    """
    tty_guard.hold()
    for _ in range(_TRIES):
        with screen.prompting(prompt) as put:
            if not tty_guard.holds():  # no terminal of ours: a stream that a test, or another program, answers on
                put()
                return sys.stdin.readline()
            try:
                with _line_of_its_own(screen):
                    return _hidden(put, elsewhere, screen.tick) if hidden else _shown(put, elsewhere, screen, answers)
            except KeyTyped as typed:
                refused = typed
        _refuse(refused, screen, elsewhere)
    return ""


@contextmanager
def _line_of_its_own(screen: Screen) -> Iterator[None]:
    """Nothing is printed behind what was typed."""
    try:
        yield
    finally:
        screen.end_line()


def _hidden(put: Callable[[], None], elsewhere: Callable[[], str], tick: Callable[[], None]) -> str:
    with tty_guard.asked(put, tty_mode.hidden):
        return _bytes(elsewhere, tick).decode("utf-8", errors="replace")


def _bytes(elsewhere: Callable[[], str], tick: Callable[[], None]) -> bytes:
    """A line that the kernel edits, with its end."""
    read = b""
    while not read.endswith(b"\n"):
        got = _next(elsewhere, tick)
        read += got
        if not got:
            break
    return tty_guard.without_marks(read)


def _shown(put: Callable[[], None], elsewhere: Callable[[], str], screen: Screen, answers: Sequence[str]) -> str:
    line = TypedLine(answers, screen.typed)
    with tty_guard.asked(put, tty_mode.visible):
        while not (line.over or line.none):
            got = _next(elsewhere, screen.tick)
            if not got:
                return ""
            line.feed(got)
    return "" if line.none else line.text + "\n"


def _next(elsewhere: Callable[[], str], tick: Callable[[], None]) -> bytes:
    """What is typed next; b"" = there will be nothing more."""
    while True:
        got = tty_guard.typed()
        if got is not None:
            return got
        if elsewhere():
            raise AnsweredElsewhere
        tick()


def _refuse(typed: KeyTyped, screen: Screen, elsewhere: Callable[[], str]) -> None:
    """Throw away what is still to come of it, and tell the person."""
    if typed.whole:
        tty_guard.drain()
    first = f"The first {counted(typed.shown, 'character')}" if typed.shown > 1 else "The first character"
    shown = _SHOWN.format(first=first, seconds=typed.seconds) if typed.shown else _NOT_SHOWN
    screen.warn(f"{_MAY_BE_KEY.format(shown=shown)} {_WHERE}")
    if not typed.whole:
        screen.warn(_MORE)
        _to_its_end(elsewhere)


def _to_its_end(elsewhere: Callable[[], str]) -> None:
    """Take the rest unseen: until Enter, where a person types it key by key, or until it has come, where it comes faster than that."""
    with tty_guard.unseen():
        read, began = b"", time.monotonic()
        while not any(end in read for end in _OVER) and len(read) < max(PASTE, _FASTEST * (time.monotonic() - began)):
            got = _next(elsewhere, lambda: None)
            if not got:
                return
            read += got
    tty_guard.drain()
