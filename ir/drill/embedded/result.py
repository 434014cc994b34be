"""The result of a drill: numbers from the twin's own record, and every promise that was broken."""

from dataclasses import asdict, dataclass, field

from ir.core.model import Json


@dataclass(frozen=True)
class ServiceRow:
    """One service: payments by the twin's record, and the key that its last payment went out with."""

    name: str
    store: str
    ok: int
    failed: int
    key: str


@dataclass(frozen=True)
class DrillResult:
    """The result of one drill.

    Attributes:
        contained: seconds from the start of the run until strangers could no longer use the leaked key; None: they can.
        dead: seconds to the first 401 that the twin gave it; None: it never did.
        problems: one sentence per promise that was not kept; empty = passed.
        exit_codes: of each command, in order.
        seconds: where the time went, by phase.
        faults: what calls of the tool met, as `METHOD path: fate`.
        kills: how often its process was killed.
        report: path of the report's copy, "" = there is none.
    """

    seed: int
    incident: str
    services: tuple[ServiceRow, ...]
    strays: tuple[str, ...]
    contained: float | None
    dead: float | None
    exit_codes: tuple[int, ...]
    problems: tuple[str, ...]
    faults: tuple[str, ...] = ()
    kills: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    report: str = ""
    folder: str = ""

    @property
    def passed(self) -> bool:
        """Every promise was kept."""
        return not self.problems

    @property
    def payments(self) -> int:
        """All payments, failed ones included."""
        return sum(row.ok + row.failed for row in self.services)

    @property
    def failed(self) -> int:
        """Payments that failed."""
        return sum(row.failed for row in self.services)

    @property
    def last_line(self) -> str:
        """The numbers that matter."""
        trouble = f", faults {len(self.faults)}, kills {self.kills}" if self.faults or self.kills else ""
        return (
            f"payments {self.payments}, failed {self.failed}, strays {len(self.strays)}, "
            f"contained {_spoken(self.contained)} s, dead {_spoken(self.dead)} s{trouble}"
        )

    def to_json(self) -> Json:
        """One document."""
        numbers = {"payments": self.payments, "failed": self.failed, "strays": len(self.strays)}
        return {"passed": self.passed, **numbers, **asdict(self), "strays": len(self.strays), "stray_ids": list(self.strays)}


def _spoken(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"
