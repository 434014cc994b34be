"""The last line of a terminal: the incident's clock, how long the present wait has lasted, and what it waits for."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from ir.incident.exposure_clock import passed

_A_WHILE = 1.0
"""Seconds after which a wait says how long it has lasted."""


class StatusLine:
    """Shown while nothing else is printed or asked. Not thread-safe: the screen's lock is held around every call.

    Attributes:
        clock: what stands first, "" = nothing; in whole minutes when its argument says so, for a line that stands still.
        steady: stays until it is ended, and not only until the next line of output.
    """

    def __init__(self, console: Console) -> None:
        self.clock: Callable[[bool], str] = lambda _minutes: ""
        self.steady = False
        self._console, self._spinner = console, Spinner("dots")
        self._live: Live | None = None
        self._doing, self._since = "", 0.0

    def doing(self, text: str) -> None:
        """What is waited for from now on; plain text without markup."""
        if text != self._doing:
            self._doing, self._since = text, time.monotonic()
        self.draw()

    def draw(self) -> None:
        """Show it, if there is anything to show and a terminal to show it on."""
        if self._doing and self._live is None and self._console.is_terminal:
            self._live = Live(
                get_renderable=self._frame,
                console=self._console,
                refresh_per_second=4,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def clear(self) -> None:
        """Take it away; a steady one comes back with `draw`."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if not self.steady:
            self._doing = ""

    def _frame(self) -> Spinner:
        lasted = time.monotonic() - self._since
        parts = [self.clock(False), f"{passed(lasted)} {self._doing}" if lasted >= _A_WHILE else self._doing]
        text = Text(" · ".join(part for part in parts if part))
        text.truncate(max(self._console.width - 3, 10), overflow="ellipsis")
        self._spinner.update(text=text)
        return self._spinner
