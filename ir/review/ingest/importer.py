"""Load files to Parquet: groups of alike files at once, and line by line those that break that.

Nothing is fatal and nothing is dropped in silence: every unreadable line is counted, the first ones are shown with
file and line, and all are kept aside in `aside.jsonl`, by their ids.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import duckdb

from ir.core.wording import counted
from ir.review.ingest import (
    careful_copy,
    date_order,
    deduplicate,
    locate_unreadable,
    personal_data,
    programs,
    tolerant_reader,
    usual_values,
    written_table,
)
from ir.review.ingest import column_map as column_maps
from ir.review.ingest import progress as load_progress
from ir.review.ingest.csv_rejects import RejectedLines, refuse_rejects
from ir.review.ingest.damage_scan import Damaged
from ir.review.ingest.duckdb_macros import MACROS
from ir.review.ingest.file_format import HEADED, sniff
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.load_result import Loaded
from ir.review.ingest.piped_gzips import AT_ONCE, PipedGzips
from ir.review.ingest.relations import dates_sql, missed_sql, select_sql
from ir.review.ingest.unreadable import Aside
from ir.review.sql.engine import AS_PARQUET, DuckDb, quoted

_UNIQUE = (
    ("events", "id", "source"),
    ("activity", "id", "ts"),
    ("requests", "request_id", "own DESC"),
)
_RESERVED = 64
"""MB: in each of two threads the engine's reader of JSON reserves 32 for an object that lies across the end of a buffer."""
_TABLE_OF = {"requests": "requests", "webhooks": "requests", "events": "events", "activity": "activity"}


class Importer:
    """Loads files into the store of one review.

    Args:
        engine: the embedded DuckDB.
        store: private folder; `requests-*.parquet` and the like are written there.
        maps: column maps, tried in order; the first whose `files` glob fits is used.
        aside: file for unreadable lines.
        named: people by their names and e-mail addresses, not by what stands for them.
    """

    def __init__(
        self,
        engine: DuckDb,
        store: Path,
        *,
        maps: tuple[column_maps.ColumnMap, ...] = (),
        progress: Callable[[str], None] = lambda _: None,
        aside: Path | None = None,
        named: bool = False,
    ) -> None:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._engine, self._store, self._maps, self._progress = engine, store, maps, progress
        self._count = 0
        self.loaded = Loaded()
        kept = aside or store / "aside.jsonl"
        self._aside, self._rescued = Aside(kept, self.loaded.bad), locate_unreadable.Rescued(store / "rescued.txt")
        self._damaged = Damaged(kept, self._rescued.add)
        self.loaded.examples = self._aside.examples
        for macro in (*(personal_data.MACROS_NAMED if named else personal_data.MACROS), *MACROS):
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
            for first in range(0, len(members), AT_ONCE):
                self._group(shape, members[first : first + AT_ONCE])

    def load_collected(self, kind: str, files: list[Path]) -> None:
        """Load what the collectors wrote: JSONL of `events` or `activity`, straight from Stripe's API."""
        files = [file for file in files if file.stat().st_size]
        if files:
            self._group(Shape("jsonl", kind, (), own=False, origin="api"), files)

    def finish(self) -> dict[str, int]:
        """Make rows unique (the API's copy of an event wins); returns how many were repeated, by table."""
        repeated = {}
        for table, key, order in _UNIQUE:
            if table == "requests":  # last, since ids of ours may still be found meanwhile
                if self._damaged.busy:
                    self._progress("looking for the lines that could not be read")
                self._damaged.finish()
                self._rescued.write(self._engine, self._next("requests"))
            repeated[table] = deduplicate.make_unique(self._engine, self._store, table, key, order)
        self._tell_damage()
        return repeated

    def _tell_damage(self) -> None:
        late = self._damaged
        for source, lines in late.bad.items():
            self._aside.count(source, lines)
        self._aside.show(late.examples)
        for source, note in late.notes:
            self.loaded.say(source, note)
        for note in (*self._aside.notes(), *late.aside.notes()):
            self.loaded.say("egress", note)

    def _shape(self, file: Path, own: bool) -> Shape | None:
        side = "egress" if own else "request-log"
        column_map = next((one for one in self._maps if one.fits(file)), None)
        try:
            found = sniff(file, own=own, fields_of=column_map.names() if column_map else frozenset())
        except OSError as error:
            self.loaded.say(side, f"{file}: cannot be opened ({os.strerror(error.errno or 0)})")
            return None
        if found.form in ("foreign", "empty"):
            self.loaded.say(side, f"{file}: {found.why or 'empty'}")
            self.loaded.files += found.form == "empty"
            return None
        if found.why and not found.folded:
            self.loaded.say(side, f"{file}: {found.why}")
        return Shape.of(found, own=own) if column_map is None else Shape.of_map(column_map, found, own=own)

    def _group(self, shape: Shape, files: list[Path]) -> None:
        if shape.form != "json" and shape.plain and not shape.folded and shape.dates != "unsure":
            try:
                self._fast(shape, files)
            except (duckdb.Error, RejectedLines) as error:
                if len(files) > 1:
                    at_once = -(-len(files) // 2) if isinstance(error, duckdb.OutOfMemoryException) else 1
                    for first in range(0, len(files), at_once):
                        self._group(shape, files[first : first + at_once])
                    return
            else:
                return
        for file in files:
            self._careful(shape, file)

    def _careful(self, shape: Shape, file: Path) -> None:
        self._progress(f"{shape.label}: {file.name} is damaged or unusual: line by line")
        target = self._store / f"clean-{self._count}.jsonl"
        bad = self._sink(shape, file)
        try:
            shape = self._rewritten(shape, file, target, bad)
            if target.stat().st_size and shape.form != "empty":
                self._fast(self._dated(shape, target, file), [target], instead_of=file)
        except (duckdb.Error, RejectedLines, OSError) as error:
            self.loaded.say(shape.label, f"{file}: could not be read ({type(error).__name__})")
        finally:
            target.unlink(missing_ok=True)

    def _rewritten(self, shape: Shape, file: Path, target: Path, bad: tolerant_reader.Bad) -> Shape:
        """Write the file's records line by line to `target`; returns the shape that they have there."""
        for note in careful_copy.rewrite(shape, file, target, bad):
            self.loaded.say(shape.label, f"{file}: {note}")
        kept = shape.folded in ("", "lines", *HEADED) and shape.form != "json"
        if (not kept or shape.folded == "lines") and not shape.mapped:
            found = sniff(target, own=shape.own, unfolded=shape.folded != "lines")
            if found.why:
                self.loaded.say(shape.label, f"{file}: {found.why}")
            again = shape.folded == "lines" and found.folded not in ("", "lines")
            shape = Shape.of(found, own=shape.own)
            if again:  # each record is one line now, and that line has an object at its end
                whole = target.rename(target.with_suffix(".whole"))
                try:
                    return self._rewritten(shape, whole, target, bad)
                finally:
                    whole.unlink()
        return replace(shape, form=shape.form if kept else "jsonl", plain=True, cleaned=True, folded="", skip=0)

    def _dated(self, shape: Shape, target: Path, file: Path) -> Shape:
        """The shape, with the order of day and month as all its dates tell it; where they do not, that is said."""
        if shape.dates != "unsure":
            return shape
        first, second = self._engine.rows(dates_sql(shape, target))[0]
        shape = replace(shape, dates=date_order.told(int(first or 0), int(second or 0)))
        if shape.dates == "unsure":
            self.loaded.say(shape.label, f"{file}: {date_order.UNSURE}")
        return shape

    def _sink(self, shape: Shape, file: Path) -> tolerant_reader.Bad:
        add = self._aside.sink(shape.label, str(file))

        def bad(line: int, why: str, text: bytes) -> None:
            add(line, why, text)
            if shape.own:
                self._rescued.add(text)

        return bad

    def _fast(self, shape: Shape, files: list[Path], *, instead_of: Path | None = None) -> None:
        target = self._next(_TABLE_OF[shape.kind])
        part = target.with_suffix(".part")
        piped = PipedGzips(files, self._store / "pipes", self._rescued.add if shape.own else _nothing, json=shape.form == "jsonl")
        try:
            with piped:
                self._copy(shape, files, piped, part)
            if not piped.whole:
                raise RejectedLines
            if shape.form == "csv":
                refuse_rejects(self._engine)
        except (duckdb.Error, RejectedLines):
            part.unlink(missing_ok=True)
            raise
        table = _TABLE_OF[shape.kind]
        counts = written_table.counted_rows(self._engine, part, table, piped.file_of, own=shape.own)
        for one in counts:
            if one.beyond:
                self.loaded.say(shape.label, f"{instead_of or one.file}: {counted(one.beyond, 'number')} beyond 64 bits, read as none")
        written_table.settle(self._engine, part, target, odd=any(one.beyond for one in counts))
        bad = {one.file: one.bad for one in counts if one.bad}
        if instead_of is None:
            self._damaged.look(shape, files, bad if shape.form == "jsonl" else {}, piped.fed)
        for one in counts:
            self.loaded.rows[shape.label] = self.loaded.rows.get(shape.label, 0) + one.rows - one.bad
        if shape.form != "jsonl" or instead_of is not None:
            self._find_bad(shape, bad, instead_of)
        if shape.own and table == "requests":
            self._look_for_ids(shape, files, target, counts, instead_of)

    def _look_for_ids(
        self, shape: Shape, files: list[Path], target: Path, counts: list[written_table.Counts], instead_of: Path | None
    ) -> None:
        """Find ids outside the fields that were read; for a log of ours without any, say how to get them."""
        without = [one.file for one in counts if one.without or shape.many]
        text = files if shape.many else []
        missed = self._find_missed(text if shape.form == "text" else without, target)
        for one in counts if not missed and not shape.many else ():
            if one.rows > one.bad and one.without == one.rows - one.bad:
                fix = f"no request id of Stripe in it; {programs.fix(shape.program)} (docs/egress-logs.md)"
                self.loaded.say(shape.label, f"{instead_of or one.file}: {fix}")

    def _find_bad(self, shape: Shape, expected: dict[Path, int], instead_of: Path | None) -> None:
        for file, count in expected.items():
            named = instead_of or file
            if shape.form == "jsonl":
                self._damaged.here(shape, file, count, named)
                continue
            notes: list[str] = []
            lines = shape.form in ("text", "logfmt")
            found = locate_unreadable.unread_lines(self._engine, shape, file, self._sink(shape, named), notes) if lines else 0
            self._aside.count(shape.label, count - found)
            for note in notes:
                self.loaded.say(shape.label, f"{named}: {note.replace('read up to there', 'lines after that may be wrong')}")

    def _find_missed(self, files: list[Path], told: Path) -> int:
        """Find ids that are somewhere in a line but in no field that was read, or as a second one; returns how many."""
        if not files:
            return 0
        target = quoted(str(self._next("requests")))
        try:
            return int(self._engine.rows(f"COPY ({missed_sql(files, told)}) TO {target} (FORMAT parquet)")[0][0])
        except duckdb.Error as error:
            self.loaded.say("egress", f"ids outside their fields could not be looked for ({type(error).__name__})")
            return 0

    def _next(self, table: str) -> Path:
        self._count += 1
        return self._store / f"{table}-{self._count:04d}.parquet"

    def _copy(self, shape: Shape, files: list[Path], piped: PipedGzips, part: Path) -> None:
        size = sum(file.stat().st_size for file in files)
        engine = self._engine.connection
        engine.execute(f"SET TimeZone = {quoted(shape.zone)}")
        told = load_progress.told(engine, f"{shape.label}: {len(files)} file(s)", size, self._progress, lambda: piped.read)
        try:
            with usual_values.found(self._engine, shape, files, self._store / "sample.jsonl") as usual:
                select = select_sql(shape, piped.names, usual)
                with told, self._engine.more(_RESERVED if shape.form == "jsonl" else 0):
                    engine.execute(f"COPY ({select}) TO {quoted(str(part))} ({AS_PARQUET})")
        finally:
            engine.execute("SET TimeZone = 'UTC'")


def _nothing(_line: bytes) -> None:
    """Done with torn lines of logs that are not ours."""
