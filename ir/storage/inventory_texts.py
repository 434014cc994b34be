"""Inventories that many incidents share, each kept once under the SHA-256 of what it says."""

import hashlib
import json
from contextlib import suppress

import sqlalchemy as sa

from ir.core.model import Json
from ir.storage.database import create_tables
from ir.storage.patience import all_patient

_meta = sa.MetaData()
_inventories = sa.Table(
    "ir_inventories",
    _meta,
    sa.Column("sha256", sa.String, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)


def sha256_of(body: Json) -> str:
    """The name of a body: the SHA-256 of its canonical JSON, in hex."""
    return hashlib.sha256(_text(body).encode()).hexdigest()


@all_patient()
class InventoryTexts:
    """The table, in the same database as the incidents. A row that says something else than its name promises is as good as none."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def make_table(self) -> None:
        """Create what is missing. Reading needs no right to make a table."""
        create_tables(self._engine, _meta)

    def keep(self, body: Json) -> str:
        """Keep it; returns its name. What is kept already is not written again."""
        self.make_table()
        name = sha256_of(body)
        if self.find(name) is None:
            with suppress(sa.exc.IntegrityError), self._engine.begin() as db:
                db.execute(sa.delete(_inventories).where(_inventories.c.sha256 == name))
                db.execute(sa.insert(_inventories).values(sha256=name, body=_text(body)))
        return name

    def find(self, name: str) -> Json | None:
        """What has that name; None: nothing has, or it was changed since."""
        if not sa.inspect(self._engine).has_table(_inventories.name):
            return None
        with self._engine.connect() as db:
            text = db.execute(sa.select(_inventories.c.body).where(_inventories.c.sha256 == name)).scalar()
        if text is None or hashlib.sha256(text.encode()).hexdigest() != name:
            return None
        found: Json = json.loads(text)
        return found


def _text(body: Json) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
