"""Find unreadable lines of JSON logs while the rest loads: reading a file through again takes one core, not two."""

import threading
from collections.abc import Callable
from pathlib import Path

from ir.core.model import Json
from ir.review.ingest.byte_stream import WRONG_SUM, checked
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.locate_unreadable import torn_json
from ir.review.ingest.piped_gzips import Fed
from ir.review.ingest.unreadable import Aside


class Damaged:
    """One thread that scans one file after the other; the results are there after `finish`.

    Args:
        kept: where unreadable lines are kept.
        own_ids: is given unreadable lines of our own logs; called in that thread.
    """

    def __init__(self, kept: Path, own_ids: Callable[[bytes], None]) -> None:
        self.bad: dict[str, int] = {}
        self.aside = Aside(kept, self.bad)
        self.notes: list[tuple[str, str]] = []
        self._own_ids = own_ids
        self._last: threading.Thread | None = None

    @property
    def examples(self) -> list[Json]:
        """The first unreadable lines."""
        return self.aside.examples

    def look(self, shape: Shape, files: list[Path], expected: dict[Path, int], fed: dict[Path, Fed]) -> None:
        """Begin with these files, when those before are done; in one go also the sums of gzips, which the engine does not look at.

        Args:
            shape: the format that all of them have.
            files: those that the engine has loaded.
            expected: how many of a file's lines the engine could not read.
            fed: files that were looked at while they were loaded.
        """
        # a thread of its own, not of a pool: an interrupted review must not wait for it
        self._last = threading.Thread(target=self._all, args=(shape, files, expected, fed, self._last), daemon=True)
        self._last.start()

    @property
    def busy(self) -> bool:
        """Whether there is something to wait for."""
        return self._last is not None and self._last.is_alive()

    def finish(self) -> None:
        """Wait for all of it."""
        if self._last is not None:
            self._last.join()

    def _all(
        self, shape: Shape, files: list[Path], expected: dict[Path, int], fed: dict[Path, Fed], before: threading.Thread | None
    ) -> None:
        if before is not None:
            before.join()
        for file in files:
            count = expected.get(file, 0)
            try:
                if count:
                    self._one(shape, file, count, file, fed.get(file))
                else:
                    notes = fed[file].notes if file in fed else checked(file)
                    self.notes += [(shape.label, f"{file}: {note}") for note in notes if note == WRONG_SUM]
            except OSError as error:  # it was read a moment ago, and is gone now
                if count:
                    self.aside.count(shape.label, count)
                    self.notes.append((shape.label, f"{file}: its unreadable lines could not be looked for ({type(error).__name__})"))

    def here(self, shape: Shape, file: Path, expected: int, named: Path) -> None:
        """Scan one file at once; its lines count as `named`'s. Raises OSError."""
        self.finish()
        self._one(shape, file, expected, named)

    def _one(self, shape: Shape, file: Path, expected: int, named: Path, fed: Fed | None = None) -> None:
        notes = list(fed.notes) if fed else []
        found = torn_json(shape, file, expected, notes, self._own_ids if shape.own else lambda _: None, fed.torn if fed else None)
        self.aside.count(shape.label, expected)
        for number, why, ids in found.kept:
            self.aside.keep(shape.label, str(named), number, why, ids)
        self.aside.more(str(named), found.count - len(found.kept))
        self.notes += [(shape.label, f"{named}: {note.replace('read up to there', 'lines after that may be wrong')}") for note in notes]
