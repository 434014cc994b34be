"""Spark: the same SQL text over temporary views."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ir.core.errors import UsageError
from ir.review.sql.engine import Row
from ir.review.sql.schema import TABLES, Column

_SQL = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
_SETTINGS = _SQL | {"spark.ui.showConsoleProgress": "false"}
_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
_TYPES = {"VARCHAR": "STRING", "BIGINT": "BIGINT", "INTEGER": "BIGINT"}


class Spark:
    """A Spark session on a master such as `local[2]`; tables of a catalogue with our names are used where they exist.

    Raises:
        UsageError: pyspark is not installed, or no session can be had (Java 17 is missing, the master does not answer).
    """

    name = "spark"
    _open = 0
    """The number of users of the one Spark context that a process can have."""

    def __init__(self, master: str) -> None:
        try:
            sql: Any = import_module("pyspark.sql")
        except ImportError:
            raise UsageError("pyspark is not installed", next_step="pip install 'pyspark>=4.1,<5'; it needs Java 17") from None
        build = sql.SparkSession.builder.master(master).appName("ir review")
        for name, value in (_SETTINGS | (_LOCAL if master.startswith("local") else {})).items():
            build = build.config(name, value)
        try:
            # a session of its own: views of another review are not tables of the catalogue
            self._session: Any = build.getOrCreate().newSession()
            for name, value in _SQL.items():
                self._session.conf.set(name, value)
        except Exception as error:  # noqa: BLE001 # the gateway and the JVM raise what they like
            raise UsageError(
                f"no Spark session on {master[:60]} ({type(error).__name__})",
                next_step="check that Java 17 is on PATH or in JAVA_HOME, and that the master answers",
            ) from None
        self._session.sparkContext.setLogLevel("ERROR")
        Spark._open += 1

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
        # Cut the plan here: otherwise plans grow with every table that is built on another.
        self._session.sql(sql).localCheckpoint().createOrReplaceTempView(name)

    def fill(self, name: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
        """See `Engine`."""
        shape = ", ".join(f"{c.name} {_TYPES[c.type]}" for c in columns)
        self._session.createDataFrame(rows, shape).createOrReplaceTempView(name)

    def rows(self, sql: str) -> list[Row]:
        """See `Engine`."""
        return [tuple(row) for row in self._session.sql(sql).collect()]

    def close(self) -> None:
        """See `Engine`."""
        Spark._open -= 1
        if not Spark._open:
            self._session.stop()
