"""The tool's own state: a folder of this machine, and a database that machines may share."""

import os
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from ir.clients.stripe_rate_limit import Budget
from ir.core.errors import UsageError
from ir.core.login import login
from ir.evidence.checkpoints import CheckpointLog
from ir.storage import database, process_identity, state_folder
from ir.storage.consent_log import ConsentLog
from ir.storage.incident_index import IncidentIndex
from ir.storage.inventory_texts import InventoryTexts
from ir.storage.leases import Leases
from ir.storage.open_questions import OpenQuestions
from ir.storage.own_uses import OwnUses
from ir.storage.process_identity import Me
from ir.storage.signal_log import SignalLog
from ir.storage.tables import ready


@dataclass
class State:
    """The tool's own state: folder, database and tables, and this process's share of Stripe's rate limits."""

    folder: Path
    engine: sa.Engine
    me: Me
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        ready(self.engine)

    @cached_property
    def leases(self) -> Leases:
        """Which process holds which key and store object, for which incident."""
        return Leases(self.engine)

    @cached_property
    def signals(self) -> SignalLog:
        """What was sent to incidents."""
        return SignalLog(self.engine)

    @cached_property
    def questions(self) -> OpenQuestions:
        """What people are asked just now, at the terminals of the processes that hold incidents."""
        return OpenQuestions(self.engine)

    @cached_property
    def index(self) -> IncidentIndex:
        """One row for each incident."""
        return IncidentIndex(self.engine)

    @cached_property
    def consents(self) -> ConsentLog:
        """What people agreed to at a terminal."""
        return ConsentLog(self.engine)

    @cached_property
    def checkpoints(self) -> CheckpointLog:
        """What was signed, of all incidents."""
        return CheckpointLog(self.engine)

    @cached_property
    def inventories(self) -> InventoryTexts:
        """Inventories that the incidents of a campaign share."""
        return InventoryTexts(self.engine)

    @cached_property
    def own_uses(self) -> OwnUses:
        """What this tool itself has done with leaked keys, as far as no entry tells it yet."""
        return OwnUses(self.engine)

    def bundle(self, incident: str) -> Path:
        """The folder of an incident's report and evidence."""
        return state_folder.private(state_folder.private(self.folder / "incidents") / incident)


def open_state() -> State:
    """Open the state: SQLite in the state folder, or the database that `IR_DATABASE_URL` names."""
    folder = state_folder.folder()
    url = os.environ.get("IR_DATABASE_URL") or f"sqlite:///{folder / 'ir.sqlite'}"
    return State(folder, database.open_engine(database_address(url)), process_identity.me(actor()))


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
        raise UsageError("IR_DATABASE_URL is not a usable address", next_step="postgresql://USER@HOST/NAME, or unset it for SQLite")
    return url


def actor() -> str:
    """The user and host that run this process; the user by its id and not by the environment."""
    return f"{login()}@{socket.gethostname()}"
