"""The person at the terminal, or the rules without one; and the sources of keys: never argv, never the environment."""

import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ir.cli.terminal import questions, tty_guard
from ir.cli.terminal.questions import AnsweredElsewhere, no_person
from ir.cli.terminal.screen import Screen
from ir.core.errors import UsageError, Waiting
from ir.core.secret import Secret, scrub
from ir.ports import Irreversible

SOURCES = "prompt | stdin | fd:N | file:PATH"
_LONGEST = 64 * 1024
"""Bytes of a line or file that may be a key; more is none."""


def read_key(source: str, prompt: str, screen: Screen) -> Secret | None:
    """A key from one of `SOURCES`; None when there is nothing there.

    Raises:
        UsageError: an unknown source, a file that others can read, or a prompt without a terminal.
    """
    kind, _, rest = source.partition(":")
    if kind == "prompt" and not rest:
        if not sys.stdin.isatty():
            return None
        return _secret(_hidden(f"{prompt} (not shown): ", screen), "the prompt")
    if kind == "stdin" and not rest:
        return _secret(sys.stdin.buffer.readline(_LONGEST + 1), "standard input")
    if kind == "fd" and rest.isdecimal() and len(rest) < 6:
        return _secret(_line(int(rest)), f"file descriptor {rest}")
    if kind == "file" and rest:
        return _secret(_private(Path(rest)), rest)
    raise UsageError(f"`{source}` is not a source for a key", next_step=f"one of {SOURCES}; never the key itself")


def files_of(**sources: str) -> dict[str, str]:
    """Those of the sources that are files, by absolute path: they outlive the process that read them first."""
    named = {role: Path(source.removeprefix("file:")) for role, source in sources.items() if source.startswith("file:")}
    return {role: f"file:{path.absolute()}" for role, path in named.items()}


def read_again(source: str, screen: Screen) -> Secret | None:
    """The key in a file that an earlier command named; None when none was, or it is gone."""
    return read_key(source, "", screen) if _there(source) else None


def _there(source: str) -> bool:
    return source.startswith("file:") and Path(source.removeprefix("file:")).exists()


def _hidden(prompt: str, screen: Screen) -> bytes:
    """A line that is not echoed; b"" when there is none."""
    tty_guard.hold()
    if not tty_guard.holds():
        raise UsageError("this terminal cannot hide what is typed", next_step=f"another source: {SOURCES}")
    return questions.ask(prompt, screen, hidden=True).encode()


def _line(number: int) -> bytes:
    """The next line of a descriptor, and no byte more: another key may follow."""
    try:
        with os.fdopen(number, "rb", buffering=0, closefd=False) as stream:
            return stream.readline(_LONGEST + 1)
    except OSError:
        raise UsageError(f"there is no open file descriptor {number} that can be read") from None


def _secret(data: bytes, source: str) -> Secret | None:
    """What was read, without its line end. The codec's own error would hold the bytes, so it goes no further."""
    text = data.rstrip(b"\r\n").decode("utf-8", errors="replace")
    if len(data) > _LONGEST or "\ufffd" in text or "\0" in text:
        raise UsageError(f"what {source} gave no key: what came is too long, or not text", next_step=f"a key on one line, from {SOURCES}")
    return Secret(text) if text else None


def _private(path: Path) -> bytes:
    """A regular file that no other user can read; opened once, so that the checked file is the one that is read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UsageError(f"there is no key file {path}", next_step="write the key into it, for you alone: umask 077") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the key file {path} cannot be read: {type(error).__name__}") from None
    with os.fdopen(handle, "rb") as stream:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise UsageError(f"the key file {path} is not a regular file", next_step="a pipe is given as fd:N or stdin")
        if info.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"others can read the key file {path}", next_step=f"chmod 600 {path}")
        return stream.read(_LONGEST + 1).strip(b"\r\n")


_LONGEST_WHY = 200
"""Characters of a reason; more is something else that was pasted."""
_TRIES = 3
"""Wrong names that are taken for a slip; then it is a no."""
_YES, _NO = ("y", "yes"), ("n", "no")


class Terminal:
    """`ports.Operator` on this terminal, which is held from now on: see `tty_guard`.

    Args:
        yes: answers the operator's own questions; never another person's, never a policy.
        new_key_from: see `SOURCES`.

    Attributes:
        agreed: what `--yes` said.
        declined: the last question by name was answered with no.
    """

    def __init__(self, screen: Screen, *, name: str, yes: bool, new_key_from: str = "prompt") -> None:
        tty_guard.hold()
        self.screen, self.name, self._yes, self._source = screen, name, yes, new_key_from
        self.agreed = yes
        self.interactive = sys.stdin.isatty() and sys.stderr.isatty() and not screen.as_json
        self.declined = self._read = False
        self.shown: Callable[[], None] = lambda: None
        """Returns once what was recorded so far stands on the screen; asked before anything is asked or told."""
        self.while_asked: Callable[[str, str], AbstractContextManager[None]] = lambda _question, _approves: nullcontext()
        """Around each question: lets other terminals know of it, and of the step whose approval answers it."""

    def tell(self, text: str) -> None:
        """Show text now; while somebody sits here, on the terminal and nowhere else."""
        self.shown()
        (self.screen.show if self.interactive else self.screen.say)(text)

    def confirm(self, question: str) -> bool:
        """Yes or no; without a terminal, what `--yes` says."""
        if self._yes:
            return True
        return self.interactive and self._line(f"{question} [y/N] ", answers=(*_YES, *_NO)).strip().lower() in _YES

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = no_person) -> bool:
        """See `ports.Operator`. What is typed instead of the name is not repeated: it may be a key."""
        self.declined = False
        if self._yes or not self.interactive:
            return self._yes
        self.tell(about.warning)
        for _ in range(_TRIES):
            try:
                answer = self._by_name(about, elsewhere).strip()
            except AnsweredElsewhere:
                self.tell(f"Answered at another terminal: {elsewhere()}. Nothing that was typed here counts.")
                return False
            if answer.lower() in ("", *_NO):
                break
            if answer == about.name:
                return True
            self.tell("That is not the name. Nothing was done.")
        self.declined = True
        return False

    def _by_name(self, about: Irreversible, elsewhere: Callable[[], str]) -> str:
        with self.while_asked(f"type {about.asks_for} to confirm, or n", about.approves):
            return questions.ask(f"Type {about.asks_for} to confirm, or n: ", self.screen, elsewhere=elsewhere, answers=(about.name, *_NO))

    def choose(self, question: str, options: tuple[str, ...], *, proposed: str = "") -> str:
        """One of `options`, typed out; an empty line takes what is `proposed`, and there is no other default."""
        if not self.interactive:
            raise Waiting(question, next_step=f"one of {', '.join(options)}")
        while True:
            default = f" [{proposed}]" if proposed else ""
            line = self._line(f"{question} ({' | '.join(options)}){default} ", answers=options)
            answer = line.strip() or proposed
            if not line:
                raise Waiting(f"no answer to: {question}", next_step=f"one of {', '.join(options)}")
            if answer in options:
                return answer

    def ask(self, question: str) -> str:
        """A line of plain text."""
        if not self.interactive:
            raise Waiting(question)
        line = self._line(question + " ")
        if not line:
            raise Waiting(f"no answer to: {question}")
        return line.strip()

    def pause(self, text: str, elsewhere: Callable[[], str]) -> bool:
        """Wait until Enter is pressed, without showing what is typed, or an answer came from elsewhere.

        False: there is no terminal any more.
        """
        self.shown()
        try:
            return bool(questions.ask(text + " ", self.screen, hidden=True, elsewhere=elsewhere))
        except AnsweredElsewhere:
            return True

    def remember(self, source: str) -> None:
        """Where an earlier command said that the new key lies; a source that this command names goes before it."""
        if self._source == "prompt" and _there(source):
            self._source = source

    def new_key(self, prompt: str) -> Secret | None:
        """The key from the named source, once; after that from a hidden prompt, if a person is there."""
        self.shown()
        if self._source != "prompt" and not self._read:
            self._read = True
            return read_key(self._source, prompt, self.screen)
        if not self.interactive:
            return None
        with self.while_asked(prompt, ""):
            return read_key("prompt", prompt, self.screen)

    def key_or_why(self, prompt: str) -> Secret | str | None:
        """See `ports.Operator`."""
        self.shown()
        with self.while_asked(prompt, ""):
            line = _hidden(f"{prompt} (not shown): ", self.screen)
        text = line.strip(b"\r\n").decode("utf-8", errors="replace")
        why = " ".join(text.split())
        wordy = len(why.split()) > 1 and why.isprintable() and len(why) <= _LONGEST_WHY and scrub(why) == why
        return why if wordy else _secret(line, "the prompt")

    def _line(self, question: str, answers: Sequence[str] = ()) -> str:
        """One line, with its end; "" when there is none (any more). `answers`: all that the question takes, none = any text."""
        self.shown()
        with self.while_asked(question, ""):
            return questions.ask(question, self.screen, answers=answers)
