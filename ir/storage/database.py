"""Connections to the database that the engine and `ir`'s own tables share."""

import time
from contextlib import suppress
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ir.core.secret import excerpt
from ir.storage import patience

_CONNECTION: dict[str, Any] = {
    "prepare_threshold": None,  # a prepared statement would be one of the server's connection, and the next transaction is on another
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds: a server that went away without a word is noticed
}
"""Settings of psycopg and libpq; settings in the address win."""
_CLOCK: sa.ColumnElement[Any] = sa.literal_column("extract(epoch FROM clock_timestamp())")
_FRESH = 1.0
"""Seconds after its last use in which a connection is assumed to be alive."""


def ping_after_a_rest(engine: sa.Engine) -> None:
    """Check a connection before it is used again, unless it was used a moment ago. Most were, and the check costs a round trip."""

    def rested(_connection: object, record: Any) -> None:
        record.info["rested"] = time.monotonic()

    def used(connection: Any, record: Any, _proxy: object) -> None:
        if time.monotonic() - record.info.get("rested", time.monotonic()) < _FRESH:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception:  # noqa: BLE001 - whatever the driver raises, the pool is to open another one
            raise sa.exc.DisconnectionError from None

    sa.event.listen(engine, "checkin", rested)
    sa.event.listen(engine, "checkout", used)


@lru_cache(maxsize=16)
def single(engine: sa.Engine) -> sa.Engine:
    """Connections for single statements, without a transaction around each, which would cost two more round trips.

    On PostgreSQL with connections of its own: to switch one between the two ways costs as much as a statement.
    """
    if engine.dialect.name == "sqlite":
        return engine
    own = _postgres(engine.url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
    sa.event.listen(engine, "engine_disposed", lambda _engine: own.dispose())
    return own


def open_engine(url: str) -> sa.Engine:
    """A database engine; SQLite with full syncs, immediate transactions, and deleted pages overwritten."""
    if sa.make_url(url).get_backend_name() == "sqlite":
        engine = sa.create_engine(url)
        sa.event.listen(engine, "connect", _sqlite_settings)
    else:
        engine = _postgres(url)
    return engine


def _postgres(url: str | sa.URL, **options: Any) -> sa.Engine:
    """PostgreSQL, also behind PgBouncer's transaction pools. The connection used last needs no check."""
    named = sa.make_url(url).query
    settings = {name: value for name, value in _CONNECTION.items() if name not in named}
    engine = sa.create_engine(url, pool_use_lifo=True, connect_args=settings, **options)
    ping_after_a_rest(engine)
    patience.wait_to_connect(engine)
    return engine


def _sqlite_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def trouble(error: Exception) -> str:
    """The database's own reason for a failed call, such as a full disk; "" when the failure is not the database's."""
    return excerpt(str(error.orig)) if isinstance(error, sa.exc.DBAPIError) else ""


@patience.patient
def create_tables(engine: sa.Engine, tables: sa.MetaData) -> None:
    """Create missing tables. When several processes or machines begin at once on an empty database, one of them does it."""
    with engine.begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('ir-tables'))"))
        else:
            db.execute(sa.text("BEGIN IMMEDIATE"))
        tables.create_all(db)
        for table in tables.tables.values():
            _add_columns(db, table)
            _add_indexes(db, table)


def run_script(engine: sa.Engine, script: str) -> None:
    """Several statements of PostgreSQL's, in one transaction."""
    with engine.begin() as db:
        db.connection.cursor().execute(script)


def _add_columns(db: sa.Connection, table: sa.Table) -> None:
    """Add columns that a table of an older version lacks. Later columns are nullable, so that the older version goes on working."""
    later = [column for column in table.columns if column.nullable]
    there = {column["name"] for column in sa.inspect(db).get_columns(table.name)} if later else set()
    for column in later:
        if column.name not in there:
            kind = column.type.compile(db.dialect)
            db.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))


def _add_indexes(db: sa.Connection, table: sa.Table) -> None:
    """Those that a table of an older version lacks, where this login may: without one the same is found, more slowly."""
    there = {index["name"] for index in sa.inspect(db).get_indexes(table.name)} if table.indexes else set()
    for index in table.indexes:
        if index.name not in there:
            with suppress(sa.exc.ProgrammingError), db.begin_nested():
                index.create(db)


def clock(db: sa.Connection) -> float:
    """Epoch seconds by the clock that all machines share: the database server's, else this machine's."""
    if db.dialect.name != "postgresql":
        return time.time()
    return float(db.execute(sa.select(_CLOCK)).scalar_one())


def stamp(db: sa.Connection) -> sa.ColumnElement[Any] | float:
    """The time of `clock` as part of the statement that writes it, so that it needs no trip of its own."""
    return _CLOCK if db.dialect.name == "postgresql" else time.time()
