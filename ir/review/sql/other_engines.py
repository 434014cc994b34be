"""Other engines for logs that outgrow a machine: the same SQL text, one small adapter each.

`clickhouse://user@host:8123/database` (http), `clickhouses://…` (https; the password comes from `CLICKHOUSE_PASSWORD`), `chdb://`
(ClickHouse embedded, for tests), `spark://local[2]` or a Spark master. A table of the store (`requests`, `events` …) that the database
already has is used there; one that it lacks is filled from the local Parquet.
"""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import orjson

from ir.clients import way_out
from ir.core.errors import Unknown, UsageError
from ir.core.urls import parse
from ir.review.sql.engine import Engine, Row
from ir.review.sql.schema import TABLES, Column

_SETTINGS = {
    "join_use_nulls": "1",
    "prefer_column_name_to_alias": "1",
    "cast_keep_nullable": "1",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_denormals": "0",
    "enable_analyzer": "1",
}
_TYPES = {"VARCHAR": "String", "BIGINT": "Int64", "INTEGER": "Int64"}
_TIMEOUT = 600.0
_MARK = "made by ir review; may be dropped"
_NEXT = {
    "516": "check the user in --engine and CLICKHOUSE_PASSWORD",
    "81": "the database in --engine does not exist",
    "497": "the user needs SELECT, and CREATE TABLE and INSERT for what the review keeps there",
    "241": "the server's memory limit is too low for this review",
    "57": "a table there has a name that the review needs (seen, sent, acts, holes, probes …): give the review a database of its own",
    "47": "a table of the review exists there with other columns",
}


def open_engine(url: str) -> Engine:
    """The engine behind a URL.

    Raises:
        UsageError: an unknown scheme, or its library is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme in ("clickhouse", "clickhouses"):
        return ClickHouse(_Server(url))
    if scheme == "chdb":
        return ClickHouse(_Embedded())
    if scheme == "spark":
        from ir.review.sql.spark import Spark

        return Spark(url.removeprefix("spark://") or "local[2]")
    raise UsageError(f"--engine {url[:60]}: not known", next_step="duckdb, clickhouse://host:8123/db, or spark://master")


class _Wire(Protocol):
    """How statements reach ClickHouse."""

    def send(self, sql: str, data: bytes = b"") -> bytes:
        """Run one statement; `data` is what an INSERT carries."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class ClickHouse:
    """ClickHouse, by HTTP or embedded."""

    name = "clickhouse"

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._made: list[str] = []

    def attach(self, store: Path) -> None:
        """See `Engine`."""
        there: dict[str, str] = dict(self.rows("SELECT name, comment FROM system.tables WHERE database = currentDatabase()"))
        for name in [name for name, comment in there.items() if comment == _MARK]:
            # left behind by a review that was killed: old evidence must not be taken for this one's
            self._wire.send(f"DROP TABLE IF EXISTS {name}")
            del there[name]
        for table, columns in TABLES.items():
            if table in there:
                continue
            self._create(table, columns)
            names = ", ".join(c.name for c in columns)
            for file in sorted(store.glob(f"{table}-*.parquet")):
                # Columns that only the loader needs (`file`, `bad`) are left out by name.
                self._wire.send(
                    f"INSERT INTO {table} ({names}) SETTINGS input_format_skip_unknown_fields = 1 FORMAT Parquet", file.read_bytes()
                )

    def keep(self, name: str, sql: str) -> None:
        """See `Engine`."""
        self._drop(name)
        self._wire.send(f"CREATE TABLE {name} ENGINE = Memory COMMENT '{_MARK}' AS {sql}")
        self._made.append(name)

    def fill(self, name: str, columns: tuple[Column, ...], rows: list[Row]) -> None:
        """See `Engine`."""
        self._create(name, columns)
        names = [c.name for c in columns]
        if rows:
            lines = b"\n".join(orjson.dumps(dict(zip(names, row, strict=True))) for row in rows)
            self._wire.send(f"INSERT INTO {name} FORMAT JSONEachRow", lines)

    def rows(self, sql: str) -> list[Row]:
        """See `Engine`."""
        answer: Any = json.loads(self._wire.send(sql + " FORMAT JSONCompact") or b'{"data": []}')
        return [tuple(row) for row in answer["data"]]

    def close(self) -> None:
        """Drop what was made here; tables that were there before stay."""
        for name in self._made:
            self._wire.send(f"DROP TABLE IF EXISTS {name}")
        self._wire.close()

    def _create(self, name: str, columns: tuple[Column, ...]) -> None:
        self._drop(name)
        cells = ", ".join(f"{c.name} {_TYPES[c.type]}" for c in columns)
        self._wire.send(f"CREATE TABLE {name} ({cells}) ENGINE = Memory COMMENT '{_MARK}'")
        self._made.append(name)

    def _drop(self, name: str) -> None:
        if name in self._made:
            self._wire.send(f"DROP TABLE IF EXISTS {name}")
            self._made.remove(name)


class _Server:
    """ClickHouse's HTTP interface."""

    def __init__(self, url: str, *, timeout: float = _TIMEOUT) -> None:
        parts = urlsplit(url)
        self._timeout = timeout
        secure = parts.scheme == "clickhouses"
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host:
            raise UsageError(f"--engine {parts.scheme}:// names no host", next_step="clickhouse://user@host:8123/database")
        if parts.password:
            raise UsageError("a password in --engine would be visible in the process list", next_step="put it in CLICKHOUSE_PASSWORD")
        self._url = f"{'https' if secure else 'http'}://{_bracketed(host)}:{port or (8443 if secure else 8123)}/"
        settings = _SETTINGS | {"database": parts.path.strip("/") or "default"}
        self._query = "&".join(f"{name}={quote(value)}" for name, value in settings.items())
        self._headers = {"X-ClickHouse-User": parts.username or "default", "X-ClickHouse-Key": os.environ.get("CLICKHOUSE_PASSWORD", "")}
        self._pool = way_out.pool(way_out.proxy_for(parse(self._url)), way_out.tls() if secure else None, 4)

    def send(self, sql: str, data: bytes = b"") -> bytes:
        """See `_Wire`. Raises Unknown with ClickHouse's error code, never with its text."""
        import urllib3

        from ir.clients.watched_pool import within

        url = f"{self._url}?{self._query}" + (f"&query={quote(sql)}" if data else "")
        try:
            with within(self._timeout) as watch:
                answer = self._pool.request(
                    "POST", url, body=data or sql.encode(), headers=self._headers, timeout=self._timeout, retries=False, redirect=False
                )
            if watch.expired:
                raise urllib3.exceptions.TimeoutError("too slow")
        except urllib3.exceptions.HTTPError:
            raise Unknown(
                f"ClickHouse gave no answer at {self._url}", next_step="check the URL of --engine; its HTTP port, not 9000"
            ) from None
        if answer.status != 200:
            code = answer.headers.get("X-ClickHouse-Exception-Code")
            raise Unknown(
                f"ClickHouse refused a statement (HTTP {answer.status}, code {code})",
                next_step=_NEXT.get(str(code), "see the server's log"),
            )
        return answer.data

    def close(self) -> None:
        """See `_Wire`."""
        self._pool.clear()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Embedded:
    """chDB: ClickHouse inside this process."""

    def __init__(self) -> None:
        try:
            session: Any = import_module("chdb.session")
        except ImportError:
            raise UsageError("chdb is not installed", next_step="pip install chdb, or name a server: clickhouse://host:8123/db") from None
        self._session: Any = session.Session()
        for name, value in (_SETTINGS | {"max_threads": "1"}).items():  # its tables are small: threads would cost more than they do
            self._session.query(f"SET {name} = {value}")
        self._session.query("CREATE DATABASE IF NOT EXISTS ir")
        self._session.query("USE ir")

    def send(self, sql: str, data: bytes = b"") -> bytes:
        """See `_Wire`."""
        if not data:
            return bytes(self._session.query(sql).bytes() or b"")
        import tempfile

        head, _, form = sql.rpartition(" FORMAT ")
        with tempfile.NamedTemporaryFile(suffix=".data") as file:
            file.write(data)
            file.flush()
            table, _, names = head.removeprefix("INSERT INTO ").partition(" (")
            wanted = names.partition(")")[0] or "*"
            self._session.query(f"INSERT INTO {table.strip()} SELECT {wanted} FROM file('{file.name}', {form})")
        return b""

    def close(self) -> None:
        """See `_Wire`."""
        self._session.close()
