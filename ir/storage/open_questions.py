"""The question that stands open at the terminal of the process that holds an incident, for those who look on from another one.

It is a part of that process's lease: it goes when another process takes over, and counts for nothing once its own is dead. The
incident's record has the answer; this is gone by then.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from ir.core.model import Json
from ir.core.secret import scrub
from ir.storage.database import single
from ir.storage.process_identity import Me
from ir.storage.tables import LEASES, ready

_END_OF_A_KEY = re.compile(r"…\w{4}\b")
"""For the eyes of the person at that terminal only: nothing that is kept has it."""


@dataclass(frozen=True)
class OpenQuestion:
    """One.

    Attributes:
        said: the question.
        since: epoch seconds.
        approves: the step whose approval answers it from any terminal; "" = it is answered at its own.
    """

    said: str
    since: float
    approves: str = ""

    def to_json(self) -> Json:
        """As `ir status --json` has it."""
        return asdict(self)


class OpenQuestions:
    """The column of the table of leases. A database that does not answer keeps no question from being put."""

    def __init__(self, engine: sa.Engine) -> None:
        self._single = single(engine)
        ready(engine)

    @contextmanager
    def put(self, holder: Me, incident: str, said: str, approves: str = "") -> Iterator[None]:
        """While it stands open at the terminal of `holder`."""
        shown = _END_OF_A_KEY.sub("…", scrub(said)).strip()
        self._write(holder, incident, OpenQuestion(shown, time.time(), approves).to_json())
        try:
            yield
        finally:
            self._write(holder, incident, None)

    def of(self, incident: str) -> OpenQuestion | None:
        """The one of an incident whose process lives; whether it does is not asked here."""
        query = sa.select(LEASES.c.question).where((LEASES.c.incident == incident) & LEASES.c.question.is_not(None)).limit(1)
        with self._single.connect() as db:
            found = db.execute(query).scalar()
        return OpenQuestion(**found) if found else None

    def _write(self, holder: Me, incident: str, question: Json | None) -> None:
        mine = (LEASES.c.incident == incident) & (LEASES.c.executor == holder.executor)
        with suppress(sa.exc.SQLAlchemyError), self._single.begin() as db:
            db.execute(sa.update(LEASES).where(mine).values(question=question))
