"""Lines that could not be read: counted, the first shown with file and line, all kept aside by their ids."""

from collections.abc import Callable
from pathlib import Path

import orjson

from ir.core.model import Json
from ir.review.ingest.personal_data import ids_of

SHOWN = 20
KEPT = 100_000
"""Unreadable lines of one file that are kept; all are counted."""
REASONS = {
    "long": "line is too long",
    "json": "not a JSON object",
    "yaml": "no YAML that is read here",
    "batch": "a batch without a record that is known here",
    "field": "no field that is known here",
}


class Aside:
    """The unreadable lines of one review.

    Args:
        file: `aside.jsonl`; one object `{source, file, line, why, text}` a line, `line` 0 = not known.
        bad: source → count, added to here.
    """

    def __init__(self, file: Path, bad: dict[str, int]) -> None:
        self._file, self._bad = file, bad
        self.examples: list[Json] = []
        self._kept: dict[str, int] = {}

    def sink(self, source: str, file: str) -> Callable[[int, str, bytes], None]:
        """A function that takes the unreadable lines of one file: number, why, text.

        At most 100,000 of a file are kept, all are counted.
        """

        def add(line: int, why: str, text: bytes) -> None:
            self.count(source, 1)
            self.keep(source, file, line, why, text)

        return add

    def count(self, source: str, lines: int) -> None:
        """Count further unreadable lines."""
        if lines:
            self._bad[source] = self._bad.get(source, 0) + lines

    def keep(self, source: str, file: str, line: int, why: str, text: bytes) -> None:
        """Keep one line that was counted already."""
        kept = self._kept[file] = self._kept.get(file, 0) + 1
        if kept > KEPT:
            return
        row: Json = {"source": source, "file": file, "line": line, "why": why, "text": ids_of(text.decode("utf-8", "replace"))}
        if kept <= SHOWN and len(self.examples) < 5 * SHOWN:
            self.examples.append(row)
        with self._file.open("ab") as out:
            out.write(orjson.dumps(row) + b"\n")

    def show(self, examples: list[Json]) -> None:
        """Add examples of another one, as far as there is room."""
        self.examples += examples[: 5 * SHOWN - len(self.examples)]

    def more(self, file: str, lines: int) -> None:
        """Count lines of a file that are not handed over."""
        if lines > 0:
            self._kept[file] = self._kept.get(file, 0) + lines

    def notes(self) -> list[str]:
        """Notes about lines that were counted and not kept."""
        return [
            f"{file}: {kept - KEPT:,} further unreadable lines were counted, not kept" for file, kept in self._kept.items() if kept > KEPT
        ]
