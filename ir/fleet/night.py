"""One run of the schedule: its results, what is left, what is late, its recipients, and its exit code."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.fleet import digest, due
from ir.fleet.campaign import Child, exit_code
from ir.fleet.due import Row
from ir.inventory import Inventory
from ir.runtime.notice_words import Notice
from ir.storage.incident_index import IncidentRow


@dataclass(frozen=True)
class LeftKeys:
    """Keys whose date has come and that are not rotated.

    Attributes:
        stuck: they do not move until a human does something. late: they were tried in vain, or are overdue.
        found: all keys of the schedule.
        shut: their window is closed; each with when it opens, epoch seconds.
    """

    stuck: Sequence[Row]
    shut: Sequence[tuple[Row, float]]
    late: Sequence[Row]
    found: Sequence[Row] = ()


@dataclass(frozen=True)
class Night:
    """One run.

    Attributes:
        told: children that ended or wait, as they were last told. begun: children that this run wrote. alone: due keys left to a person.
        looked: epoch seconds of the last look for keys that can go on; a wait that ends later is the next run's.
        unfit: why this machine took nothing, "" = it took what there was.
    """

    told: Sequence[Child]
    begun: Sequence[Child]
    alone: Collection[str]
    left: LeftKeys
    looked: float
    unfit: str = ""

    @property
    def named(self) -> set[str]:
        """Keys that were told."""
        return {child.key for child in self.told}

    @property
    def held(self) -> list[Row]:
        """Keys that do not move, and that no message named."""
        return [row for row in self.left.stuck if row.key.name not in self.named]

    @property
    def late(self) -> list[Row]:
        """Late keys that no better message names."""
        return [row for row in self.left.late if row.decision.overdue or row.key.name not in self.named]

    def code(self, sleeping: Iterable[str]) -> ExitCode:
        """The exit code of the worst result: a late key makes it 4 until it is rotated. `sleeping`: as `standing.sleeping`."""
        codes = {exit_code(self.told, sleeping=sleeping)}
        codes |= {ExitCode.DEBT if row.stuck_as == "debt" else ExitCode.WAITING for row in self.held}
        codes |= {ExitCode.WAITING for _ in (*self.alone, *self.late, *filter(None, [self.unfit]))}
        return next(code for code in (ExitCode.DEBT, ExitCode.WAITING, ExitCode.REFUSED, ExitCode.DONE) if code in codes)

    def to_json(self) -> Json:
        """What `--json` prints of it."""
        return {
            "keys": [{**child.__dict__, "state": child.state.value} for child in self.told],
            "stuck": [{"key": row.key.name, "incident": row.stuck, "status": row.stuck_as} for row in self.held],
            "closed": [{"key": row.key.name, "due": row.decision.due, "opens": opens} for row, opens in self.left.shut],
            "late": [due.as_json(row) for row in self.left.late],
            "left": sorted(self.alone),
            "unfit": self.unfit,
        }


def left(source: Inventory, children: Sequence[Child], index: Sequence[IncidentRow], now: float) -> LeftKeys:
    """Keys that do not move until a person acts, keys that wait for their window, and late keys."""
    found = due.rows(source, children, index, now)
    return LeftKeys(due.stuck(found, now), due.shut(found, now), due.late(found, now), found)


def news(of: LeftKeys, children: Sequence[Child], now: float, laws: Sequence[str] = ()) -> list[Notice]:
    """The reminders that people get now and then, and the digest of the night; `laws`: lines of `digest.countdown`."""
    told = [
        *(due.reminder(row, now) for row in of.stuck),
        *(due.again(row, now) for row in of.found),
        digest.night(of.found, children, now, laws),
    ]
    return [notice for notice in told if notice is not None]
