"""The ends of logs, as one table: enough for what has just happened."""

import shutil
from pathlib import Path

from ir.review.ingest.given_files import expand
from ir.review.sql.engine import Row
from ir.review.workspace import ReviewWorkspace, Say

_TAIL = 4_000_000
"""Bytes of each file that are read, from its end."""
_MOST_FILES = 50
_MEMORY = "512MB"


class LogEnds:
    """The ends of some files, as one table."""

    def __init__(self, folder: Path, patterns: tuple[str, ...], maps: tuple[str, ...], *, own: bool, say: Say) -> None:
        self._store: ReviewWorkspace | None = None
        files = sorted(expand(patterns)[0], key=lambda file: -file.stat().st_mtime)[:_MOST_FILES] if patterns else []
        if not files:
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = ReviewWorkspace(folder / "review", memory_limit=_MEMORY)
        self._store.fresh()
        importer = self._store.importer(maps, say)
        importer.load([_end(file, folder / f"{number:02d}-{file.name}") for number, file in enumerate(files)], own=own)
        importer.finish()
        self._store.engine.attach(self._store.tables)

    def rows(self, sql: str) -> list[Row]:
        """What a query gives; nothing where there are no files."""
        return self._store.engine.rows(sql) if self._store is not None else []

    def close(self) -> None:
        """Give the engine back."""
        if self._store is not None:
            self._store.close()


def _end(file: Path, copy: Path) -> Path:
    """A copy of its first line (a header, perhaps) and of its last lines; of a packed file, the file itself."""
    if file.stat().st_size <= _TAIL or file.suffix in (".gz", ".zst", ".bz2", ".xz", ".zip"):
        return file
    with file.open("rb") as source, copy.open("wb") as target:
        target.write(source.readline(65536))
        source.seek(-_TAIL, 2)
        source.readline()
        shutil.copyfileobj(source, target)
    return copy
