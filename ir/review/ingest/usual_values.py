"""Find the usual values of columns in a sample of the files, so that they are looked up (`lookups`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ir.review.ingest.byte_stream import pieces
from ir.review.ingest.file_shape import Shape
from ir.review.ingest.lookups import Usual, table_of
from ir.review.ingest.relations import usual_sql
from ir.review.sql.engine import DuckDb

_SAMPLE = "usual_sample"
_FILES = 4
_WORTH = 4 << 20
"""Bytes below which the sample costs more than it saves."""
_MOST = 2000
"""The most values of one table: with more, the next rows bring others."""


@contextmanager
def found(engine: DuckDb, shape: Shape, files: list[Path], target: Path, worth: int = _WORTH) -> Iterator[Usual]:
    """While entered, the engine has tables of usual values; they hold raw values, so nothing of them stays.

    Args:
        engine: has the macros of the importer.
        shape: the format that all files have.
        files: to be loaded; the beginning of some is read.
        target: for the sample, deleted once it is read.
        worth: bytes of files from which a sample is taken.
    """
    usual: Usual = {}
    if shape.form == "jsonl" and shape.kind == "requests" and sum(map(_size, files)) >= worth:
        usual = _found(engine, shape, files, target)
    try:
        yield usual
    finally:
        for name in usual:
            engine.connection.execute(f"DROP TABLE IF EXISTS {table_of(name)}")


def _found(engine: DuckDb, shape: Shape, files: list[Path], target: Path) -> Usual:
    try:
        with target.open("wb") as out:
            out.writelines(_beginning(file) for file in files[:: -(-len(files) // _FILES)])
        return _tables(engine, shape, target)
    except (OSError, duckdb.Error):  # to load the files will tell what is wrong with them
        return {}
    finally:
        engine.connection.execute(f"DROP TABLE IF EXISTS {_SAMPLE}")
        target.unlink(missing_ok=True)


def _tables(engine: DuckDb, shape: Shape, sample: Path) -> Usual:
    """Those of which the values that occur more than once make up at least half of the sample."""
    rows, tables = usual_sql(shape, sample, _SAMPLE)
    if not tables:
        return {}
    engine.keep(_SAMPLE, rows)
    once = (
        "SELECT '{0}' AS name, SUM(CASE WHEN n > 1 THEN n ELSE 0 END) AS again, SUM(n) AS n, COUNT(*) AS several "
        f"FROM (SELECT COUNT(*) AS n FROM {_SAMPLE} GROUP BY {{1}})"
    )
    told = engine.rows(" UNION ALL ".join(once.format(name, ", ".join(raws)) for name, (raws, _) in tables.items()))
    usual = {str(name): tables[name][0] for name, again, n, several in told if n and 2 * again >= n and several <= _MOST}
    for name in usual:
        engine.keep(table_of(name), tables[name][1])
    return usual


def _beginning(file: Path) -> bytes:
    """Whole lines."""
    first = next(pieces(file, []), b"")
    return first[: first.rfind(b"\n") + 1]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
