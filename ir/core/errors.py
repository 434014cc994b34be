"""The error tree; every leaf owns one exit code.

    IrError                     1   unexpected
    ├── UsageError              2   bad flags
    │   └── BadFile             2   a file a human wrote is wrong: file, line, YAML path, fix
    ├── Refused                 3   we will not start; nothing was changed
    │   ├── AlreadyRunning      3   another incident holds the key or a store object
    │   └── Unreplayable        3   an incident that another version of the tool recorded, and that this one cannot go on with
    ├── Waiting                 4   a human has to do something first
    ├── MisuseFound             7   a review confirmed or suspects misuse
    ├── Interrupted           130   Ctrl-C
    └── PortError                   what an adapter may raise; the runner turns it into an outcome
        ├── Denied                  the other side said no (403, missing permission)
        ├── Missing                 what we asked for is not there (404)
        ├── Conflict                someone else changed it: the expected version no longer holds
        ├── Rejected                the other side understood and refused the content (400)
        └── Unknown                 time-out, 5xx, 429, torn answer: it may or may not have happened

New error? Reuse a leaf, then add a class, then add a code, in that order. Vendor exceptions never cross a
port: adapters translate them (`raise Denied(...) from None`, so that no vendor text with a key in it travels).
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; the README table is generated from these docstrings."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    WAITING = 4
    DEBT = 5
    ROLLED_BACK = 6
    MISUSE = 7
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One plain sentence for help pages and the README."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.UNEXPECTED: "unexpected error",
    ExitCode.USAGE: "usage: bad flags or a bad file",
    ExitCode.REFUSED: "refused, nothing changed",
    ExitCode.WAITING: "waiting for a human",
    ExitCode.DEBT: "done, with something still to do: `ir status` lists it",
    ExitCode.ROLLED_BACK: "rolled back: the leaked key lives",
    ExitCode.MISUSE: "misuse found (review)",
    ExitCode.INTERRUPTED: "interrupted; `ir resume` goes on",
}


class IrError(Exception):
    """Something went wrong and a human should know what, what is safe now, and what to do.

    Args:
        what: what happened, to what; plain words, no secrets.
        safe: what is safe now (empty: nothing was touched yet).
        next_step: the next command or click.
    """

    exit_code: ExitCode = ExitCode.UNEXPECTED

    def __init__(self, what: str, *, safe: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.safe = safe
        self.next_step = next_step

    @property
    def told(self) -> str:
        """What happened and what is safe now, as one text for the record."""
        return f"{self.what}{chr(10) if chr(10) in self.what else '; '}safe now: {self.safe}" if self.safe else self.what


def unexpected(error: BaseException) -> str:
    """Describe an unexpected error by its class, file and line. Its text is left out, because it may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
    return f"unexpected {type(error).__name__} at {where}"


class UsageError(IrError):
    """The command line does not make sense."""

    exit_code = ExitCode.USAGE


class BadFile(UsageError):
    """A file that a human wrote cannot be used.

    Args:
        file: path as the user gave it.
        line: 1-based line, 0 when the whole file is meant.
        path: YAML path such as `services[1].verify[0].http`.
        what: what is wrong.
        fix: what to write instead.
    """

    def __init__(self, file: str, line: int, path: str, what: str, fix: str = "") -> None:
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {path + ': ' if path else ''}{what}", safe="nothing was changed", next_step=fix)
        self.file, self.line, self.path, self.fix = file, line, path, fix


class Refused(IrError):
    """The tool refuses to start this; nothing was changed."""

    exit_code = ExitCode.REFUSED


class AlreadyRunning(Refused):
    """Another incident holds the key or a store object. The error names only that incident."""

    def __init__(self, what: str, *, incident: str, next_step: str = "") -> None:
        super().__init__(what, safe="nothing was changed", next_step=next_step)
        self.incident = incident


class Unreplayable(Refused):
    """An incident's record differs from what this version would do. The incident can still be ended: that needs no replay.

    Args:
        begun: the version that can go on with it, empty when none can.
        again: the command that rotates its key.
    """

    def __init__(self, what: str, *, incident: str, begun: str = "", again: str = "ir rotate stripe KEY") -> None:
        resume = f"resume it with {begun}; or " if begun else ""
        ways = f"{resume}end it without replay: ir abort {incident}, then {again}"
        super().__init__(what, safe="nothing was changed", next_step=f"{ways}; to stop the leak now: ir contain {incident}")


class Waiting(IrError):
    """A human has to act; `what` says exactly what, and `ir resume` looks again."""

    exit_code = ExitCode.WAITING


class MisuseFound(IrError):
    """A review confirmed or suspects misuse."""

    exit_code = ExitCode.MISUSE


class Interrupted(IrError):
    """The operator pressed Ctrl-C; the incident is resumable."""

    exit_code = ExitCode.INTERRUPTED


class PortError(IrError):
    """Base of everything that an adapter may raise across a port."""


class Denied(PortError):
    """The other side knows us and says no."""


class Missing(PortError):
    """The object that was asked for does not exist."""


class Conflict(PortError):
    """The expected version no longer holds, because another writer changed the object."""


class Rejected(PortError):
    """The request itself was refused; trying again unchanged is pointless."""


class Unknown(PortError):
    """No answer came that proves anything: look again before acting again."""
