"""A worker's messages, one JSON object a line on standard output, for programs that collect logs."""

import json
import sys
from datetime import UTC, datetime

from ir.cli.terminal.screen import Screen
from ir.core.secret import scrub


class JsonLines(Screen):
    """A `Screen` without a terminal: `{at, level, said}`, and what a line is about (`about`)."""

    def say(self, text: str, **about: object) -> None:
        """One line."""
        self._put("info", text, **about)

    def warn(self, text: str) -> None:
        """One line that must be seen."""
        self._put("warning", text)

    def note(self, text: str) -> None:
        """One line."""
        self._put("info", text)

    def progress(self, text: str) -> None:
        """Only what must be seen."""
        if text.startswith("WARNING"):
            self._put("warning", text)

    def _put(self, level: str, text: str, **about: object) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {name: scrub(str(value)) for name, value in about.items()}
        with self._printing():
            sys.stdout.write(json.dumps({"at": at, "level": level, "said": scrub(text), **told}) + "\n")
            sys.stdout.flush()
