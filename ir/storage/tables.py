"""The tables of leases, signals, the index of incidents and `evidence.audit_log`, as the database has them.

A column that was added later is nullable, since two versions of the program may share a database.
"""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ir.storage.database import create_tables


def of_a_process() -> list["sa.Column[Any]"]:
    """Columns that name the process of a row (with its `executor`, see `process_identity.Me`), since when, and its last heartbeat."""
    return [
        sa.Column("host", sa.String, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("born", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("heartbeat", sa.Float, nullable=False),
        sa.Column("machine", sa.String, nullable=True),
    ]


META = sa.MetaData()
LEASES = sa.Table(
    "ir_leases",
    META,
    sa.Column("resource", sa.String, primary_key=True),
    sa.Column("incident", sa.String, nullable=False, index=True),
    sa.Column("executor", sa.String, nullable=False),
    *of_a_process(),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("question", sa.JSON(none_as_null=True), nullable=True),
)
SIGNALS = sa.Table(
    "ir_signals",
    META,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("incident", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
)
INCIDENTS = sa.Table(
    "ir_incidents",
    META,
    sa.Column("incident", sa.String, primary_key=True),
    sa.Column("opened_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("exit_code", sa.Integer, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
)
ENTRIES = sa.Table(
    "ir_entries",
    META,
    sa.Column("incident", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.Text, nullable=False),
)


@lru_cache(maxsize=16)
def ready(engine: sa.Engine) -> None:
    """Create what is missing of them, once for each engine."""
    create_tables(engine, META)
