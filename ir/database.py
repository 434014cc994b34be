"""Connections to the database that the engine and our tables share."""

import time
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

_FRESH = 1.0
"""Seconds after its last use in which a connection is taken to live."""


def ping_after_a_rest(engine: sa.Engine) -> None:
    """Ask a connection whether it lives before it is used again, unless it was used a moment ago: most of them are, and asking is dear."""

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
    """For what is one statement: no transaction around it, which would be two more trips.

    On PostgreSQL with connections of its own: to switch one between the two ways costs as much as a statement.
    """
    if engine.dialect.name == "sqlite":
        return engine
    own = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, pool_use_lifo=True)
    ping_after_a_rest(own)
    sa.event.listen(engine, "engine_disposed", lambda _engine: own.dispose())
    return own
