"""Keep one row per event and per request, however often it was exported."""

from pathlib import Path

from ir.review.sql.engine import AS_PARQUET, DuckDb, quoted
from ir.review.sql.schema import TABLES

_FOREIGN = "NOT starts_with(request_id, 'req_')"
_CALL = f"CASE WHEN {_FOREIGN} THEN hash(ts, method, endpoint, object_id, status, ip, paged, idem) ELSE 0 END"
"""What tells two calls apart whose id is not Stripe's."""


def make_unique(engine: DuckDb, store: Path, table: str, key: str, order: str) -> int:
    """Rewrite `table` when a key occurs twice; rows without a key stay. Returns how many rows went.

    A request may be in our own log and in Stripe's: it is unique per side. An id that is not Stripe's may be a visitor's, who calls more
    than once: such rows are copies only where the calls are alike, too.
    """
    files = sorted(store.glob(f"{table}-*.parquet"))
    if not files:
        return 0
    names = "[" + ", ".join(quoted(str(file)) for file in files) + "]"
    source = f"read_parquet({names}, union_by_name = true)"
    kept = f"bad = 0 AND {key} <> ''"
    told: tuple[str, ...] = (key, "own", "source") if table == "requests" else (key,)
    rows, unique, foreign = _counted(engine, source, kept, told, _FOREIGN if table == "requests" else "FALSE")
    if rows != unique and foreign:  # to look at more than the id costs time, and most logs have Stripe's ids alone
        told = (*told, _CALL)
        rows, unique, _ = _counted(engine, source, kept, told, _FOREIGN)
    unread = engine.rows(f"SELECT COUNT(*) FROM {source} WHERE bad = 1")[0][0] if table != "requests" else 0
    if rows == unique and not unread:
        return 0
    columns = ", ".join(c.name for c in TABLES[table])
    target = store / f"{table}-unique.parquet"
    part = target.with_suffix(".part")
    engine.connection.execute(
        f"COPY (SELECT {columns}, file, bad FROM (SELECT DISTINCT ON ({', '.join(told)}) * FROM {source} WHERE {kept} "
        f"ORDER BY {', '.join(told)}, {order}) UNION ALL SELECT {columns}, file, bad FROM {source} WHERE bad = 0 AND {key} = '') "
        f"TO {quoted(str(part))} ({AS_PARQUET})"
    )
    for file in files:
        file.unlink()
    part.rename(target)
    return rows - unique


def _counted(engine: DuckDb, source: str, kept: str, told: tuple[str, ...], foreign: str) -> tuple[int, int, bool]:
    """Rows, rows that `told` tells apart, and whether some id is not Stripe's."""
    columns = f"COUNT(*), COUNT(DISTINCT hash({', '.join(told)})), COALESCE(BOOL_OR({foreign}), FALSE)"
    rows, unique, strange = engine.rows(f"SELECT {columns} FROM {source} WHERE {kept}")[0]
    return int(rows), int(unique), bool(strange)
