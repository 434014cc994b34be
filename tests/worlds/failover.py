"""What a PostgreSQL held at some moment, to be put back later: a standby that was promoted without the last transactions."""

from dataclasses import dataclass

import psycopg

_TABLES = (
    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
    " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)


@dataclass(frozen=True)
class Replica:
    """Every row of every table, as of one moment.

    Attributes:
        address: of the database, past any line that can be cut.
    """

    address: str
    rows: dict[str, bytes]

    @property
    def entries(self) -> int:
        """Audit entries that it holds: some may have come between the moment that was wanted and its own."""
        return self.rows.get("public.ir_entries", b"").count(b"\n")

    def promote(self) -> None:
        """From now on the database holds this and nothing that was written since. The line to it has to be cut."""
        with psycopg.connect(self.address) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            tables = [name for (name,) in db.execute(_TABLES).fetchall()]
            db.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")  # what is still written on the way comes before or after
            db.execute("SET session_replication_role = replica")  # no trigger and no foreign key is asked: the rows fit each other
            for table in tables:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the catalogue
                if rows := self.rows.get(table):
                    with db.cursor().copy(f"COPY {table} FROM STDIN") as sink:
                        sink.write(rows)


def replica(address: str) -> Replica:
    """As the database is now."""
    with psycopg.connect(address) as db:
        db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = dict[str, bytes]()
        for (table,) in db.execute(_TABLES).fetchall():
            with db.cursor().copy(f"COPY {table} TO STDOUT") as source:
                found[table] = b"".join(bytes(piece) for piece in source)
        return Replica(address, found)
