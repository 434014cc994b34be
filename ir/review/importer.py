"""Files → Parquet: the fast way for whole groups of alike files, the careful way for what breaks it.

Nothing is fatal and nothing is dropped in silence: every unreadable line is counted, the first ones are shown with
file and line, and all are kept aside in `aside.jsonl`, by the ids that stand in them.
"""

import glob
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import orjson

from ir.model import Json
from ir.review import careful, columnmap, locate, personal, unique
from ir.review.engine import DuckDb, quoted
from ir.review.macros import MACROS
from ir.review.relations import Shape, select_sql
from ir.review.sniff import sniff

_UNIQUE = (
    ("events", "id", "source"),
    ("activity", "id", "ts"),
    ("requests", "request_id", "own DESC"),
)
_TABLE_OF = {"requests": "requests", "webhooks": "requests", "events": "events", "activity": "activity"}


@dataclass
class Loaded:
    """What came of a set of files.

    Attributes:
        rows, bad: per kind (`egress`, `request-log`, `webhook-log`, `events`, `activity`): readable rows, unreadable lines.
        examples: `{file, line, why, text}` of the first unreadable lines.
        notes: one sentence per file that was not read as it should be.
        files: how many files were read. names: which.
    """

    rows: dict[str, int] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    examples: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    names: list[str] = field(default_factory=list)


def expand(patterns: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Files behind globs, and a note for each glob that matches nothing."""
    files: list[Path] = []
    notes: list[str] = []
    for pattern in patterns:
        hits = sorted(Path(p) for p in glob.glob(str(Path(pattern).expanduser()), recursive=True))  # noqa: PTH207 # absolute patterns
        hits = [hit for hit in hits if hit.is_file()]
        if not hits:
            notes.append(f"{pattern}: no such file")
        files += [hit for hit in hits if hit not in files]
    return files, notes


class Importer:
    """Loads files into the store of one review.

    Args:
        engine: the embedded DuckDB.
        store: private folder; `requests-*.parquet` and the like are written there.
        maps: column maps, tried in order; the first whose `files` glob and fields fit is used.
        named: people by their names and e-mail addresses, not by what stands for them.
    """

    def __init__(
        self,
        engine: DuckDb,
        store: Path,
        *,
        maps: tuple[columnmap.ColumnMap, ...] = (),
        progress: Callable[[str], None] = lambda _: None,
        named: bool = False,
    ) -> None:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._engine, self._store, self._maps, self._progress = engine, store, maps, progress
        self._count = 0
        self.loaded = Loaded()
        for macro in (*(personal.MACROS_NAMED if named else personal.MACROS), *MACROS):
            engine.connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")

    def load(self, files: Iterable[Path], *, own: bool) -> None:
        """Read files; alike ones together. `own`: they are our own egress logs."""
        groups: dict[Shape, list[Path]] = {}
        for file in files:
            shape = self._shape(file, own)
            if shape is not None:
                groups.setdefault(shape, []).append(file)
                self.loaded.files += 1
                self.loaded.names.append(str(file))
        for shape, members in groups.items():
            self._progress(f"{shape.label}: {len(members)} file(s), {sum(f.stat().st_size for f in members) >> 20} MB")
            self._group(shape, members)

    def load_collected(self, kind: str, files: list[Path]) -> None:
        """Read what the collectors wrote: JSONL of `events` or `activity`, straight from Stripe's API."""
        files = [file for file in files if file.stat().st_size]
        if files:
            self._group(Shape("jsonl", kind, (), own=False, origin="api"), files)

    def finish(self) -> int:
        """Make rows unique (the API's copy of an event wins); returns how many were repeated."""
        repeated = 0
        for table, key, order in _UNIQUE:
            repeated += unique.make_unique(self._engine, self._store, table, key, order)
        return repeated

    def _shape(self, file: Path, own: bool) -> Shape | None:
        try:
            for column_map in self._maps:
                if column_map.fits(file):
                    return Shape.of_map(column_map, sniff(file), own=own)
            return Shape.of(sniff(file), own=own)
        except OSError as error:
            self.loaded.notes.append(f"{file}: cannot be opened ({os.strerror(error.errno or 0)})")
            return None

    def _group(self, shape: Shape, files: list[Path]) -> None:
        if shape.form == "empty":
            self.loaded.notes += [f"{file}: empty" for file in files]
            return
        if shape.form == "json":
            for file in files:
                self._careful(shape, file)
            return
        try:
            self._fast(shape, files, aliases={})
        except duckdb.Error:
            for file in files:
                self._one(shape, file)

    def _one(self, shape: Shape, file: Path) -> None:
        try:
            self._fast(shape, [file], aliases={})
        except duckdb.Error:
            self._careful(shape, file)

    def _careful(self, shape: Shape, file: Path) -> None:
        target = self._store / f"clean-{self._count}.jsonl"
        if shape.form == "json":
            skipped = careful.rewrite_document(file, target)
            shape = Shape.of(sniff(target), own=shape.own) if not shape.mapped else replace(shape, form="jsonl")
        else:
            skipped = careful.rewrite_lines(file, target, json_only=shape.form == "jsonl")
        self.loaded.notes += [f"{file}: {note}" for note in skipped.notes]
        self._aside(shape, file, skipped)
        try:
            if target.stat().st_size and shape.form != "empty":
                self._fast(shape, [target], aliases={str(target): str(file)})
        except duckdb.Error as error:
            self.loaded.notes.append(f"{file}: could not be read ({type(error).__name__})")
        finally:
            target.unlink()

    def _fast(self, shape: Shape, files: list[Path], *, aliases: dict[str, str]) -> None:
        table = _TABLE_OF[shape.kind]
        target = self._store / f"{table}-{self._count:04d}.parquet"
        self._count += 1
        part = target.with_suffix(".part")
        try:
            self._engine.connection.execute(
                f"COPY ({select_sql(shape, files)}) TO {quoted(str(part))} (FORMAT parquet, COMPRESSION snappy)"
            )
        except duckdb.Error:
            part.unlink(missing_ok=True)
            raise
        counts = self._engine.rows(f"SELECT file, COUNT(*), SUM(bad) FROM read_parquet({quoted(str(part))}) GROUP BY file ORDER BY file")
        self._tally(shape, counts)
        part.rename(target)
        torn = [Path(file) for file, _, bad in counts if bad]
        if torn:
            self._find_bad(shape, torn, aliases, sum(int(bad) for _, _, bad in counts))

    def _tally(self, shape: Shape, counts: list[tuple[str, int, int]]) -> None:
        for _, rows, bad in counts:
            self.loaded.rows[shape.label] = self.loaded.rows.get(shape.label, 0) + rows - bad
            self.loaded.bad[shape.label] = self.loaded.bad.get(shape.label, 0) + bad

    def _find_bad(self, shape: Shape, files: list[Path], aliases: dict[str, str], expected: int) -> None:
        for row in locate.bad_lines(self._engine, shape, files, self._store, self._count, expected):
            self.loaded.examples.append({**row, "file": aliases.get(row["file"], row["file"])})

    def _aside(self, shape: Shape, file: Path, skipped: careful.Skipped) -> None:
        if not skipped.lines:
            return
        self.loaded.bad[shape.label] = self.loaded.bad.get(shape.label, 0) + skipped.lines
        rows = [{"file": str(file), **example} for example in skipped.examples]
        self.loaded.examples += rows
        with (self._store / "aside.jsonl").open("ab") as out:
            out.writelines(orjson.dumps(row) + b"\n" for row in rows)
