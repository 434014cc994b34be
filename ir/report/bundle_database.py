"""The SQLite file of an evidence bundle: the facts of its texts, for questions in SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from ir.core.model import Json
from ir.report.handover import AFFECTED, EVENTS, TIMELINE

_KEYS = {"entries": "n", "evidence_files": "sha256"}
"""Table → its primary key."""
_PLAIN = {"from": "since", "to": "until", "by": "who", "group": "grp", "order": "place", "left": "time_left"}
"""Words of SQL, and the column names in their place, so that no name needs quotes."""
_ALWAYS: dict[str, tuple[str, ...]] = {"events": EVENTS, "affected": AFFECTED, "timeline": TIMELINE}
"""Tables that exist even without rows, because "none" and "no such table" differ."""


def database(tables: Mapping[str, Sequence[Json]]) -> bytes:
    """The bytes of a SQLite file, made in memory.

    Args:
        tables: name → rows; one without rows is left out, but for `_ALWAYS`. Columns are all that any row has; nested values are JSON text.
    """
    schema, engine = sa.MetaData(), sa.create_engine("sqlite://")
    plain = {name: [_renamed(name, row) for row in rows] for name, rows in tables.items()}
    made_of = {name: _columns(rows or [dict.fromkeys(_ALWAYS.get(name, ()))], _KEYS.get(name, "")) for name, rows in plain.items()}
    filled = [(sa.Table(name, schema, *columns), plain[name]) for name, columns in made_of.items() if columns]
    try:
        with engine.connect() as db:
            schema.create_all(db)
            for table, rows in ((table, rows) for table, rows in filled if rows):
                db.execute(table.insert(), [{column.name: _cell(row.get(column.name)) for column in table.columns} for row in rows])
            db.commit()
            made: bytes = db.connection.driver_connection.serialize()  # type: ignore[union-attr]  # a connection of sqlite3
            return made
    finally:
        engine.dispose()


def _renamed(table: str, row: Json) -> Json:
    """`to` becomes the person in notifications and deadlines, and the time everywhere else."""
    people = {"to": "recipient"} if table in ("notifications", "deadlines") else {}
    return {{**_PLAIN, **people}.get(name, name): value for name, value in row.items()}


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
