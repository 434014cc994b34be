"""Consents that people gave at a terminal, with their names, so that the same question is not asked twice."""

import time
from collections.abc import Iterable
from contextlib import suppress

import sqlalchemy as sa

from ir.storage.database import create_tables
from ir.storage.patience import all_patient

_meta = sa.MetaData()
_consents = sa.Table(
    "ir_consents",
    _meta,
    sa.Column("place", sa.String, primary_key=True),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


@all_patient()
class ConsentLog:
    """The table, in the same database as the incidents."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        create_tables(engine, _meta)

    def add(self, places: Iterable[str], actor: str) -> None:
        """Add a consent; of two to the same place, the first stays."""
        for place in set(places) - self.places():
            with suppress(sa.exc.IntegrityError), self._engine.begin() as db:
                db.execute(sa.insert(_consents).values(place=place, actor=actor, at=time.time()))

    def places(self) -> set[str]:
        """All places that were agreed to."""
        with self._engine.connect() as db:
            return set(db.execute(sa.select(_consents.c.place)).scalars())
