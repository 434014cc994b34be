"""The tool's own state: a folder of this machine, and a database that machines may share."""

import getpass
import os
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from ir import home, ledger
from ir.checkpoints import CheckpointLog
from ir.consent_log import ConsentLog
from ir.errors import UsageError
from ir.ledger import Me
from ir.stripe_budget import Budget


@dataclass
class State:
    """The tool's own state: folder, database, tables; and what this process may ask of Stripe."""

    folder: Path
    ledger: ledger.Ledger
    me: Me
    budget: Budget = field(default_factory=Budget)

    @cached_property
    def consents(self) -> ConsentLog:
        """What people agreed to at a terminal."""
        return ConsentLog(self.ledger.engine)

    @cached_property
    def checkpoints(self) -> CheckpointLog:
        """What was signed, of all incidents."""
        return CheckpointLog(self.ledger.engine)

    def bundle(self, incident: str) -> Path:
        """Where the report and the evidence of an incident lie."""
        return home.private(home.private(self.folder / "incidents") / incident)


def open_state() -> State:
    """Open it; SQLite in the state folder, or the database that `IR_DATABASE_URL` names."""
    folder = home.folder()
    url = os.environ.get("IR_DATABASE_URL") or f"sqlite:///{folder / 'ir.sqlite'}"
    return State(folder, ledger.Ledger(ledger.open_engine(database_address(url))), ledger.me(actor()))


def database_address(url: str) -> str:
    """The address as SQLAlchemy wants it: PostgreSQL by psycopg 3, SQLite as it stands.

    Raises:
        UsageError: it is neither; what it is instead is not told, a password may stand in it.
    """
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    try:
        known = sa.make_url(url).drivername in ("postgresql+psycopg", "sqlite")
    except (sa.exc.ArgumentError, ValueError):
        known = False
    if not known:
        raise UsageError("IR_DATABASE_URL is no address that can be used", next_step="postgresql://USER@HOST/NAME, or unset it for SQLite")
    return url


def actor() -> str:
    """Who runs this: user and host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid-{os.getuid()}@{socket.gethostname()}"
