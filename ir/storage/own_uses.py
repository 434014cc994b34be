"""Our own uses of a leaked key that the record does not tell yet: a process may be killed between a use and the entry about it."""

from contextlib import suppress

import sqlalchemy as sa

from ir.storage.database import create_tables
from ir.storage.patience import all_patient

_meta = sa.MetaData()
_uses = sa.Table(
    "ir_own_uses",
    _meta,
    sa.Column("incident", sa.String, primary_key=True),
    sa.Column("asked", sa.Float, primary_key=True),
    sa.Column("answered", sa.Float, nullable=False),
)


@all_patient()
class OwnUses:
    """The table, in the same database as the incidents. Where it is missing and cannot be made, nothing is noted and nothing known."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def make_table(self) -> None:
        """Create what is missing."""
        create_tables(self._engine, _meta)

    def note(self, incident: str, asked: float, answered: float) -> None:
        """Note one before it is made (`answered` 0), and once it was answered. `asked`: by our clock, `answered`: by the provider's."""
        with suppress(sa.exc.ProgrammingError):
            self.make_table()
            this = (_uses.c.incident == incident) & (_uses.c.asked == asked)
            with self._engine.begin() as db:
                if db.execute(sa.update(_uses).where(this).values(answered=answered)).rowcount == 0:
                    db.execute(sa.insert(_uses).values(incident=incident, asked=asked, answered=answered))

    def of(self, incident: str) -> list[tuple[float, float]]:
        """All that were noted, as `(asked, answered)`."""
        if not sa.inspect(self._engine).has_table(_uses.name):
            return []
        with self._engine.connect() as db:
            rows = db.execute(sa.select(_uses.c.asked, _uses.c.answered).where(_uses.c.incident == incident))
            return [(float(asked), float(answered)) for asked, answered in rows]
