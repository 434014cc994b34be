"""A line as a person types it at a question that is shown: edited here, and shown only after a look whether it may be a key."""

import codecs
import re
import time
from collections.abc import Callable, Sequence

from ir.cli.terminal.key_guess import PASTE, may_be_key

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])")
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?$")
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"
"""What a terminal puts around a paste (xterm's "bracketed paste"). Enter within it is a part of the paste."""
_ENTER, _END = "\r\n", "\x04"


class KeyTyped(Exception):
    """What was typed may be a key. It is kept nowhere, and what stood on the screen of it was taken away.

    Attributes:
        shown: characters that stood there for `seconds`; 0 = none.
        whole: it came at once or was ended by Enter; else more of it is still to come.
    """

    def __init__(self, shown: int, seconds: float, *, whole: bool) -> None:
        super().__init__()
        self.shown, self.seconds, self.whole = shown, seconds, whole


class TypedLine:
    """One line.

    Args:
        answers: all that the question takes; none = any text.
        show: makes this stand on the screen as what was typed so far.

    Attributes:
        text: what was typed so far.
        over: Enter was pressed; what came after it is thrown away.
        none: Ctrl-D was pressed on an empty line.
    """

    def __init__(self, answers: Sequence[str], show: Callable[[str], None]) -> None:
        self.text, self.over, self.none = "", False, False
        self._answers, self._show = answers, show
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest, self._in_paste = "", False
        self._shown, self._since = 0, 0.0

    def feed(self, data: bytes) -> None:
        """Take in what was typed; none of it is shown before all of it was looked at.

        Raises:
            KeyTyped: the line may be a key.
        """
        text = self._rest + self._decoder.decode(data)
        at, marked = 0, self._in_paste
        while at < len(text) and not (self.over or self.none):
            found = _SEQUENCE.match(text, at)
            if found is None and _BEGUN.match(text, at):
                break
            marked = marked or self._in_paste
            self._sequence(found[0]) if found else self._character(text[at])
            at = found.end() if found else at + 1
        self._rest = text[at:] if not self.over else ""
        came = len(data) >= PASTE or marked
        if may_be_key(self.text, self._answers, pasted=came):
            self._refuse(whole=self.over or came)
        self._put()

    def _refuse(self, *, whole: bool) -> None:
        shown, seconds = self._shown, time.monotonic() - self._since if self._shown else 0.0
        self.text, self._rest = "", ""
        self._put()
        raise KeyTyped(shown, seconds, whole=whole)

    def _put(self) -> None:
        if self.text and not self._shown:
            self._since = time.monotonic()
        self._shown = max(self._shown, len(self.text)) if self.text else 0
        self._show(self.text)

    def _sequence(self, keys: str) -> None:
        """Arrows and the like do nothing."""
        if keys in (_PASTE_BEGINS, _PASTE_ENDS):
            self._in_paste = keys == _PASTE_BEGINS

    def _character(self, one: str) -> None:
        if one in _ENTER and self._in_paste:
            self.text += " "
        elif one in _ENTER:
            self.over = True
        elif one == _END:
            self.none = not self.text
        elif one in "\x7f\b":
            self.text = self.text[:-1]
        elif one == "\x15":  # Ctrl-U
            self.text = ""
        elif one == "\x17":  # Ctrl-W
            words = self.text.rstrip()
            self.text = words[: len(words) - len(words.split()[-1])] if words else ""
        elif one.isprintable():
            self.text += one
