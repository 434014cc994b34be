"""Spark: the same SQL text over temporary views."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ir.errors import UsageError
from ir.review.engine import Row
from ir.review.schema import TABLES, Column

_TYPES = {"VARCHAR": "STRING", "BIGINT": "BIGINT", "INTEGER": "BIGINT"}


class Spark:
    """A Spark session on a master such as `local[2]`; tables of a catalogue with our names are used where they exist."""

    name = "spark"

    def __init__(self, master: str) -> None:
        try:
            sql: Any = import_module("pyspark.sql")
        except ImportError:
            raise UsageError("pyspark is not installed", next_step="pip install pyspark (it needs Java 17)") from None
        self._session: Any = (
            sql.SparkSession.builder.master(master).appName("ir review").config("spark.sql.session.timeZone", "UTC").getOrCreate()
        )

    def attach(self, store: Path) -> None:
        """See `Engine`."""
        for table, columns in TABLES.items():
            if self._session.catalog.tableExists(table):
                continue
            files = [str(file) for file in sorted(store.glob(f"{table}-*.parquet"))]
            if files:
                self._session.read.parquet(*files).select(*[c.name for c in columns]).createOrReplaceTempView(table)
            else:
                self.fill(table, columns, [])

    def keep(self, name: str, sql: str) -> None:
        """See `Engine`."""
        frame = self._session.sql(sql).cache()
        frame.createOrReplaceTempView(name)

    def fill(self, name: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
        """See `Engine`."""
        shape = ", ".join(f"{c.name} {_TYPES[c.type]}" for c in columns)
        self._session.createDataFrame(rows, shape).createOrReplaceTempView(name)

    def rows(self, sql: str) -> list[Row]:
        """See `Engine`."""
        return [tuple(row) for row in self._session.sql(sql).collect()]

    def close(self) -> None:
        """See `Engine`."""
        self._session.stop()
