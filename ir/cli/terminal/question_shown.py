"""The question that stands open on a terminal: the incident's clock above it, its words, and what was typed so far."""

from collections.abc import Callable
from itertools import takewhile

from rich.cells import cell_len
from rich.console import Console

from ir.cli.terminal.plain_text import plain, printable

_IN_PLACE = "\x1b7\x1b[{above}A\x1b[1G\x1b[2K{text}\x1b8"
"""Rewrites a line further up, and leaves the cursor where somebody is typing."""


class QuestionShown:
    """One at a time. Not thread-safe: the screen's lock is held around every call.

    Attributes:
        words: the question, as markup; "" = none is open.
    """

    def __init__(self, console: Console, clock: Callable[[], str]) -> None:
        """`clock`: what stands above the question now, "" = nothing."""
        self.words = ""
        self._console, self._now = console, clock
        self._clock = self._typed = ""

    def open(self, question: str) -> None:
        """From now on it is this one, once it is drawn."""
        self.words, self._typed = plain(question), ""

    def close(self) -> None:
        """It was answered."""
        self.words = self._typed = ""

    def draw(self) -> None:
        """Print it, again after other output."""
        self._clock = self._now()
        if self._clock:
            self._console.print(f"[dim]{plain(self._clock)}[/]")
        self._console.print(self.words, end="")
        self._write(self._typed)

    def typed(self, text: str) -> None:
        """What was typed so far, in place of what stood there."""
        before, self._typed = self._typed, text
        kept = text[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, text, strict=False)))]
        self._write(self._back(before, kept) + text[len(kept) :])

    def tick(self) -> None:
        """Bring the clock above up to date, if it stands there and shows another minute."""
        now = self._now() if self._clock and self.words else ""
        if not now or now == self._clock or not self._moves:
            return
        self._clock = now
        above = (self._rows - 1) + (self._start + cell_len(self._typed)) // self._console.width + 1
        self._write(_IN_PLACE.format(above=above, text=printable(now)[: self._console.width]))

    def _back(self, before: str, kept: str) -> str:
        """What takes away all that stands behind `kept`, over line ends, too."""
        surplus = cell_len(before) - cell_len(kept)
        if not surplus:
            return ""
        if not self._moves:
            return "\b \b" * surplus
        width = self._console.width
        end, begin = self._start + cell_len(before), self._start + cell_len(kept)
        up = max(end - 1, 0) // width - begin // width if end % width == 0 else end // width - begin // width
        return (f"\x1b[{up}A" if up > 0 else "") + f"\x1b[{begin % width + 1}G\x1b[J"

    @property
    def _moves(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    @property
    def _start(self) -> int:
        """Cells before what is typed, on the question's last line."""
        last = self._console.render_lines(self.words, pad=False)[-1:]
        return sum(part.cell_length for part in last[0]) if last else 0

    @property
    def _rows(self) -> int:
        return len(self._console.render_lines(self.words, pad=False))

    def _write(self, text: str) -> None:
        if text:
            self._console.file.write(text)
            self._console.file.flush()
