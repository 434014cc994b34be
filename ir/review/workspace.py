"""One review's private folder: raw pages, normalised Parquet, and the engine over them."""

import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from ir.core.errors import Refused
from ir.core.model import Json
from ir.ports import ReviewRequest
from ir.review.collect.collector import Collector, Read
from ir.review.collect.leftover_sweep import Swept
from ir.review.detect.window import Window
from ir.review.ingest.column_map import load_map
from ir.review.ingest.given_files import expand
from ir.review.ingest.importer import Importer
from ir.review.ingest.load_result import Loaded
from ir.review.sql.engine import DuckDb, quoted
from ir.review.sql.schema import TABLES

Say = Callable[[str], None]
_SOURCE_OF = {"requests": "egress", "events": "events", "activity": "activity"}


class ReviewWorkspace:
    """The normalised store of one review.

    Args:
        folder: private; `pages/` survives a second try, `tables/` is rebuilt, unreadable lines go to `aside.jsonl` beside it.
    """

    def __init__(self, folder: Path, *, memory_limit: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.pages, self.tables, self.aside = folder / "pages", folder / "tables", folder.parent / "aside.jsonl"
        self._memory_limit = memory_limit

    @cached_property
    def engine(self) -> DuckDb:
        """The engine, started when it is first needed."""
        return DuckDb(self.tables.parent, memory_limit=self._memory_limit)

    @property
    def empty(self) -> bool:
        """Whether nothing was ever put into the tables."""
        return not any(self.tables.glob("*.parquet"))

    def fresh(self) -> None:
        """Empty tables."""
        shutil.rmtree(self.tables, ignore_errors=True)
        self.tables.mkdir(mode=0o700, parents=True)
        self.aside.unlink(missing_ok=True)

    def importer(self, maps: tuple[str, ...], say: Say, *, named: bool = False) -> Importer:
        """The importer of files into these tables."""
        loaded = tuple(load_map(file) for file in maps)
        return Importer(self.engine, self.tables, maps=loaded, progress=say, aside=self.aside, named=named)

    def import_files(self, request: ReviewRequest, reads: dict[str, Read], say: Say) -> Loaded:
        """Load everything that was collected and given, and make it unique."""
        importer = self.importer(request.maps, say, named=request.named)
        for kind in ("events", "thin"):
            if kind in reads:
                importer.load_collected("events", reads[kind].files)
        if "activity" in reads:
            importer.load_collected("activity", reads["activity"].files)
        for patterns, own in ((request.egress, True), (request.logs, False)):
            files, notes = expand(patterns)
            for note in notes:
                importer.loaded.say("egress" if own else "request-log", note)
            importer.load(files, own=own)
            # a log that was rotated meanwhile continues under another name; a row that is read twice is counted once
            importer.load([file for file in expand(patterns)[0] if file not in files], own=own)
        for table, repeated in importer.finish().items():
            if repeated:
                importer.loaded.say(_SOURCE_OF[table], f"{repeated:,} repeated {table} were counted once")
        return importer.loaded

    def add_activity(self, read: Read, say: Say, *, named: bool) -> None:
        """Put the present activity log beside the one that an earlier review loaded: it tells what was undone since."""
        if read.rows:
            late = self.tables.parent / "late"
            Importer(self.engine, late, progress=say, named=named).load_collected("activity", read.files)
            for part in late.glob("activity-*.parquet"):
                part.replace(self.tables / "activity-late.parquet")
            shutil.rmtree(late)

    def write_objects(self, swept: Swept) -> None:
        """The swept lists as Parquet."""
        self.engine.fill("swept", TABLES["objects"], [tuple(row[c.name] for c in TABLES["objects"]) for row in swept.rows])
        target = quoted(str(self.tables / "objects-0000.parquet"))
        self.engine.connection.execute(f"COPY (SELECT * FROM swept) TO {target} (FORMAT parquet)")
        self.engine.connection.execute("DROP TABLE swept")

    def collected(self, swept: Swept) -> tuple[str, ...]:
        """The records that came from Stripe, as they were kept: pages, and the swept lists."""
        lists = self.tables.glob("objects-*.parquet") if swept.rows else ()
        return tuple(str(file) for file in sorted((*self.pages.glob("*.jsonl"), *lists)))

    def close(self) -> None:
        """Close the engine and delete its spilled data."""
        if "engine" in vars(self):
            self.engine.close()
        shutil.rmtree(self.tables.parent / "spill", ignore_errors=True)


def refuse_leaked(request: ReviewRequest) -> None:
    """The leaked key is never used for reading: it would pollute its own record and die midway."""
    if request.review_key is not None and request.key_fingerprint and request.review_key.fingerprint == request.key_fingerprint:
        raise Refused(
            "the review key is the leaked key itself",
            safe="nothing was read",
            next_step="make a restricted key that may only read, and give that",
        )


def collect(collector: Collector | None, window: Window, say: Say) -> dict[str, Read]:
    """Read Stripe's own record; newest first."""
    if collector is None:
        return {}
    reads = {"events": collector.events(window.since, window.until)}
    say("activity log")
    reads["activity"] = collector.activity(window.since)
    say("thin events")
    reads["thin"] = collector.thin_events(window.since)
    return reads


def collected(reads: dict[str, Read]) -> Json:
    """The report of each API source, for the coverage."""
    return {name: read.why for name, read in reads.items() if read.why}
