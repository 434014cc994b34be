"""The index of incidents: one row for each, so that `ir status` needs no engine and no record."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ir.core.model import Json
from ir.storage.database import single
from ir.storage.patience import all_patient
from ir.storage.tables import INCIDENTS, ready

ACTS_NO_MORE = ("done", "rolled back", "aborted", "attested", "refused", "debt", "reopened")
"""States of an incident that has ended, or that only debt keeps open."""
_ROW = sa.select(INCIDENTS).where(INCIDENTS.c.incident == sa.bindparam("of"))
_NOTE = sa.update(INCIDENTS).where(INCIDENTS.c.incident == sa.bindparam("of"))
_NEW_ROW = sa.insert(INCIDENTS)
"""Built once: these statements run after every entry of an incident."""


@dataclass(frozen=True)
class IncidentRow:
    """One incident, as of its last entry.

    Attributes:
        opened_at, updated_at: epoch seconds.
        exit_code: what its command ends with.
        summary: see `runtime.index_summary.summary`; free of secrets. {} before the first entry.
    """

    incident: str
    opened_at: float
    updated_at: float
    status: str
    exit_code: int
    summary: Json


@all_patient()
class IncidentIndex:
    """The table of incidents."""

    def __init__(self, engine: sa.Engine) -> None:
        self._single = single(engine)
        ready(engine)

    def note(self, incident: str, status: str, exit_code: int, summary: Json) -> None:
        """Write an incident's row; `summary` is free of secrets."""
        with self._single.begin() as db:
            values = {"status": status, "exit_code": exit_code, "summary": summary, "updated_at": time.time()}
            if db.execute(_NOTE, {"of": incident, **values}).rowcount == 0:
                db.execute(_NEW_ROW, {"incident": incident, "opened_at": time.time(), **values})

    def rows(self, key: str = "") -> list[IncidentRow]:
        """All rows, or those of one key by its name, newest first."""
        query = sa.select(INCIDENTS).order_by(INCIDENTS.c.opened_at.desc())
        if key:
            query = query.where(INCIDENTS.c.summary["key"].as_string() == key)
        with self._single.connect() as db:
            return [_row(row) for row in db.execute(query).mappings()]

    def named(self, incidents: Sequence[str]) -> dict[str, IncidentRow]:
        """The rows with these ids."""
        query = sa.select(INCIDENTS).where(INCIDENTS.c.incident.in_(incidents))
        with self._single.connect() as db:
            return {row["incident"]: _row(row) for row in db.execute(query).mappings()}

    def find(self, incident: str) -> IncidentRow | None:
        """One row, by its id."""
        with self._single.connect() as db:
            row = db.execute(_ROW, {"of": incident}).mappings().first()
        return _row(row) if row else None


def _row(row: sa.RowMapping) -> IncidentRow:
    found: dict[str, Any] = {str(name): value for name, value in row.items()}
    return IncidentRow(**found)
