"""Repeat calls to a database that is away for a while, until it answers or the time is over; people are told.

A failover takes seconds to minutes. Nothing of the world is changed meanwhile, since each write asks the database first whether the
incident is still ours. A process that has waited long enough ends, and with it its heartbeat, so that any other may go on.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa

from ir.core.durations import spoken
from ir.core.errors import IrError

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type)

_PAUSE = 0.25
_FAILS = ("08", "57P", "53300", "25006")
"""Beginnings of PostgreSQL's codes for no connection, a server that starts or ends, too many connections, and a read-only server."""


class Away(IrError):
    """The database did not come back in time, or not as it was."""


class FellBack(Away):
    """Rows that this process wrote are not there any more, and no other took them away."""

    def __init__(self) -> None:
        super().__init__(
            "an older copy of the database took its place, as after a failover, and does not know what was recorded last",
            safe="what was done stays done; the next run looks at the world before it does anything",
            next_step="ir resume",
        )


def longest() -> float:
    """Seconds that a database is waited for: `IR_DATABASE_PATIENCE`, else 120."""
    try:
        return max(0.0, float(os.environ.get("IR_DATABASE_PATIENCE") or 120.0))
    except ValueError:
        return 120.0


class Outage:
    """One time without the database, shared by all threads of this process.

    Attributes:
        seen: the database answered once; an address that never worked is told at once.
        tell: called with a sentence when the outage begins and when it is over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = 0.0
        self.seen = False
        self.tell: Callable[[str], None] = lambda _text: None

    @property
    def goes_on(self) -> bool:
        """Whether the last try failed."""
        return self._since > 0

    def wait(self) -> None:
        """Wait a moment. Raises Away when the whole outage takes too long."""
        most, now = longest(), time.monotonic()
        with self._lock:
            first, self._since = not self._since, self._since or now
            waited = now - self._since
        if waited >= most:
            raise Away(
                f"the database has not answered for {spoken(max(waited, 1.0))}",
                safe="what was recorded stays; the next run looks at what was done last before it does anything",
                next_step="ir resume, once the database answers; IR_DATABASE_PATIENCE=SECONDS waits longer",
            )
        if first and most:
            self.tell(f"the database does not answer; waiting for it, at most {spoken(most)}; nothing is changed meanwhile")
        time.sleep(min(_PAUSE, most))

    def over(self) -> None:
        """The database answers again."""
        if not self._since:
            return
        with self._lock:
            since, self._since = self._since, 0.0
        if since:
            self.tell(f"the database answers again, after {spoken(max(time.monotonic() - since, 1.0))}")


outage = Outage()
"""Of this process."""


def is_away(error: BaseException) -> bool:
    """Whether the database or the way to it is down; a refusal of a statement does not count."""
    if isinstance(error, sa.exc.TimeoutError):  # all connections of the pool wait for it
        return outage.goes_on
    if isinstance(error, sa.exc.DBAPIError):
        return bool(error.connection_invalidated) or (error.orig is not None and is_away(error.orig))
    if not type(error).__module__.startswith("psycopg"):
        return False
    code = getattr(error, "sqlstate", None)
    if code:
        return str(code).startswith(_FAILS)
    return type(error).__name__ in ("OperationalError", "ConnectionTimeout", "InterfaceError")


def patient(call: Callable[P, T]) -> Callable[P, T]:
    """Repeat `call` while the database is away; the call must be free to repeat. Raises Away."""

    @wraps(call)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            try:
                found = call(*args, **kwargs)
            except sa.exc.SQLAlchemyError as error:
                if not is_away(error) or not outage.seen:
                    raise
            else:
                outage.over()
                return found
            outage.wait()  # outside of the handler: the error that is raised has nothing to do with a statement

    return tried


def all_patient(*but: str) -> Callable[[C], C]:
    """A class whose public methods are all `patient`, except those in `but`, which are not free to repeat."""

    def made(kind: C) -> C:
        for name, member in list(vars(kind).items()):
            if isfunction(member) and not name.startswith("_") and name not in but:
                setattr(kind, name, patient(member))
        return kind

    return made


def wait_to_connect(engine: sa.Engine) -> None:
    """Make new connections of this engine wait for the server, once it was there."""

    def connect(dialect: Any, _record: object, args: list[Any], options: dict[str, Any]) -> Any:
        while True:
            try:
                made = dialect.connect(*args, **options)
            except Exception as error:  # any error of the driver
                if not outage.seen or not is_away(error):
                    raise
            else:
                outage.seen = True
                return made
            outage.wait()

    sa.event.listen(engine, "do_connect", connect)
