"""The SQLite file of an evidence bundle: the facts of its texts, for questions in SQL."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

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
    with closing(sqlite3.connect(":memory:")) as db:
        for name, rows in tables.items():
            plain = [_renamed(name, row) for row in rows]
            columns = _columns(plain or [dict.fromkeys(_ALWAYS.get(name, ()))], _KEYS.get(name, ""))
            if columns:
                _fill(db, name, columns, plain)
        db.commit()
        return db.serialize()


def _fill(db: sqlite3.Connection, name: str, columns: Mapping[str, str], rows: Sequence[Json]) -> None:
    """Make a table of these columns (name → type) and put the rows in."""
    db.execute(f"CREATE TABLE {_quoted(name)} ({', '.join(f'{_quoted(column)} {kind}' for column, kind in columns.items())})")
    places = ", ".join("?" * len(columns))
    db.executemany(f"INSERT INTO {_quoted(name)} VALUES ({places})", [[_cell(row.get(column)) for column in columns] for row in rows])  # noqa: S608 - names are quoted, values are bound


def _renamed(table: str, row: Json) -> Json:
    """`to` becomes the person in notifications and deadlines, and the time everywhere else."""
    people = {"to": "recipient"} if table in ("notifications", "deadlines") else {}
    return {{**_PLAIN, **people}.get(name, name): value for name, value in row.items()}


def _columns(rows: Sequence[Json], key: str) -> dict[str, str]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _type(row.get(name) for row in rows) + (" NOT NULL PRIMARY KEY" if name == key else "") for name in names}


def _type(values: Iterable[object]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, bool}:
        return "INTEGER"
    return "REAL" if kinds and kinds <= {int, bool, float} else "TEXT"


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
