"""The SQL engine: embedded DuckDB by default, the same text on ClickHouse or Spark.

A detection is one SELECT in a small ANSI subset: integer epoch seconds, CASE not FILTER, no dialect functions
beyond COALESCE, CONCAT, FLOOR, SQRT, LEAST, GREATEST; CAST to BIGINT, DOUBLE, STRING only.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ir.core.errors import UsageError
from ir.review.sql.schema import TABLES, Column, empty_select

Row = tuple[Any, ...]
_LEAST_MB = 128
AS_PARQUET = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 20480, DICTIONARY_SIZE_LIMIT 2048"
"""How large tables are written: a column of ids has no use for a dictionary, and building one takes time until its limit is met."""


class Engine(Protocol):
    """Runs portable SQL over the normalised store. Results are findings and aggregates, never whole tables."""

    name: str

    def attach(self, store: Path) -> None:
        """Make `requests`, `events`, `activity`, `objects` readable from Parquet below `store`."""
        ...

    def keep(self, name: str, sql: str) -> None:
        """Materialise a SELECT under a name that later SELECTs can use."""
        ...

    def fill(self, name: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
        """Make a small table from rows of ours."""
        ...

    def rows(self, sql: str) -> list[Row]:
        """Run a SELECT."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


class DuckDb:
    """Embedded DuckDB: bounded memory, two threads, no extension downloads, spills into `scratch`.

    Args:
        scratch: private folder for spilled data.
        memory_limit: of the whole process, such as `1GB` or `512MB`; the engine takes 70 % of it, since not all that it
            holds is counted by it.

    Raises:
        UsageError: `memory_limit` is not a size.
    """

    name = "duckdb"

    def __init__(self, scratch: Path, *, memory_limit: str = "350MB", threads: int = 2) -> None:
        import duckdb

        spill = scratch / "spill"
        spill.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._megabytes = _engine_share(memory_limit)
        self.connection = duckdb.connect(
            config={
                "memory_limit": f"{self._megabytes}MB",
                "threads": str(threads),
                "temp_directory": str(spill),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "preserve_insertion_order": "false",
            }
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")

    def attach(self, store: Path) -> None:
        """See `Engine`."""
        for table in TABLES:
            files = sorted(store.glob(f"{table}-*.parquet"))
            source = f"SELECT * FROM read_parquet({_strings(files)})" if files else empty_select(table)
            self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS {source}")

    def keep(self, name: str, sql: str) -> None:
        """See `Engine`."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def fill(self, name: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
        """See `Engine`."""
        import orjson

        names = [c.name for c in columns]
        shape = orjson.dumps([{c.name: c.type for c in columns}]).decode()
        data = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT r.* FROM (SELECT unnest(from_json(?, {quoted(shape)})) AS r) x", [data]
        )

    def rows(self, sql: str) -> list[Row]:
        """See `Engine`."""
        return self.connection.execute(sql).fetchall()

    @contextmanager
    def more(self, megabytes: int) -> Iterator[None]:
        """Let statements reserve more than the share: what they reserve and do not touch counts, and takes no memory."""
        self.connection.execute(f"SET memory_limit = '{self._megabytes + megabytes}MB'")
        try:
            yield
        finally:
            self.connection.execute(f"SET memory_limit = '{self._megabytes}MB'")

    def close(self) -> None:
        """See `Engine`."""
        self.connection.close()


def checked_limit(limit: str) -> str:
    """The same text, if it is a memory size that is enough. Raises UsageError."""
    _engine_share(limit)
    return limit


def _engine_share(limit: str) -> int:
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT])i?[bB]", limit.strip())
    if size is None:
        raise UsageError(f"`{limit[:40]}` is not a memory size", next_step="write 512MB or 2GB")
    megabytes = float(size[1]) * 1000 ** ("kmgt".index(size[2].lower()) - 1)
    if megabytes < _LEAST_MB:
        raise UsageError(f"`{limit[:40]}` is too little memory", next_step=f"at least {_LEAST_MB}MB")
    return int(megabytes * 0.7)


def _strings(files: list[Path]) -> str:
    return "[" + ", ".join(quoted(str(file)) for file in files) + "]"


def quoted(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
