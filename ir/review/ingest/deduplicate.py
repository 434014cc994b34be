"""Keep one row per event and per request, however often it was exported."""

from pathlib import Path

from ir.review.sql.engine import AS_PARQUET, DuckDb, quoted
from ir.review.sql.schema import TABLES


def make_unique(engine: DuckDb, store: Path, table: str, key: str, order: str) -> int:
    """Rewrite `table` when a key occurs twice; rows without a key stay. Returns how many rows went.

    A request may be in our own log and in Stripe's: it is unique per side.
    """
    files = sorted(store.glob(f"{table}-*.parquet"))
    if not files:
        return 0
    names = "[" + ", ".join(quoted(str(file)) for file in files) + "]"
    source = f"read_parquet({names}, union_by_name = true)"
    side = ", own, source" if table == "requests" else ""
    seen = engine.rows(f"SELECT COUNT(*), COUNT(DISTINCT hash({key}{side})) FROM {source} WHERE bad = 0 AND {key} <> ''")[0]
    unread = engine.rows(f"SELECT COUNT(*) FROM {source} WHERE bad = 1")[0][0] if table != "requests" else 0
    if seen[0] == seen[1] and not unread:
        return 0
    columns = ", ".join(c.name for c in TABLES[table])
    target = store / f"{table}-unique.parquet"
    part = target.with_suffix(".part")
    engine.connection.execute(
        f"COPY (SELECT {columns}, file, bad FROM (SELECT DISTINCT ON ({key}{side}) * FROM {source} WHERE bad = 0 AND {key} <> '' "
        f"ORDER BY {key}{side}, {order}) UNION ALL SELECT {columns}, file, bad FROM {source} WHERE bad = 0 AND {key} = '') "
        f"TO {quoted(str(part))} ({AS_PARQUET})"
    )
    for file in files:
        file.unlink()
    part.rename(target)
    return int(seen[0] - seen[1])
