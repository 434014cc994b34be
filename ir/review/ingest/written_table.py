"""Look at a table that was just written: its rows by file, and numbers that no column can hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ir.review.ingest.duckdb_macros import BEYOND
from ir.review.sql.engine import AS_PARQUET, DuckDb, quoted

_WITHOUT = "SUM(CASE WHEN bad = 0 AND NOT starts_with(request_id, 'req_') THEN 1 ELSE 0 END)"
_BEYOND = f"SUM(CASE WHEN amount = {BEYOND} THEN 1 ELSE 0 END)"


@dataclass(frozen=True)
class Counts:
    """Counts of one file: rows, unreadable ones, those without a request id (our own logs alone), and numbers beyond 64 bits."""

    file: Path
    rows: int
    bad: int
    without: int
    beyond: int


def counted_rows(engine: DuckDb, part: Path, table: str, file_of: Callable[[Path], Path], *, own: bool) -> list[Counts]:
    """The counts of a table, by file; `file_of` tells it by the name under which the engine read it."""
    without = _WITHOUT if own and table == "requests" else "0"
    beyond = _BEYOND if table in ("requests", "events") else "0"
    found = engine.rows(
        f"SELECT file, COUNT(*), SUM(bad), {without}, {beyond} FROM read_parquet({quoted(str(part))}) GROUP BY file ORDER BY file"
    )
    return [Counts(file_of(Path(name)), int(rows), int(bad or 0), int(out or 0), int(odd or 0)) for name, rows, bad, out, odd in found]


def settle(engine: DuckDb, part: Path, target: Path, *, odd: bool) -> None:
    """Give a table its name. Numbers that no column can hold become 0, which is rare enough to write the table twice."""
    if not odd:
        part.rename(target)
        return
    amount = f"CASE WHEN amount = {BEYOND} THEN 0 ELSE amount END AS amount"
    select = f"SELECT * REPLACE ({amount}) FROM read_parquet({quoted(str(part))})"
    engine.connection.execute(f"COPY ({select}) TO {quoted(str(target))} ({AS_PARQUET})")
    part.unlink()
