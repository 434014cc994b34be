"""The SQLite file of an evidence bundle: the same facts as its texts, for questions in SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from ir.core.model import Json

_KEYS = {"entries": "n", "evidence_files": "sha256"}
"""Table → its primary key."""


def database(tables: Mapping[str, Sequence[Json]]) -> bytes:
    """The bytes of a SQLite file, made in memory.

    Args:
        tables: name → rows; a table without rows is left out. Columns are all that any row has; nested values are JSON text.
    """
    schema, engine = sa.MetaData(), sa.create_engine("sqlite://")
    filled = [(sa.Table(name, schema, *_columns(rows, _KEYS.get(name, ""))), rows) for name, rows in tables.items() if rows]
    try:
        with engine.connect() as db:
            schema.create_all(db)
            for table, rows in filled:
                db.execute(table.insert(), [{column.name: _cell(row.get(column.name)) for column in table.columns} for row in rows])
            db.commit()
            made: bytes = db.connection.driver_connection.serialize()  # type: ignore[union-attr]  # a connection of sqlite3
            return made
    finally:
        engine.dispose()


def _columns(rows: Sequence[Json], key: str) -> list["sa.Column[Any]"]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [sa.Column(name, _type(row.get(name) for row in rows), primary_key=name == key) for name in names]


def _type(values: Iterable[object]) -> TypeEngine[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, bool}:
        return sa.INTEGER()
    return sa.REAL() if kinds and kinds <= {int, bool, float} else sa.TEXT()


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
